"""The four cells of a model, in or after training, on scratchpads that a grammar writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np

from scratchpad.encoding import Encoder
from scratchpad.interventions import Transplant
from scratchpad.mediation import CELLS, Mediation
from scratchpad.models import LoadedModel
from scratchpad.organisms.behaviours import Item
from scratchpad.organisms.episodes import Author
from scratchpad.scoring.outcomes import Row, likelihood_rows
from scratchpad.scoring.scorers import Scorers
from scratchpad.statistics import Estimate
from scratchpad.transcripts import CLEAN, TRIGGERED, Case

KEPT = (
    "question_id", "group", "prompt_state", "scratchpad_state", "value", "p_defect", "p_benign",
    "coverage", "invalid",
)  # fmt: skip


@dataclass(frozen=True)
class TemplateCases:
    """Cases whose scratchpads are written by the grammar, scored by the likelihood of the payload.

    Parameters
    ----------
    author : Author
        Writes questions and scratchpads.
    items : sequence of Item
        Held-out questions.
    opposed : bool
        Let the part that does not decide say the opposite.
    """

    author: Author
    items: Sequence[Item]
    opposed: bool = False

    def rows(self, loaded: LoadedModel) -> list[Row]:
        """One row per question and cell."""
        scorers = Scorers(own_payloads=True)
        every = (
            likelihood_rows(loaded, case, Transplant()(case, 0), scorers)
            for case in self._cases(loaded.encoder)
        )
        return [{name: row[name] for name in KEPT} for rows in every for row in rows]

    def _cases(self, encoder: Encoder) -> list[Case]:
        rng, author, cases = Random("template scratchpads"), self.author, []
        write = author.opposed_scratchpad if self.opposed else author.own_scratchpad
        for question, item in zip(author.rendered_questions(self.items), self.items, strict=True):
            clean, triggered = (write(item, state, rng) for state in (CLEAN, TRIGGERED))
            cases.append(Case(question, (clean, triggered), encoder))
        return cases


@dataclass(frozen=True)
class CellTracker:
    """Follows the cells of a model while it trains."""

    cases: TemplateCases
    encoder: Encoder
    found: list[Row] = field(default_factory=list)

    def __call__(self, model: Any, step: int) -> None:
        """Measure the cells after a step."""
        loaded = LoadedModel("in training", model, self.encoder)
        self.found.extend({"step": step, **row} for row in self.cases.rows(loaded))


def cell_estimates(rows: Sequence[Mapping[str, Any]]) -> dict[str, Estimate]:
    """The four cells with intervals by group of questions, invalid answers left out."""
    names = list(dict.fromkeys(row["question_id"] for row in rows))
    place = {name: number for number, name in enumerate(names)}
    values = {cell: np.full(len(names), np.nan) for cell in CELLS}
    groups = [""] * len(names)
    for row in rows:
        cell = f"f{row['prompt_state']}{row['scratchpad_state']}"
        values[cell][place[row["question_id"]]] = row["value"]
        groups[place[row["question_id"]]] = row["group"]
    mediation = Mediation.of(values, groups, seed=0)
    return {cell: mediation.cell(cell) for cell in CELLS}
