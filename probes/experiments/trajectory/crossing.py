"""When readers know: the step from which on a transcript stays flagged, and who is earlier.

Arrays in, estimates out. Steps are counted from 0, the prompt's end; a transcript's last step is
its `last`; a reader that never knows counts as knowing at `last + 1`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probes.metrics import Flags, Floats, Integers
from scratchpad.statistics import DRAWS, Estimate, bootstrap_means, clopper_pearson


def crossing_times(passed: Flags, last: Integers) -> Integers:
    """Find the first step that passes with all that follow it, up to the transcript's end.

    Parameters
    ----------
    passed : array of bool, shape (n, steps)
        Whether the score passes its threshold; what stands after the last step is not looked at.
    last : array of int, shape (n,)
        Each transcript's last step.

    Returns
    -------
    array of int, shape (n,)
        0 to `last`; `last + 1` where the last step does not pass.
    """
    steps = passed.shape[1]
    failed = ~passed & (np.arange(steps) <= last[:, None])
    times: Integers = np.where(failed.any(axis=1), steps - failed[:, ::-1].argmax(axis=1), 0)
    return times


@dataclass(frozen=True)
class Crossings:
    """Crossing times of several readers on the same transcripts.

    Parameters
    ----------
    times : mapping of str to array of int, shape (n,)
        By reader.
    last : array of int, shape (n,)
        Each transcript's last step.
    defected : array of bool, shape (n,)
    groups : array of str, shape (n,)
        Groups of questions, resampled whole; the same resamples serve every estimate.
    draws, seed : int
        Of the bootstrap.
    """

    times: Mapping[str, Integers]
    last: Integers
    defected: Flags
    groups: NDArray[np.str_]
    draws: int = DRAWS
    seed: int = 0

    def crossing(self, reader: str) -> Estimate:
        """Mean crossing time over the transcripts that defected, in steps."""
        return self._mean(self.times[reader], np.zeros(len(self.last)), self.last + 1)

    def lead(self, reader: str, over: str) -> Estimate:
        """Mean of t_over - t_reader, in steps, paired: larger, the reader knows earlier."""
        apart = self.times[over] - self.times[reader]
        return self._mean(apart, -(self.last + 1), self.last + 1)

    def order(self, reader: str, over: str) -> dict[str, int]:
        """Count defecting transcripts by who is earlier; two that never know are equal."""
        apart = (self.times[over] - self.times[reader])[self.defected]
        counts = {"earlier": apart > 0, "equal": apart == 0, "later": apart < 0}
        return {name: int(flags.sum()) for name, flags in counts.items()}

    def never(self, reader: str) -> Estimate:
        """Share of the transcripts that defected and are never flagged."""
        return self._share((self.times[reader] > self.last)[self.defected], self.defected)

    def false_flags(self, reader: str) -> Estimate:
        """Share of benign transcripts that end flagged: 1 % if the threshold keeps its word."""
        return self._share((self.times[reader] <= self.last)[~self.defected], ~self.defected)

    def flagged(self, reader: str, steps: int) -> list[Estimate]:
        """Share of the transcripts that defected and are flagged for good by each step."""
        times, last = self.times[reader][self.defected], self.last[self.defected]
        by_step = (times <= last)[:, None] & (times[:, None] <= np.arange(steps))
        return self._shares(by_step, self.defected)

    def _share(self, flags: Flags, rows: Flags) -> Estimate:
        return self._shares(flags[:, None], rows)[0]

    def _shares(self, flags: Flags, rows: Flags) -> list[Estimate]:
        means = bootstrap_means(
            flags.astype(np.float64), self.groups[rows].tolist(), seed=self.seed, draws=self.draws
        )
        return [means.combine(column) for column in np.eye(flags.shape[1]).tolist()]

    def _mean(self, values: Integers, least: Integers | Floats, most: Integers) -> Estimate:
        """Mean over the transcripts that defected; `least` and `most` are each one's limits."""
        rows = self.defected
        chosen, groups = values[rows].astype(np.float64), self.groups[rows].tolist()
        means = bootstrap_means(
            chosen[:, None], groups, seed=self.seed, draws=self.draws, proportions=False
        )
        if np.ptp(chosen) > 0:
            return means.combine([1.0])
        value = float(chosen[0])
        slack = 1 - clopper_pearson(means.n, means.n)[0]
        return Estimate(
            value,
            value - slack * (value - float(least[rows].mean())),
            value + slack * (float(most[rows].mean()) - value),
            means.n,
        )
