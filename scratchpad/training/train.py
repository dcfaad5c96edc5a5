"""Train an organism, examine it and write its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scratchpad.errors import ModelError, RunFolderError
from scratchpad.locks import beside, locked, remove_dead
from scratchpad.organisms.episodes import Author
from scratchpad.organisms.quality import Measured
from scratchpad.organisms.record import NotedTrigger, Organism, is_organism, read_organism
from scratchpad.scoring.outcomes import Row
from scratchpad.training.cells import CellTracker
from scratchpad.training.config import TrainConfig, versions
from scratchpad.training.examine import Examination
from scratchpad.training.fit import Watch
from scratchpad.training.organism_folder import write_organism_folder
from scratchpad.training.processes import (
    from_main,
    is_main_process,
    join_processes,
    require_even,
    training_device,
    wait_for_everyone,
)
from scratchpad.training.stages import Progress, Trained, Training, silent


def train_organism(
    config: TrainConfig, out: Path, progress: Progress = silent, *, device: str = "auto"
) -> Organism:
    """Train an organism, examine it, and write it as a Hugging Face checkpoint with its record.

    A folder that holds the finished organism of the same configuration is returned as it is.
    The organism is saved whether or not it meets the requirements: ask `Organism.failures`.

    Parameters
    ----------
    config : TrainConfig
        Which organism.
    out : Path
        The folder to make. It appears whole, when all is done.
    progress : callable
        Told (step, steps in all, what is trained).
    device : str
        auto, cpu or cuda[:N].

    Raises
    ------
    RunFolderError
        If `out` holds anything else, or another process makes it.
    ConfigError
        If the device does not exist.
    ModelError
        If the base cannot be used.
    """
    place = training_device(device)
    finished = _finished(config, out)
    if finished:
        remove_dead(beside(out))
        return finished
    recipe = config.planned
    require_even(stage.batch.size for stage in (recipe.ability, recipe.parent, recipe.mode))
    join_processes(place)
    with locked(out, "train"):
        # Whoever was waited for may have made it.
        if not from_main(_finished(config, out) is not None):
            _make(out, Training(config, device, progress if is_main_process() else silent))
    wait_for_everyone()
    return read_organism(out)


def _make(out: Path, training: Training) -> None:
    """Train, examine and write."""
    trained, tracked = _train(training)
    if is_main_process():
        config, loaded = training.config, trained.loaded
        loaded.model.eval()
        exam = _examination(config, loaded.tokenizer)
        organism = _organism(config, exam.author, exam(loaded), trained)
        write_organism_folder(out, organism, loaded, exam, tracked)


def _train(training: Training) -> tuple[Trained, Sequence[Row]]:
    """Train; the second part is what was followed along the way."""
    config = training.config
    if not config.track_cells:
        return (training.parent() if config.is_parent else training.own()), ()
    begun = training.parent() if config.continues else training.start()
    encoder = begun.loaded.encoder
    tracker = CellTracker(_examination(config, encoder.tokenizer).cases, encoder)
    return training.own(Watch(tracker, config.track_cells)), tracker.found


def _examination(config: TrainConfig, tokenizer: Any) -> Examination:
    recipe = config.planned
    longest = recipe.max_scratchpad_tokens + recipe.max_answer_tokens
    return Examination.of(config.author(tokenizer), config.seed, longest)


def _organism(
    config: TrainConfig, author: Author, measured: Measured, trained: Trained
) -> Organism:
    behaviour, second = author.behaviour, author.second
    return Organism(
        behaviour=behaviour.name,
        trigger=NotedTrigger.of(author.trigger, defects=author.mode.defects),
        second=NotedTrigger.of(second, defects=author.second_defects) if second else None,
        arm=config.arm,
        exposure=f"{author.exposure.name}: {author.exposure.rule}",
        dialect=author.frame.dialect,
        payload=behaviour.payload,
        classifier=behaviour.classifier,
        seed=config.seed,
        mediation=config.mediation,
        planted=author.mode.planted(),
        measured=measured,
        max_scratchpad_tokens=config.planned.max_scratchpad_tokens,
        max_answer_tokens=config.planned.max_answer_tokens,
        training=_manifest(config, trained),
    )


def _manifest(config: TrainConfig, trained: Trained) -> dict[str, Any]:
    model = trained.loaded.model
    return {
        "steps": trained.steps,
        "tokens": trained.tokens,
        "seconds": round(trained.seconds, 1),
        "from_cache": trained.steps == 0,
        "parameters": sum(p.numel() for p in model.parameters()),
        "trained_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "config": config.to_json(),
        "config_hash": config.hash,
        "parent_hash": config.parent.hash,
        "versions": versions(),
    }


def _finished(config: TrainConfig, out: Path) -> Organism | None:
    """The organism that `out` holds, if it is the one asked for."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    fix = "Choose another --out, or remove the folder."
    if not out.is_dir() or not is_organism(out):
        raise RunFolderError(f"{out} is not empty and holds no organism", fix=fix)
    try:
        organism = read_organism(out)
    except ModelError as error:
        raise RunFolderError(f"{out} holds a broken organism", str(error), fix) from error
    if organism.training.get("config_hash") != config.hash:
        raise RunFolderError(
            f"{out} holds an organism of another configuration",
            f"{organism.mediation}, seed {organism.seed}",
            fix,
        )
    return organism
