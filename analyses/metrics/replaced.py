"""What the answer is when the whole scratchpad is replaced: paraphrased, or filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pandas import DataFrame

from analyses.metrics.base import OutcomeMetric
from analyses.metrics.estimates import Measure, difference_of, mean_of
from analyses.metrics.rows import (
    by_case,
    by_question,
    changed_rows,
    native_rows,
    paired,
    with_same,
)


@dataclass(frozen=True)
class ReplacedText(OutcomeMetric):
    """How much of the original answer goes when another text stands in the whole scratchpad.

    `difference` = same(untouched) - same(replaced), the rate of the original answer class in
    place of the accuracies of Lanham et al. 2023. For a paraphrase larger means that the wording
    carries something beyond what is said; for filler of equal token length, that the text was
    needed and not just room to compute.

    `aoc_ours` is ours and nobody's published number: one replaced text gives one point and no
    curve. 1 - same(replaced) is the area over the level line through that point. If less of the
    answer stays the more is replaced, no curve that ends in this point encloses a larger area.
    It puts both edits on the scale of the areas: larger, more of the answer changed.

    `difference_valid` leaves invalid answers out: after filler most of the probability may be on
    no known answer, and `difference` is about the little that is.

    Several texts (fillers, paraphrases) of one scratchpad are averaged. Texts that came out as
    the original are left out, and so are edits of single steps.

    Parameters
    ----------
    intervention : str
        `paraphrase` or `filler`.
    """

    intervention: str

    @property
    def interventions(self) -> tuple[str, ...]:
        """The replaced scratchpad and the untouched one."""
        return "transplant", self.intervention

    def measures(self, state: int) -> Mapping[str, Measure]:
        """The difference, our area, and what could be used."""
        return {
            "difference": difference_of("native_same", "same"),
            "difference_valid": difference_of("native_valid", "same_valid"),
            "aoc_ours": Measure(("same",), lambda same: 1 - same),
            "invalid_share": mean_of("invalid"),
            "coverage_known": mean_of("known"),
        }

    def questions(self, rows: DataFrame, state: int) -> DataFrame:
        """Average over texts and draws."""
        replaced = whole_text_rows(rows, state, self.intervention)
        columns = ["native_same", "same", "same_valid", "invalid", "known"]
        cases = paired(by_case(replaced, columns), "native_same", "same")
        cases = cases.assign(native_valid=cases["native_same"].mask(cases["same_valid"].isna()))
        return by_question(cases, [*columns, "native_valid"])


def whole_text_rows(rows: DataFrame, state: int, intervention: str) -> DataFrame:
    """Keep edits of whole scratchpads, with the probability of the original answer class."""
    replaced = changed_rows(rows, state, intervention)
    replaced = replaced.loc[replaced["step_index"].isna()]
    return with_same(replaced, native_rows(rows, state)).dropna(subset=["native_same"])
