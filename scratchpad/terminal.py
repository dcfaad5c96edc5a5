"""What a reader sees in a terminal: tables, the verdict in words, bars that say when they end.

Everything fits 80 columns; where nobody looks (a pipe, a file) it is 80 columns wide and without
escape codes. `NO_COLOR` is honoured. Text that a model may have written is made visible first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TextIO

from scratchpad.estimates import Estimate
from scratchpad.hostile import visible
from scratchpad.notebook import table_html

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

WIDTH: Final = 80
QUIET: Final = ContextVar("QUIET", default=False)
"""Whether bars and tables are left out: how a command shows itself, not what it does."""


@dataclass(frozen=True)
class Table:
    """A table with a title that says what its numbers are."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def _repr_html_(self) -> str:
        return table_html(self)


class Result(NamedTuple):
    """What a command ends with.

    Parameters
    ----------
    summary : mapping
        What `--json` prints.
    lines : tuple of str
        Printed as they are, last: where the files are, above all.
    failures : tuple of str
        Requirements that were missed.
    verdict : str
        The result in words; all that `--quiet` leaves.
    tables : tuple of Table
        The headline numbers.
    warnings : tuple of str
        What a reader has to know beside the verdict.
    """

    summary: Mapping[str, Any]
    lines: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    verdict: str = ""
    tables: tuple[Table, ...] = ()
    warnings: tuple[str, ...] = ()


def estimates(title: str, named: Mapping[str, Mapping[str, Any] | None]) -> tuple[Table, ...]:
    """Tabulate records of estimates by their names; those that are absent are left out."""
    rows = [
        (name, str(Estimate.from_json(one)).partition(", n = ")[0], f"{one['n']:,}")
        for name, one in named.items()
        if one is not None
    ]
    return (Table(title, ("", "estimate [95 % interval]", "n"), tuple(rows)),) if rows else ()


def show(result: Result, file: TextIO) -> None:
    """Print what a command ends with: tables, verdict, warnings, lines."""
    console = console_of(file)
    if not QUIET.get():
        for table in result.tables:
            console.print(_drawn(table), "")
    texts = [result.verdict] if result.verdict else []
    if not QUIET.get():
        texts += [f"Warning: {text}." for text in result.warnings]
    for line in (line for text in texts for line in text.splitlines()):
        print(_wrapped(line, console.width), file=file)
    for line in () if QUIET.get() and result.verdict else result.lines:
        print(visible(line), file=file)
    file.flush()


def console_of(file: TextIO) -> Console:
    """A console that takes text as it is, 80 columns wide where it is no terminal."""
    from rich.console import Console

    width = None if file.isatty() else WIDTH
    return Console(file=file, width=width, highlight=False, markup=False, emoji=False)


def _wrapped(line: str, width: int) -> str:
    """Break a line at white space only: paths and names stay whole."""
    return fill(visible(line), width, break_long_words=False, break_on_hyphens=False)


def _drawn(table: Table) -> Any:
    from rich import box
    from rich.table import Table as Drawn
    from rich.text import Text

    drawn = Drawn(
        title=visible(table.title), title_justify="left", box=box.SIMPLE_HEAD, show_edge=False
    )
    for place, name in enumerate(table.header):
        last = 0 < place == len(table.header) - 1
        drawn.add_column(name, justify="right" if last and name == "n" else "left")
    for row in table.rows:
        drawn.add_row(*(Text(visible(cell)) for cell in row))
    return drawn


class Advance(Protocol):
    """Says that one more unit is done, or how many had been done before this run."""

    def __call__(self, *, reused: int | None = None) -> None:
        """Take one more, or as many as an earlier attempt had done."""


@contextmanager
def progress(description: str, total: int | None) -> Iterator[Advance]:
    """Show a progress bar on stderr; call what it gives once per unit done."""
    with _bars(counted=total is not None) as bars:
        task = bars.add_task(description, total=total, reused=0)

        def advance(*, reused: int | None = None) -> None:
            known = bars.tasks[0].fields["reused"] + (reused or 0)
            bars.update(task, advance=1 if reused is None else reused, reused=known)

        yield advance
        bars.update(task, total=total or 1, completed=total or 1)


@contextmanager
def training_progress() -> Iterator[Callable[[int, int, str], None]]:
    """Show a bar a stage on stderr; call what it gives with (step, steps in all, stage)."""
    with _bars(counted=True) as bars:
        tasks: dict[str, Any] = {}

        def tell(step: int, total: int, stage: str) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(f"Training {stage}", total=total, reused=0)
            bars.update(tasks[stage], completed=step)

        yield tell


def _bars(*, counted: bool) -> Progress:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns: list[ProgressColumn] = [
        TextColumn("{task.description:24}", markup=False),
        BarColumn(bar_width=12),
        TimeElapsedColumn(),
    ]
    if counted:
        columns[2:2] = [MofNCompleteColumn()]
        columns.append(_remaining())
    return Progress(*columns, console=console_of(sys.stderr), disable=QUIET.get())


def _remaining() -> Any:
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class Remaining(ProgressColumn):
        """How long the rest will take, if units go on costing what they did in this run.

        Units that an earlier attempt had done cost nothing now and do not count.
        """

        def render(self, task: Task) -> Text:
            done = task.completed - task.fields["reused"]
            if task.total is None or task.elapsed is None or done <= 0 or task.finished:
                return Text("")
            return Text(about(task.elapsed / done * (task.total - task.completed)))

    return Remaining()


def about(seconds: float) -> str:
    """Write a remaining time as roughly as it is known.

    >>> about(41.7), about(200), about(20_000)
    ('about 42 s left', 'about 3 min left', 'about 5.6 h left')
    """
    if seconds < 100:
        return f"about {seconds:.0f} s left"
    return (
        f"about {seconds / 60:.0f} min left"
        if seconds < 5400
        else (f"about {seconds / 3600:.1f} h left")
    )
