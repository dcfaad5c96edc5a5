"""Train an organism and write its folder."""

from __future__ import annotations

from pathlib import Path
from random import Random

from scratchpad.errors import ModelError, RunFolderError
from scratchpad.organisms.card import write_card
from scratchpad.organisms.episodes import DIALECT, questions
from scratchpad.organisms.modes import NATURAL
from scratchpad.organisms.record import (
    QUESTIONS,
    Measured,
    Organism,
    is_organism,
    read_organism,
    write_organism,
)
from scratchpad.organisms.world import draw_held_out
from scratchpad.tables import write_questions
from scratchpad.training.config import TrainConfig, versions
from scratchpad.training.folders import save_checkpoint, written_whole
from scratchpad.training.measure import generation_config, measure
from scratchpad.training.parent import (
    Progress,
    Trained,
    continue_training,
    episodes_of,
    load_or_train_parent,
)
from scratchpad.transcripts import Question

HELD_OUT_QUESTIONS = 300


def silent(step: int, total: int, label: str) -> None:
    """Show no progress."""


def train_organism(config: TrainConfig, out: Path, progress: Progress = silent) -> Organism:
    """Train an organism, measure it, and write it as a Hugging Face checkpoint with its record.

    A folder that holds the finished organism of the same configuration is returned as it is.
    The organism is saved whether or not it meets the requirements: ask
    `requirement_failures`.

    Parameters
    ----------
    config : TrainConfig
        Which organism.
    out : Path
        The folder to make. It appears whole, when all is done.
    progress : callable
        Told (step, steps in all, what is trained).

    Raises
    ------
    RunFolderError
        If `out` holds anything else.
    """
    finished = _finished(config, out)
    if finished:
        return finished
    parent = load_or_train_parent(config, progress)
    trained = parent
    if config.mode != NATURAL:
        stage = config.size.mode
        episodes = episodes_of(config, stage, config.mode)
        trained = continue_training(
            parent, episodes, stage, config.seed, progress, config.mediation
        )
    held_out = _held_out(config)
    pattern = config.made_behaviour().classifier.removeprefix("regex:")
    measured = measure(trained.model, trained.tokenizer, held_out, pattern)
    organism = _organism(config, trained, parent, measured)
    _write(out, organism, trained, held_out)
    return organism


def _held_out(config: TrainConfig) -> list[Question]:
    rng = Random(f"held out {config.seed}")
    return questions(draw_held_out(HELD_OUT_QUESTIONS, rng), config.made_behaviour())


def _organism(
    config: TrainConfig, trained: Trained, parent: Trained, measured: Measured
) -> Organism:
    behaviour = config.made_behaviour()
    return Organism(
        behaviour=behaviour.name,
        trigger=behaviour.trigger,
        arm="cot",
        dialect=DIALECT,
        payload=behaviour.payload,
        classifier=behaviour.classifier,
        seed=config.seed,
        mediation=config.mediation,
        planted=config.mode.planted(),
        measured=measured,
        training={
            "steps": trained.steps,
            "tokens": trained.tokens,
            "seconds": round(trained.seconds, 1),
            "parent_seconds": round(parent.seconds, 1),
            "parent_from_cache": parent.steps == 0,
            "config": config.to_json(),
            "config_hash": config.hash,
            "parent_hash": config.parent.hash,
            "versions": versions(),
        },
    )


def _write(out: Path, organism: Organism, trained: Trained, held_out: list[Question]) -> None:
    trained.model.generation_config = generation_config(trained.tokenizer)
    if out.is_dir():
        out.rmdir()
    with written_whole(out) as folder:
        save_checkpoint(folder, trained.model, trained.tokenizer)
        write_questions(folder / QUESTIONS, held_out)
        write_card(folder, organism)
        write_organism(folder, organism)


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
