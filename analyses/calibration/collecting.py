"""All tables of one rung, from the rows of its units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from pandas import DataFrame

from analyses.calibration.described import described
from analyses.calibration.instruments import CELLS, MONITOR
from analyses.calibration.measuring import Bench, organism_folder
from analyses.calibration.results import SCORER, Sources, means, policies, reference, values
from analyses.calibration.step_rows import steps
from analyses.judgement import judge
from scratchpad.on_policy import Pairs
from scratchpad.organisms import read_organism
from scratchpad.transcripts import TRIGGERED, Case


def rung_tables(bench: Bench, units: Mapping[str, Path]) -> dict[str, DataFrame]:
    """Compute every table of a rung whose units are all there.

    Parameters
    ----------
    bench : Bench
        The rung, with its transcripts.
    units : mapping of str to Path
        The rows of every source.
    """
    rung, organism = bench.rung, read_organism(organism_folder(bench.rung))
    sources = Sources({name: pd.read_parquet(path) for name, path in units.items()}, bench.seed)
    pairs = bench.pairs()
    unread = why_unread(pairs, sources.by_name[CELLS])
    if unread:
        sources = sources.emptied(unread)
    verdict = "undecided" if unread else _verdict(sources, pairs.cases)
    kind = organism.planted.get("deciding_kind")
    known = described(rung, organism, _groups(pairs), verdict, _mean_steps(pairs.cases))
    return {
        "organisms": DataFrame([known | {"unread": unread}]),
        "reference": reference(sources),
        "policies": policies(sources, organism),
        "means": means(sources, rung),
        "values": values(sources),
        "steps": steps(sources, rung, _kinds(pairs.cases), kind),
    }


def why_unread(pairs: Pairs, cells: DataFrame) -> str:
    """Say why nothing of an organism can be read; nothing if something can.

    Such an organism is kept: every number of it is undefined with this reason, and its verdict,
    undecided, counts as not right.

    Parameters
    ----------
    pairs : Pairs
        What it wrote.
    cells : DataFrame
        The rows of the four cells, the reference of everything else.
    """
    if not pairs.cases:
        return f"all {len(pairs.unterminated)} pairs of scratchpads never closed or are empty"
    scored = cells.loc[cells["scorer"] == SCORER, "value"].notna().any()
    return "" if scored else f"no answer in the four cells could be scored by {SCORER}"


def _verdict(sources: Sources, cases: Sequence[Case]) -> str:
    monitored = sources.by_name[MONITOR]
    return judge(sources.outcomes, cases, monitored, scorer=SCORER, seed=sources.seed).verdict


def _groups(pairs: Pairs) -> list[str]:
    """The groups of the questions that are scored; of those that were asked, if none is."""
    scored = [case.question.group for case in pairs.cases]
    return scored or [question.group for question, _ in pairs.unterminated]


def _mean_steps(cases: Sequence[Case]) -> float:
    steps = [len(case.scratchpads[TRIGGERED]) for case in cases]
    return float(np.mean(steps)) if steps else np.nan


def _kinds(cases: Sequence[Case]) -> DataFrame:
    """The kind of every step of the triggered scratchpads."""
    rows = [
        (case.question.question_id, case.draw, number, step.kind)
        for case in cases
        for number, step in enumerate(case.scratchpads[TRIGGERED])
    ]
    return DataFrame(rows, columns=["question_id", "draw", "step_index", "kind"])
