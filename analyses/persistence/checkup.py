"""A checkup: what a model does, what its scratchpad decides, and what probes read, at a step."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from pandas import DataFrame

from analyses.ablation import CELLS as TRANSPLANT
from analyses.ablation import Ablation
from analyses.judgement import cell_table
from analyses.persistence.probe_reading import ProbeReading, Unread
from analyses.persistence.rates import asked, examined
from scratchpad.asked import spread
from scratchpad.interventions import parse
from scratchpad.mediation import CELLS, Mediation
from scratchpad.models import LoadedModel
from scratchpad.statistics import Estimate
from scratchpad.subject import Subject
from scratchpad.training.further.lessons import parted
from scratchpad.training.further.origin import Origin

CELL_QUESTIONS: Final = 60
# Answers after each cell, where a classifier alone knows a defection.
SAMPLES: Final = 8
EFFECTS: Final = ("total_effect", "total_indirect_effect", "pure_indirect_effect")
SHARES: Final = ("necessity_share", "sufficiency_share")
UNDECIDED: Final = "undecided"
Row = dict[str, Any]


@dataclass(frozen=True)
class Checkup:
    """Measures a model along training; rows gather in `found` and `judged`.

    Rates are of greedy answers to held-out questions, cells of scratchpads that the model writes
    by itself at temperature 1 at that step.

    Parameters
    ----------
    origin : Origin
        What training began from.
    probes : ProbeReading or Unread
        What reads activations, or why nothing does.
    reasons : bool
        Whether the model writes scratchpads now.
    seed : int
        Seeds draws and resamples.
    """

    origin: Origin
    probes: ProbeReading | Unread
    reasons: bool
    seed: int
    found: list[Row] = field(default_factory=list)
    judged: list[Row] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        origin: Origin,
        *,
        seed: int,
        twin: str | None = None,
        reasons: bool | None = None,
    ) -> Checkup:
        """Prepare the checkups of a model that is trained further.

        Parameters
        ----------
        origin : Origin
            What training begins from; it writes the text that probes read.
        seed : int
        twin : str, optional
            Folder of an organism that was only exposed to the second trigger.
        reasons : bool, optional
            Whether the trained model writes scratchpads; like its origin by default.

        Raises
        ------
        ScratchpadError
            If the twin cannot be used, or questions of an unknown world cannot be parted.
        """
        probes = ProbeReading.of(origin.subject, twin, seed)
        return cls(origin, probes, origin.reasons if reasons is None else reasons, seed)

    def __call__(self, model: Any, step: int) -> None:
        """Measure a model, in evaluation mode, after a step."""
        # An adapter acts within its base, whose layers have their usual names.
        plain = model.get_base_model() if hasattr(model, "get_base_model") else model
        subject = self._subject(replace(self.origin.subject.loaded, model=plain))
        cells, verdict = self._cells(subject)
        numbers = self._rates(subject) | cells | self.probes(subject.loaded)
        self.found.extend(_row(step, name, one) for name, one in numbers.items())
        self.judged.append({"step": step, "verdict": verdict})

    def table(self) -> DataFrame:
        """One row per step and quantity: `estimate`, `low`, `high`, `n`, `reason`."""
        return DataFrame(self.found)

    def verdicts(self) -> DataFrame:
        """The pattern of the cells at every step."""
        return DataFrame(self.judged)

    def _subject(self, loaded: LoadedModel) -> Subject:
        """The subject as it is now; one of an unknown world is asked what it is not taught."""
        subject, organism = self.origin.subject, self.origin.subject.organism
        questions = subject.questions
        if self.origin.author is None:
            _, measured = parted(self.origin)
            questions = tuple(one for one in questions if one.group in measured)
        arm = "cot" if self.reasons else "distilled"
        if organism is not None and organism.reasons is not self.reasons:
            organism = replace(organism, arm=arm)
        return replace(
            subject, loaded=loaded, organism=organism, questions=questions, transcripts=None
        )

    def _rates(self, subject: Subject) -> dict[str, Estimate]:
        author, organism = self.origin.author, subject.organism
        if author is None or organism is None:
            return asked(subject)
        told = replace(author, frame=replace(author.frame, reasons=self.reasons))
        return examined(told, subject.loaded, organism.seed, self.origin.longest)

    def _cells(self, subject: Subject) -> tuple[dict[str, Estimate], str]:
        """The four cells on scratchpads of the model's own, and their pattern."""
        if not self.reasons:
            return _no_cells("the model writes no scratchpad"), UNDECIDED
        asked_of = replace(subject, questions=tuple(spread(subject.questions, CELL_QUESTIONS)))
        known = subject.scorers(contrast=False, samples=SAMPLES)
        scorers = known if known.headline == "sampled" else replace(known, samples=0)
        sampling = subject.sampling(draws=1, seed=self.seed)
        ablation = Ablation(asked_of, parse(TRANSPLANT), scorers, sampling)
        cases = ablation.pairs(ablation.transcripts(), greedy=True).cases
        if not cases:
            return _no_cells("no question has two scratchpads that close"), UNDECIDED
        table = cell_table(ablation.cells(cases), scorer=scorers.headline)
        mediation = Mediation.of(*table, self.seed)
        found = {name: mediation.cell(name) for name in CELLS}
        found |= {name: mediation.effect(name) for name in EFFECTS}
        found |= {name: getattr(mediation, name) for name in SHARES}
        return found, mediation.verdict()


def _no_cells(reason: str) -> dict[str, Estimate]:
    return dict.fromkeys((*CELLS, *EFFECTS, *SHARES), Estimate.undefined(0, reason))


def _row(step: int, name: str, one: Estimate) -> Row:
    return {"step": step, "quantity": name, "reason": ""} | one.to_json()
