"""The commands that end in text or a model, `list` and `rerun`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from textwrap import TextWrapper
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scratchpad import edit_command, import_command, rerun_command, train_command
from scratchpad.commanding import add_command
from scratchpad.errors import ConfigError, unknown_name
from scratchpad.knobs import Draws, EngineKnobs, SubjectKnobs
from scratchpad.terminal import WIDTH, Result, progress

if TYPE_CHECKING:
    from scratchpad.runs import RunFolder
    from scratchpad.subject import SubjectConfig
    from scratchpad.transcripts import Transcript


@dataclass(frozen=True)
class ListCommand:
    """List what can be named: organisms, modes, triggers, exposures, interventions, dialects."""

    kind: Annotated[str, typer.Argument(help="organisms, modes, triggers, interventions, ...")]


@dataclass(frozen=True)
class SampleCommand(EngineKnobs, SubjectKnobs):
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
        train_command.TrainCommand,
        train_command.run_train,
        example=train_command.EXAMPLE,
    )
    add_command(
        app,
        "sample",
        SampleCommand,
        run_sample,
        example="scratchpad sample runs/organism --draws 2 --out runs/transcripts",
    )
    add_command(
        app,
        "edit",
        edit_command.EditCommand,
        edit_command.run_edit,
        example=edit_command.EXAMPLE,
    )
    add_command(
        app,
        "import",
        import_command.ImportCommand,
        import_command.run_import,
        example=import_command.EXAMPLE,
    )
    add_command(
        app,
        "rerun",
        rerun_command.RerunCommand,
        rerun_command.run_rerun,
        example=rerun_command.EXAMPLE,
    )


def run_list(config: ListCommand) -> Result:
    """Name the entries of a registry with the first line of what each is for."""
    entries = _registry(config.kind)
    indent = max(len(name) for name in entries) + 2
    wrap = TextWrapper(WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False)
    lines = (wrap.fill(f"{name:{indent}}{text}") for name, text in entries.items())
    return Result({config.kind: entries}, tuple(lines))


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


def run_sample(config: SampleCommand) -> Result:
    """Sample, or return the summary of a finished run of the same configuration."""
    import pandas as pd

    from scratchpad.runs import RunFolder
    from scratchpad.tables import transcript_row

    folder = RunFolder.open(config.out, "sample", asdict(config))
    if folder.finished:
        return Result(folder.summary(), (f"{config.out} is finished.",))
    table = pd.DataFrame([transcript_row(transcript) for transcript in _sampled(folder, config)])
    folder.write_table("transcripts", table)
    summary = {
        "transcripts": len(table),
        "unterminated": int(table["unterminated"].sum()),
        "defected": {
            state: int(part["defected"].eq(True).sum())
            for state, part in zip(("clean", "triggered"), _by_state(table), strict=True)
        },
    }
    folder.finish(summary, folder.units)
    return Result(summary, (f"{len(table)} transcripts in {config.out}/transcripts.parquet",))


def _sampled(folder: RunFolder, config: SampleCommand) -> Sequence[Transcript]:
    """Sample from a checkpoint or a served model, once the folder is this run's."""
    from scratchpad.engines.choosing import chosen_engine
    from scratchpad.sampled import Drawing, Prompts, SampleInto
    from scratchpad.served import is_served
    from scratchpad.subject import load_subject, subject_config

    told = replace(subject_config(config), reads_scratchpads=False)
    if is_served(config.model):
        return _served(folder, config, told)
    with chosen_engine(config.engine, config.address, device=config.device) as engine:
        subject = load_subject(told, engine)
        folder.start()
        settings = subject.sampling(
            draws=config.draws, seed=config.seed, temperature=config.temperature
        )
        prompts = Prompts.of(subject.loaded, subject.questions, settings)
        return SampleInto(folder)(Drawing(subject, prompts, settings))


def _served(folder: RunFolder, config: SampleCommand, told: SubjectConfig) -> Sequence[Transcript]:
    """Sample from a served model: its replies are kept as they come."""
    from scratchpad.served import sample_served

    if config.engine != "local":
        raise ConfigError(
            "A served model is sampled by this process: its server shares the work out",
            fix="Leave --engine out.",
        )
    if config.temperature != 1.0:
        raise ConfigError(
            f"A served model is sampled at temperature 1, not {config.temperature:g}",
            fix="Leave --temperature out.",
        )
    with progress("Asking the server", None):
        drawn = list(sample_served(told, draws=config.draws, seed=config.seed))
    folder.start()
    return drawn


def _by_state(table: Any) -> tuple[Any, Any]:
    return table[~table["triggered"]], table[table["triggered"]]
