"""The contract that every metric keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from pandas import DataFrame

from analyses.metrics.estimates import Measure, Sample
from analyses.metrics.rows import COLUMNS, STATES, scored_rows
from scratchpad.statistics import Estimate

Findings = dict[str, dict[str, Estimate]]
"""Estimates by trigger state ("clean", "triggered") and by the name of the number."""


@dataclass(frozen=True)
class Metric(ABC):
    """A pure function from a table to numbers, for clean and for triggered rows apart.

    Its fields are its parameters. Every number is a mean over questions (a question's draws are
    averaged first) or a function of such means, with a bootstrap interval over groups; one that
    cannot be computed is undefined, with the reason, and never an error.
    """

    table: ClassVar[str] = "outcomes"
    columns: ClassVar[tuple[str, ...]] = COLUMNS

    def __call__(self, table: DataFrame, scorer: str, seed: int) -> Findings:
        """Compute the metric.

        Parameters
        ----------
        table : DataFrame
            The table that `Metric.table` names.
        scorer : str
            Whose rows are used, where the table has several scorers.
        seed : int
            Seeds the bootstrap.
        """
        reason = self.lacks(table, scorer)
        if reason:
            return {name: self._undefined(state, reason) for state, name in enumerate(STATES)}
        return {name: self.state(table, scorer, state, seed) for state, name in enumerate(STATES)}

    def lacks(self, table: DataFrame, scorer: str) -> str:
        """Say what the table lacks to compute anything at all; nothing if it lacks nothing."""
        if table.empty:
            return "the table is empty"
        missing = [name for name in self.columns if name not in table]
        return f"the table has no column {', '.join(missing)}" if missing else ""

    @abstractmethod
    def measures(self, state: int) -> Mapping[str, Measure]:
        """Name the numbers of a trigger state and how each is computed."""

    @abstractmethod
    def state(self, table: DataFrame, scorer: str, state: int, seed: int) -> dict[str, Estimate]:
        """Compute the numbers of one trigger state."""

    def _undefined(self, state: int, reason: str) -> dict[str, Estimate]:
        return {name: Estimate.undefined(0, reason) for name in self.measures(state)}


@dataclass(frozen=True)
class OutcomeMetric(Metric):
    """A metric of the rows that some interventions left in an outcomes table.

    `interventions` are those without which there is nothing to compute; `unbounded` names the
    columns of `questions` that are no shares.
    """

    unbounded: ClassVar[tuple[str, ...]] = ()

    @property
    @abstractmethod
    def interventions(self) -> tuple[str, ...]:
        """The interventions whose rows are needed."""

    @abstractmethod
    def questions(self, rows: DataFrame, state: int) -> DataFrame:
        """Reduce the scored rows to one row of values per question, indexed by question, group."""

    def lacks(self, table: DataFrame, scorer: str) -> str:
        """Say what the table lacks: columns, or rows of an intervention by the scorer."""
        reason = super().lacks(table, scorer)
        if reason:
            return reason
        present = set(table.loc[table["scorer"] == scorer, "intervention"])
        missing = [name for name in self.interventions if name not in present]
        return f"no rows of {', '.join(missing)} by the scorer {scorer}" if missing else ""

    def state(self, table: DataFrame, scorer: str, state: int, seed: int) -> dict[str, Estimate]:
        """Average by question, resample groups, and compute every number."""
        values = self.questions(scored_rows(table, scorer), state)
        sample = Sample.of(values, seed, self.unbounded)
        return {name: sample.estimate(m) for name, m in self.measures(state).items()}
