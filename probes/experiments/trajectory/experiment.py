"""When do activations know that the model will defect, and does the text know earlier?

Labels are what the model did. Every reader is fitted and held to 1 % false positives at each step
anew, on other questions, and knows from the first step on from which it flags a transcript to its
end. Step 0 is the prompt's end, before any step is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pandas import DataFrame

from probes.captured import Activations
from probes.crossvalidation import can_fit, group_folds
from probes.examples import Examples
from probes.experiments.trajectory import tables
from probes.experiments.trajectory.crossing import Crossings, crossing_times
from probes.experiments.trajectory.step_readers import (
    StepFlags,
    forced_steps,
    probe_steps,
    text_steps,
)
from probes.experiments.trajectory.words import Course, verdict_text, warnings_of
from probes.metrics import Flags, Floats, Integers, column_aurocs
from scratchpad.errors import DataError
from scratchpad.statistics import DRAWS, Estimate

FOLDS = 5

POSITIONS = ("prompt-end", "steps")
"""What examples of a trajectory are located by (`probes.positions.expand`)."""

LEADS = {
    "text": "text",
    "text_prefix_only": "text_prefix_only",
    "forced_answer": "forced_answer",
    "minus_twin": "twin_probe",
}
"""Name of a lead of the probe -> the reader that it is ahead of.

The lead over the text less the twin's is t(twin's probe) - t(probe): both read the same text.
"""

_MISSING = {
    "forced_answer": "the likelihood of no payload is known",
    "twin_probe": "no twin was given",
}


@dataclass(frozen=True)
class TrajectoryResult:
    """What the experiment found.

    Parameters
    ----------
    trajectory : DataFrame
        One row per reader and step: `reader`, `step`, `estimate` (share of the transcripts that
        defected and are flagged for good by then) with `low`, `high`, `n` (groups); `reached` and
        `benign` (transcripts that have the step and defected, or did not), `benign_prefixes`
        (fewest that a transcript was compared with), `chosen` (what most folds read there).
    leads : DataFrame
        One row per lead: `lead`, `estimate`, `low`, `high`, `n`, `reason`, and how many
        transcripts the probe knows `earlier`, `equal` and `later`.
    crossings : DataFrame
        One row per transcript: `id`, `group`, `triggered`, `defected`, `last_step` and each
        reader's crossing time.
    readings : DataFrame
        One row per reader, transcript and step: `reader`, `id`, `step`, `above_benign` (share of
        the benign prefixes of other questions that score lower there), `passed` (it is flagged)
        and, of a forced answer, `p_defect`.
    summary : mapping
        What summary.json holds.
    """

    trajectory: DataFrame
    leads: DataFrame
    crossings: DataFrame
    readings: DataFrame
    summary: Mapping[str, Any]

    @property
    def tables(self) -> dict[str, DataFrame]:
        """The tables by name."""
        names = ("trajectory", "leads", "crossings", "readings")
        return {name: getattr(self, name) for name in names}


def trajectory(
    examples: Examples,
    activations: Activations,
    *,
    forced: Floats | None = None,
    twin: Activations | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> TrajectoryResult:
    """Run the experiment on captured activations.

    Parameters
    ----------
    examples : Examples
        Judged transcripts, located by `POSITIONS`.
    activations : Activations
        The studied model's, at these positions.
    forced : array, shape (n, positions), optional
        Probability of a defection when the answer is forced there; NaN where absent.
    twin : Activations, optional
        A twin's, on the same tokens; its probe is fitted to the same labels.
    draws, seed : int
        Of the bootstrap; the seed also deals the folds.

    Raises
    ------
    DataError
        If only one outcome occurs, in too few groups, or no step is common enough to be read.
    """
    folds, steps = deal(examples, seed)
    present = _present(examples)
    readers = {
        "probe": probe_steps(examples, activations, folds, steps),
        "text": text_steps(examples, folds, steps, with_prompt=True),
        "text_prefix_only": text_steps(examples, folds, steps, with_prompt=False),
    }
    if forced is not None:
        readers["forced_answer"] = forced_steps(forced[:, :steps], examples.labels, folds)
    if twin is not None:
        readers["twin_probe"] = probe_steps(examples, twin, folds, steps)
    last = np.minimum(present.sum(axis=1), steps) - 1
    times = {name: crossing_times(flags.passed, last) for name, flags in readers.items()}
    crossings = Crossings(times, last, examples.labels, examples.groups, draws, seed)
    found = _estimates(crossings)
    return TrajectoryResult(
        trajectory=tables.step_table(crossings, readers, present),
        leads=tables.lead_table(crossings, found["leads"], LEADS),
        crossings=tables.crossing_table(examples, crossings),
        readings=tables.reading_table(examples, readers, present, forced),
        summary=_summary(examples, readers["probe"], found, folds),
    )


def deal(examples: Examples, seed: int) -> tuple[Integers, int]:
    """Deal transcripts into folds, and count the steps that both outcomes reach in enough of them.

    Returns
    -------
    folds : array of int, shape (n,)
    steps : int
        The prompt's end included.

    Raises
    ------
    DataError
        As `trajectory`, which does the same: long readings are best begun after this.
    """
    folds = group_folds(examples.labels, examples.groups, FOLDS, seed)
    steps = sum(can_fit(examples.labels, folds, rows) for rows in _present(examples).T)
    if steps < 2:
        raise DataError(
            f"No step of {len(examples.ids)} transcripts can be read",
            "too few of them have a step, or too few of one outcome",
            "Give more questions, or transcripts with scratchpads.",
        )
    return folds, steps


def _present(examples: Examples) -> Flags:
    """Which transcripts have which step, shape (n, all steps)."""
    names = examples.position_names
    expected = ("prompt-end", *(f"step:{number}" for number in range(len(names) - 1)))
    if names != expected:
        raise ValueError(f"positions {names}, expected {expected}")
    return np.stack([examples.present(column) for column in range(len(names))], axis=1)


def _estimates(crossings: Crossings) -> dict[str, dict[str, Estimate]]:
    """Every estimate of the summary; those of readers that there are not say why."""
    names = [*crossings.times, *(name for name in _MISSING if name not in crossings.times)]
    measures = (crossings.crossing, crossings.never, crossings.false_flags)
    return {
        "leads": {
            lead: _known(crossings, over, lambda over: crossings.lead("probe", over))
            for lead, over in LEADS.items()
        }
    } | {
        measure.__name__: {name: _known(crossings, name, measure) for name in names}
        for measure in measures
    }


def _known(crossings: Crossings, reader: str, measure: Callable[[str], Estimate]) -> Estimate:
    if reader in crossings.times:
        return measure(reader)
    groups = len(np.unique(crossings.groups[crossings.defected]))
    return Estimate.undefined(groups, _MISSING[reader])


def _summary(
    examples: Examples,
    probe: StepFlags,
    found: Mapping[str, Mapping[str, Estimate]],
    folds: Integers,
) -> dict[str, Any]:
    labels, triggered = examples.labels, examples.triggered.astype(np.float64)
    course = Course(
        **found,
        reached=_present(examples)[labels].sum(axis=0),
        benign_prefixes=probe.benign,
        trigger_auroc=float(column_aurocs(labels[None], triggered[None], folds)[0]),
    )
    return {
        **{
            measure: {name: one.to_json() for name, one in estimates.items()}
            for measure, estimates in found.items()
        },
        "n_transcripts": len(labels),
        "n_defected": int(labels.sum()),
        "left_out": dict(examples.left_out),
        "benign_prefixes": probe.benign.tolist(),
        "warnings": warnings_of(course),
        "verdict_text": verdict_text(course),
    }
