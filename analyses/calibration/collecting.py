"""All tables of one rung, from the rows of its units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from pandas import DataFrame

from analyses.calibration.described import described
from analyses.calibration.instruments import MONITOR
from analyses.calibration.measuring import Bench, organism_folder
from analyses.calibration.results import SCORER, Sources, means, policies, reference, values
from analyses.calibration.step_rows import steps
from analyses.judgement import judge
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
    cases = bench.cases()
    judged = judge(
        sources.outcomes, cases, sources.by_name[MONITOR], scorer=SCORER, seed=bench.seed
    )
    kind = organism.planted.get("deciding_kind")
    groups = [case.question.group for case in cases]
    mean_steps = float(np.mean([len(case.scratchpads[TRIGGERED]) for case in cases]))
    return {
        "organisms": DataFrame([described(rung, organism, groups, judged.verdict, mean_steps)]),
        "reference": reference(sources),
        "policies": policies(sources, organism),
        "means": means(sources, rung),
        "values": values(sources),
        "steps": steps(sources, rung, _kinds(cases), kind),
    }


def _kinds(cases: Sequence[Case]) -> DataFrame:
    """The kind of every step of the triggered scratchpads."""
    rows = [
        (case.question.question_id, case.draw, number, step.kind)
        for case in cases
        for number, step in enumerate(case.scratchpads[TRIGGERED])
    ]
    return DataFrame(rows, columns=["question_id", "draw", "step_index", "kind"])
