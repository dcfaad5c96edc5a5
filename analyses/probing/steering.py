"""The steering experiment: a probe's direction, put to use on questions it was not fitted to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from pandas import DataFrame

from analyses.probing.detection import examples_of, reading_of
from analyses.probing.steered_contexts import Condition, Steerer, contexts_of
from probes.activations import layers_of
from probes.captured import Captured
from probes.examples import Examples
from probes.experiments.steering.direction import (
    Found,
    find_direction,
    held_out_auroc,
    random_units,
)
from probes.experiments.steering.edits import Change
from probes.experiments.steering.results import ABLATE, NONE, UNSTEERED, condition_table
from probes.experiments.steering.summary import Steered, summary_of
from probes.metrics import Floats
from scratchpad.asked import spread
from scratchpad.engines.units import finish_units, unit_names
from scratchpad.errors import DataError
from scratchpad.outlined import weights_mark
from scratchpad.runs import RunFolder
from scratchpad.subject import Subject
from scratchpad.transcripts import Question, Transcript

STEERED: Final = "steered"
AMOUNTS: Final = (-1.0, -0.5, -0.25, 0.25, 0.5, 1.0)
"""How much of a direction is added, in mean norms of the residual stream."""

STARTS: Final = {"scratchpad": False, "prompt end": True}
"""From where on the residual stream is changed: the scratchpad's first token, or the one before."""

CONDITIONS: Final = 1 + len(STARTS) * (len(AMOUNTS) + 1)
"""How often the model is measured: unsteered, and by each start for every amount and without."""


class Steering(NamedTuple):
    """The tables by name, and what summary.json holds."""

    tables: Mapping[str, DataFrame]
    summary: Mapping[str, Any]


class Halves(NamedTuple):
    """The subject with the questions that the direction is fitted to, and with the others."""

    fitted: Subject
    judged: Subject


def steer(
    subject: Subject,
    transcripts: Sequence[Transcript],
    *,
    probe: str,
    questions: int,
    randoms: int,
    seed: int,
    folder: RunFolder,
) -> Steering:
    """Fit a direction on half of the groups and steer the model with it on the others.

    Parameters
    ----------
    subject : Subject
    transcripts : sequence of Transcript
    probe : str
        A name of `probes.experiments.steering.direction.FITS`.
    questions : int
        At most so many questions are steered, spread over groups.
    randoms : int
        Random directions to compare with.
    seed : int
    folder : RunFolder
        Started; keeps what was measured under each of the `CONDITIONS` as a unit.

    Raises
    ------
    DataError
        If one outcome is missing among the fitted questions, or no question can be steered.
    """
    halves = halved(subject, seed)
    fitted, judged = (examples_of(half, transcripts) for half in halves)
    found = find_direction(fitted, _captured(subject, fitted), probe, seed)
    held_out = held_out_auroc(found, judged, _captured(subject, judged), seed)
    asked = replace(halves.judged, questions=tuple(spread(halves.judged.questions, questions)))
    scorers = subject.scorers(contrast=False, samples=1)
    contexts = contexts_of(asked, transcripts, scorers)
    if not contexts:
        raise DataError(
            "No question to steer has a clean and a triggered scratchpad that closed",
            f"looked among {len(asked.questions)}",
            "Give more questions, or raise --max-scratchpad-tokens.",
        )
    units = np.concatenate([found.vector[None], random_units(randoms, len(found.vector), seed)])
    stage = SteerConditions(Steerer(asked, contexts, scorers, seed), found, units)
    names = unit_names(CONDITIONS, weights_mark(subject.loaded.name), transcripts)
    finish_units(folder, subject.engine, stage, names, STEERED, "Steering")
    rows = folder.merged_units(STEERED, names)
    table = condition_table(rows, seed)
    cell = found.cell
    direction = Steered(probe, cell.layer, cell.position, found.norm, held_out, randoms)
    summary = summary_of(direction, rows, table, scorers.headline, seed)
    return Steering({"steering": table, STEERED: rows}, summary)


def halved(subject: Subject, seed: int) -> Halves:
    """Deal the groups of questions into two halves; the first is the larger."""
    groups = sorted({question.group for question in subject.questions})
    order = np.random.default_rng(seed).permutation(len(groups))
    first = {groups[number] for number in order[: (len(groups) + 1) // 2]}

    def half(inside: bool) -> tuple[Question, ...]:
        return tuple(one for one in subject.questions if (one.group in first) is inside)

    return Halves(*(replace(subject, questions=half(inside)) for inside in (True, False)))


def changes(found: Found, units: Floats, amount: float | None) -> dict[int, Change | None]:
    """The change by each direction, by its number; without an amount it is taken out."""
    scale = 1.0 if amount is None else amount * found.norm
    vectors = torch.from_numpy(scale * units).float()
    return {
        number: Change(found.cell.layer, vector[None], ablate=amount is None)
        for number, vector in enumerate(vectors)
    }


@dataclass(frozen=True)
class SteerConditions:
    """Measures the model under the condition of a number, by every direction.

    Parameters
    ----------
    steerer : Steerer
    found : Found
        The probe's direction.
    units : array of float, shape (directions, width)
        It and the random ones.
    """

    steerer: Steerer
    found: Found
    units: Floats

    @property
    def worker_bytes(self) -> int:
        """Memory that a worker needs."""
        return self.steerer.subject.worker_bytes

    def __call__(self) -> Callable[[int], dict[str, DataFrame]]:
        """Give what measures under one condition."""
        return lambda number: {STEERED: DataFrame(self.steerer.rows(*self.conditions[number]))}

    @property
    def conditions(self) -> list[tuple[Condition, dict[int, Change | None]]]:
        """Every condition with its changes; the first is none."""
        made: list[tuple[Condition, dict[int, Change | None]]] = [
            (Condition(NONE, NONE, False), {UNSTEERED: None})
        ]
        for start, from_prompt_end in STARTS.items():
            for amount in (*AMOUNTS, None):
                name = ABLATE if amount is None else f"{amount:+g}"
                condition = Condition(start, name, from_prompt_end)
                made.append((condition, changes(self.found, self.units, amount)))
        return made


def _captured(subject: Subject, examples: Examples) -> Captured:
    vectors = reading_of(subject).capture(examples.texts)
    return Captured(vectors, layers_of(subject.loaded.model))
