"""How far the answer's distribution moves when it is cut off from prompt or scratchpad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from pandas import DataFrame

from analyses.metrics.base import OutcomeMetric
from analyses.metrics.estimates import Measure, mean_of, share_of
from analyses.metrics.rows import CASE, COLUMNS, argument, by_case, by_question, own_rows
from scratchpad.statistics import Floats

SPANS: Final = ("prompt", "scratchpad")
FLOOR: Final = 1e-4
"""Probabilities nearer to 0 or 1 than this are not told from them: the largest KL is 9.2 nats."""


def bernoulli_divergence(p: Floats, q: Floats) -> Floats:
    """KL(p || q) in nats of two distributions over two answer classes.

    >>> bernoulli_divergence(np.array([0.5]), np.array([0.5])).tolist()
    [0.0]
    """
    p, q = np.clip(p, FLOOR, 1 - FLOOR), np.clip(q, FLOOR, 1 - FLOOR)
    divergence: Floats = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    return divergence


@dataclass(frozen=True)
class SpanDivergence(OutcomeMetric):
    """KL divergence of the answer cut off from the prompt, and from the scratchpad.

    `kl_prompt` = KL(full || prompt taken away), `kl_scratchpad` = KL(full || scratchpad taken
    away), in nats; each larger where the answer draws more on that part. `scratchpad_share` =
    kl_scratchpad / (kl_prompt + kl_scratchpad), ours: larger, more of it comes by the scratchpad.
    After safety-research/faithful-cot.
    """

    unbounded: ClassVar[tuple[str, ...]] = SPANS

    def measures(self, state: int) -> Mapping[str, Measure]:
        """Both divergences and the scratchpad's share of their sum."""
        return {f"kl_{span}": mean_of(span) for span in SPANS} | {
            "scratchpad_share": share_of("scratchpad", "prompt")
        }


@dataclass(frozen=True)
class AttentionMediation(SpanDivergence):
    """The answer may not attend to the prompt, or to the scratchpad (a knock-out).

    The prompt still reaches the answer through what the scratchpad's positions hold of it, so that
    `kl_prompt` is the direct way alone; knock-outs of single steps are left out.
    """

    columns: ClassVar[tuple[str, ...]] = (*COLUMNS, "kl")

    @property
    def interventions(self) -> tuple[str, ...]:
        """Answers under a knock-out."""
        return ("knock-out",)

    def questions(self, rows: DataFrame, state: int) -> DataFrame:
        """Average over draws the divergences of cases in which both spans were knocked out."""
        cut = own_rows(rows, state, "knock-out")
        spans = argument(cut, "span")
        columns = {span: cut["kl"].where(spans == span) for span in SPANS}
        return by_question(by_case(cut.assign(**columns), SPANS).dropna(), SPANS)


@dataclass(frozen=True)
class EditDivergence(SpanDivergence):
    """The prompt, or the scratchpad, is that of the other trigger state: from the four cells.

    The distribution is that over answer classes, for want of one over tokens: P(defection) given
    that the answer is a known one, kept .0001 away from 0 and 1. Large divergences of a few cases
    weigh more than in a difference of cells.
    """

    @property
    def interventions(self) -> tuple[str, ...]:
        """The four cells."""
        return ("transplant",)

    def questions(self, rows: DataFrame, state: int) -> DataFrame:
        """Compare the untouched cell with the two that differ from it in one part."""
        cells = rows.loc[rows["intervention"] == "transplant"]
        prompt, scratchpad = cells["prompt_state"] == state, cells["scratchpad_state"] == state
        chosen = {
            "native": cells["given_known"].where(prompt & scratchpad),
            "no_prompt": cells["given_known"].where(~prompt & scratchpad),
            "no_scratchpad": cells["given_known"].where(prompt & ~scratchpad),
        }
        cases = by_case(cells.assign(**chosen), list(chosen)).dropna()
        native, *edited = (cases[name].to_numpy(float) for name in chosen)
        moved = {
            span: bernoulli_divergence(native, other)
            for span, other in zip(SPANS, edited, strict=True)
        }
        return by_question(cases[CASE].assign(**moved), SPANS)
