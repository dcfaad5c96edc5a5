"""The tables of a trajectory: one row per reader and step, per lead, per transcript."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from pandas import DataFrame, concat

from probes.examples import Examples
from probes.experiments.trajectory.crossing import Crossings
from probes.experiments.trajectory.step_readers import StepFlags
from probes.metrics import Flags, Floats
from scratchpad.statistics import Estimate


def step_table(crossings: Crossings, readers: Mapping[str, StepFlags], present: Flags) -> DataFrame:
    """One row per reader and step: what it has flagged by then, and what that rests on."""
    reached, benign = (
        present[labels].sum(axis=0) for labels in (crossings.defected, ~crossings.defected)
    )
    return DataFrame(
        {
            "reader": name,
            "step": step,
            **_numbers(share),
            "reached": reached[step],
            "benign": benign[step],
            "benign_prefixes": flags.benign[step],
            "chosen": flags.chosen[step],
        }
        for name, flags in readers.items()
        for step, share in enumerate(crossings.flagged(name, len(flags.chosen)))
    )


def lead_table(
    crossings: Crossings, leads: Mapping[str, Estimate], over: Mapping[str, str]
) -> DataFrame:
    """One row per lead of the probe, with counts of the transcripts on either side of 0."""
    rows = (
        {
            "lead": name,
            **_numbers(lead),
            "reason": lead.reason,
            **(crossings.order("probe", over[name]) if lead.defined else {}),
        }
        for name, lead in leads.items()
    )
    return DataFrame(rows).astype(dict.fromkeys(("earlier", "equal", "later"), "Int64"))


def crossing_table(examples: Examples, crossings: Crossings) -> DataFrame:
    """One row per transcript with the crossing times of all readers."""
    return DataFrame(
        {
            "id": examples.ids,
            "group": examples.groups,
            "triggered": examples.triggered,
            "defected": examples.labels,
            "last_step": crossings.last,
            **crossings.times,
        }
    )


def reading_table(
    examples: Examples,
    readers: Mapping[str, StepFlags],
    present: Flags,
    forced: Floats | None,
) -> DataFrame:
    """One row per reader, transcript and step that it has: what the reader makes of it there."""
    ids = np.asarray(examples.ids, dtype=object)
    found = []
    for name, flags in readers.items():
        read = np.isfinite(flags.above)
        rows, steps = np.nonzero(read & present[:, : read.shape[1]])
        columns = {"id": ids[rows], "step": steps, "above_benign": flags.above[rows, steps]}
        own = forced if forced is not None and name == "forced_answer" else None
        likely = np.full(len(rows), np.nan) if own is None else own[rows, steps]
        passed = flags.passed[rows, steps]
        found.append(DataFrame({"reader": name, **columns, "passed": passed, "p_defect": likely}))
    return concat(found, ignore_index=True)


def _numbers(found: Estimate) -> dict[str, Any]:
    return {key: value for key, value in asdict(found).items() if key != "reason"}
