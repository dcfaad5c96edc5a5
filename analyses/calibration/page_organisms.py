"""The tables of a calibration's page on organisms, and on the next one, as lines of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pandas import DataFrame

from analyses.calibration.alike import MATCHING
from analyses.calibration.page_tables import Row, interval
from analyses.calibration.scoring.known_error import REFERENCE
from analyses.figures.tables import records
from analyses.figures.typeset import piped_lines
from analyses.report.numbers import missing, number

_KNOWN: Final = (
    "Measured minus planted on one more organism of the same kind: mean error and 90 % prediction"
    " interval; covered: organisms inside the interval made from the others. `ablate` quotes the"
    " row of organisms that met the instrument's intervention in training (seen) if the model did,"
    " else that of those that did not; a model whose record names no exposure of ours is taken to"
    " have met none. Every planted rule was learned from swaps, so that the error of the four cells"
    " is known on organisms that met them and on no others."
)


def organisms_lines(tables: Mapping[str, DataFrame]) -> Iterator[str]:
    """Every organism, planted and measured, and how far the cells are off."""
    cells = tables["reference"]
    own = cells[cells["repeat"] == 0].set_index(["organism", "effect"])
    rows = []
    for row in records(tables["organisms"]):
        measured = [
            interval(own.loc[(row["organism"], effect)].to_dict())
            for effect in ("total_indirect_effect", "pure_indirect_effect")
        ]
        planted = f"{number(row['planted_tie'])}, {number(row['planted_pie'])}"
        rows.append((_named(row), planted, *measured, row["planted_verdict"] or "-",
                     row["verdict"]))  # fmt: skip
    yield from piped_lines(
        ("organism", "planted", "TIE", "PIE", "planted verdict", "verdict"), rows
    )
    yield ""
    yield from (
        f"- Nothing of {row['organism']} could be read: {row['unread']}. Every metric of it is"
        " undefined and counted so, and its verdict counts as not right."
        for row in records(tables["organisms"])
        if row["unread"]
    )
    for row in records(tables["reference_scores"]):
        if row["selection"] == "all trained":
            yield (
                f"- {row['score']} of the {row['effect'].replace('_', ' ')}: {interval(row)},"
                f" at most {number(row['worst'])}"
            )


def _named(organism: Row) -> str:
    marks = ["not read"] if organism["unread"] else []
    marks += [] if organism["admitted"] else ["missed its plan"]
    marked = f" ({', '.join(marks)})" if marks else ""
    return f"{organism['mediation']}, {organism['exposure']}, seed {organism['seed']}{marked}"


def known_lines(table: DataFrame) -> Iterator[str]:
    """The error to be expected of one more organism, by what it met in training."""
    yield _KNOWN
    yield ""
    differing = [name for name in MATCHING if table[name].nunique() > 1]
    rows = [
        (
            row["instrument"],
            *(row[name] for name in differing),
            "seen" if row["seen"] else "not seen",
            row["effect"].replace("_", " "),
            f"undefined: {row['reason']}" if missing(row["estimate"]) else interval(row),
            "-" if missing(row["estimate"]) else f"{int(row['covered'])} of {row['n']}",
        )
        for row in records(table)
        if row["n"] > 0 or row["instrument"] == REFERENCE
    ]
    columns = ("instrument", *differing, "intervention", "effect", "error", "covered")
    yield from piped_lines(columns, rows)


def carried_lines(table: DataFrame) -> Iterator[str]:
    """Whether tiny organisms rank as others do."""
    yield from ("", "## Do tiny organisms stand for others?", "")
    if table.empty:
        yield "Not measured: `scratchpad calibrate --size carry-over` compares them."
        return
    yield (
        "Share of pairs of modes that a metric orders as it does on tiny organisms from scratch, on"
        " larger ones and on fine-tuned ones (`scratchpad calibrate --size carry-over`). What is"
        " said of tiny organisms above is no better than this."
    )
    yield ""
    kinds = table["base"] + ", " + table["route"]
    alike = [f"{number(row['agreement'])} ({row['pairs']})" for row in records(table)]
    wide = table.assign(kind=kinds, alike=alike).pivot(index="metric", columns="kind")["alike"]
    columns = list(dict.fromkeys(kinds))
    rows = [(str(name), *(str(row[kind]) for kind in columns)) for name, row in wide.iterrows()]
    yield from piped_lines(("metric (pairs)", *columns), rows)
