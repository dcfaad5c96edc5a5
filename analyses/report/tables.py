"""A table of a report, and how estimates and data frames become one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from analyses.report.numbers import is_estimate, write_estimate


@dataclass(frozen=True)
class Row:
    """One row; a `warned` one is marked, and says why in one of its cells."""

    cells: tuple[str, ...]
    warned: bool = False


@dataclass(frozen=True)
class Table:
    """A table with a caption that says what its numbers are."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]


def table_of(caption: str, header: tuple[str, ...], rows: Iterable[Row]) -> Table | None:
    """Make a table of rows, if there are any."""
    kept = tuple(rows)
    return Table(caption, header, kept) if kept else None


def estimates_table(
    caption: str, summary: Mapping[str, Any], words: Mapping[str, str]
) -> Table | None:
    """Tabulate estimates of a summary, those with words first."""
    keys = [*words, *(key for key in summary if key not in words)]
    rows = (
        Row((words.get(key, key.replace("_", " ")), write_estimate(summary[key])))
        for key in keys
        if is_estimate(summary.get(key))
    )
    return table_of(caption, ("measure", "estimate"), rows)
