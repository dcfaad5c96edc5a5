"""The commands that end in text or a model: `list`, `train`, `sample`, `edit` and `import`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from textwrap import TextWrapper
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scratchpad import edit_command, import_command, train_command
from scratchpad.commanding import add_command
from scratchpad.errors import ConfigError, unknown_name
from scratchpad.knobs import Draws, SubjectKnobs
from scratchpad.terminal import WIDTH, Result, progress

if TYPE_CHECKING:
    from scratchpad.runs import RunFolder
    from scratchpad.transcripts import Transcript


@dataclass(frozen=True)
class ListCommand:
    """List what can be named: organisms, modes, triggers, exposures, interventions, dialects."""

    kind: Annotated[str, typer.Argument(help="organisms, modes, triggers, interventions, ...")]


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
    rows = [transcript_row(transcript) for transcript in _sampled(folder, config)]
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


def _sampled(folder: RunFolder, config: SampleCommand) -> Iterator[Transcript]:
    """Sample from a local checkpoint or a served model, once the folder is this run's."""
    from scratchpad.on_policy import sample_transcripts
    from scratchpad.served import is_served, sample_served
    from scratchpad.subject import load_subject, subject_config

    told = replace(subject_config(config), reads_scratchpads=False)
    if is_served(config.model):
        if config.temperature != 1.0:
            raise ConfigError(
                f"A served model is sampled at temperature 1, not {config.temperature:g}",
                fix="Leave --temperature out.",
            )
        with progress("Asking the server", None):
            drawn = sample_served(told, draws=config.draws, seed=config.seed)
        folder.start()
        yield from drawn
        return
    subject = load_subject(told)
    folder.start()
    settings = subject.sampling(
        draws=config.draws, seed=config.seed, temperature=config.temperature
    )
    with progress("Sampling transcripts", len(subject.questions) * 2 * config.draws) as advance:
        for transcript in sample_transcripts(
            subject.loaded, subject.questions, settings, subject.classifier
        ):
            yield transcript
            advance()


def _by_state(table: Any) -> tuple[Any, Any]:
    return table[~table["triggered"]], table[table["triggered"]]
