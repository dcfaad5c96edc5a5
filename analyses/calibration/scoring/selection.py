"""The best instrument, chosen on odd seeds and reported on even ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
from pandas import DataFrame, MultiIndex, Series

from analyses.calibration.scoring.pairs import PAIR, ordered_pairs, wins
from analyses.calibration.scoring.populations import (
    EXPOSURES,
    HEADLINE,
    SELECTIONS,
    finite,
    selected,
)
from analyses.calibration.scoring.resampling import Items, pair_items, question_items, record, tidy
from analyses.calibration.scoring.step_scores import QUESTION, labelled_steps, transcript_scores
from scratchpad.statistics import Estimate, holm

COLUMNS: Final = (
    "selection", "exposure", "name", "chosen", "estimate_odd", "n_odd", "estimate", "low", "high",
    "n", "unit", "difference", "difference_low", "difference_high", "n_difference", "p", "p_holm",
    "reason",
)  # fmt: skip
ENOUGH: Final = 0.5
"""Share of the comparisons put to it that a candidate must have a number for."""


class Half(NamedTuple):
    """The comparisons of one half of the seeds, as `Contest`: what was put to whom, and the score.

    Both are comparisons by candidates; a score is NaN where nothing was asked or answered.
    """

    scores: DataFrame
    asked: DataFrame

    def answers_enough(self, name: str) -> bool:
        """Whether a candidate has a number for most of what it was asked."""
        return int(self.scores[name].notna().sum()) >= ENOUGH * int(self.asked[name].sum())


@dataclass(frozen=True)
class Contest:
    """Candidates and their scores in every comparison that organisms allow.

    Parameters
    ----------
    scores : DataFrame
        Comparisons by candidates, NaN where a candidate has no number.
    members : sequence of str
        Levels of its index that name organisms.
    seen : DataFrame
        Organisms by candidates: whether the organism met the candidate's intervention.
    items : callable
        From one column of scores to items.
    tried : DataFrame
        Comparisons by candidates: whether they were put to a candidate at all, whose budget may
        not have reached them.
    """

    scores: DataFrame
    members: tuple[str, ...]
    seen: DataFrame
    items: Callable[[Series[float]], Items]
    tried: DataFrame

    def half(self, organisms: DataFrame, exposed: bool) -> Half:
        """Put to each candidate the comparisons of organisms that all (or none) have seen it."""
        inside = self.seen[self.seen.index.isin(organisms["organism"])]
        met = inside.eq(exposed)[self.scores.columns]
        places = [self.scores.index.get_level_values(member) for member in self.members]
        asked = np.logical_and.reduce(
            [met.reindex(place, fill_value=False).to_numpy(bool) for place in places]
        )
        table = DataFrame(asked, index=self.scores.index, columns=self.scores.columns) & self.tried
        return Half(self.scores.where(table), table)

    def estimates(self, half: Half, seed: int) -> dict[str, Estimate]:
        """Score every candidate."""
        return {str(name): self.items(half.scores[name]).estimate(seed) for name in half.scores}

    def difference(self, half: Half, name: str, other: str) -> Items:
        """Subtract another's score where both have one."""
        values = half.scores[name] - half.scores[other]
        return replace(self.items(values), share=False)


def best_metric(organisms: DataFrame, means: DataFrame, *, seed: int) -> DataFrame:
    """Choose the metric of the largest concordance; see `metric_scores` and `choose`."""
    headline = means[means["state"] == HEADLINE]
    numbers = headline.assign(estimate=finite(headline["estimate"])).pivot(
        index="organism", columns="metric", values="estimate"
    )
    seen = headline.pivot(index="organism", columns="metric", values="seen")
    pairs = ordered_pairs(organisms).pairs
    scores = DataFrame({name: wins(pairs, numbers[name]) for name in numbers}, index=pairs)
    every = scores.notna() | True
    return choose(Contest(scores, tuple(PAIR), seen, pair_items, every), organisms, seed=seed)


def best_attribution(organisms: DataFrame, steps: DataFrame, *, seed: int) -> DataFrame:
    """Choose the attribution of the largest AUROC; see `step_scores` and `choose`."""
    labelled = labelled_steps(steps, organisms)
    questions = MultiIndex.from_frame(labelled.loc[labelled["driven"], QUESTION].drop_duplicates())
    scores = {
        str(name): transcript_scores(own)["auroc"].groupby(level=QUESTION).mean()
        for name, own in labelled.groupby("attribution")
    }
    first = labelled.drop_duplicates(["organism", "attribution"])
    seen = first.pivot(index="organism", columns="attribution", values="seen")
    table = DataFrame(scores, index=questions)
    rows = {
        str(name): questions.isin(MultiIndex.from_frame(own[QUESTION].drop_duplicates()))
        for name, own in labelled.groupby("attribution")
    }
    tried = DataFrame(rows, index=questions)
    contest = Contest(table, ("organism",), seen, question_items, tried)
    return choose(contest, organisms, seed=seed)


def choose(contest: Contest, organisms: DataFrame, *, seed: int) -> DataFrame:
    """Choose the best candidate on odd seeds and report every one on even seeds.

    Separately on organisms that did and did not see a candidate's intervention: none is called
    better across different exposure. A candidate that has a number for less than half of what it
    is asked cannot be chosen; of equals, the first by name is.

    Returns
    -------
    DataFrame
        `COLUMNS`: the score on odd seeds; on even ones the score (`estimate` to `n`) and the
        difference to the chosen candidate's on the comparisons that both have, with its paired
        bootstrap interval, its p value and that adjusted by Holm's method over all candidates.
    """
    rows: list[dict[str, Any]] = []
    for selection in SELECTIONS:
        pool = selected(organisms, selection)
        odd = pool["seed"] % 2 == 1
        for exposure, exposed in EXPOSURES.items():
            if exposed is not None:
                halves = contest.half(pool[odd], exposed), contest.half(pool[~odd], exposed)
                labels = {"selection": selection, "exposure": exposure}
                rows += [labels | row for row in _rows(contest, *halves, seed)]
    return tidy(rows, COLUMNS, ("n_odd", "n", "n_difference"))


def _rows(contest: Contest, odd: Half, even: Half, seed: int) -> Iterator[dict[str, Any]]:
    before, after = contest.estimates(odd, seed), contest.estimates(even, seed)
    fit = {
        name: found.estimate
        for name, found in sorted(before.items())
        if found.estimate is not None and odd.answers_enough(name)
    }
    missing = _missing(fit, after)
    chosen = "" if missing else max(fit, key=lambda name: fit[name])
    others = {} if missing else _differences(contest, even, chosen, seed)
    for name, found in before.items():
        reported = Estimate.undefined(after[name].n, missing) if missing else after[name]
        yield {
            **record(reported, name=name, chosen=name == chosen),
            "estimate_odd": found.estimate,
            "n_odd": found.n,
            "unit": contest.items(even.scores[name]).unit,
            **others.get(name, {}),
        }


def _missing(fit: Mapping[str, float], after: Mapping[str, Estimate]) -> str:
    if not fit:
        return "no candidate can be chosen on odd seeds"
    return "" if any(one.defined for one in after.values()) else "none has a score on even seeds"


def _differences(contest: Contest, even: Half, chosen: str, seed: int) -> dict[str, dict[str, Any]]:
    """What every other candidate with common comparisons differs by from the chosen one."""
    names = [str(name) for name in even.scores if name != chosen]
    items = {name: contest.difference(even, name, chosen) for name in names}
    found = {name: one.estimate(seed) for name, one in items.items()}
    defined = [name for name in names if found[name].defined]
    p_values = np.array([items[name].p_value(seed) for name in defined])
    return {
        name: {
            "difference": found[name].estimate,
            "difference_low": found[name].low,
            "difference_high": found[name].high,
            "n_difference": found[name].n,
            "p": p,
            "p_holm": adjusted,
        }
        for name, p, adjusted in zip(defined, p_values, holm(p_values), strict=True)
    }
