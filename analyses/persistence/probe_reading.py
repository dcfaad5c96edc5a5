"""What probes still read in a model while it is trained, on tokens that its origin wrote."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from analyses.probing.corners import load_corner
from analyses.probing.transfer import (
    FIRST,
    HEADLINE,
    SECOND,
    STUDIED,
    Written,
    domains_of,
    written_after_both,
)
from probes.evaluation import auroc_difference
from scratchpad.asked import other_questions, spread
from scratchpad.errors import ConfigError, DataError
from scratchpad.models import LoadedModel
from scratchpad.statistics import Estimate
from scratchpad.subject import Subject

QUESTIONS: Final = 100
PROBES: Final = ("probe_auroc", "probe_auroc_twin", "probe_auroc_gap")
TWIN: Final = "twin"
ONE_TRIGGER: Final = "the model has no second trigger: a probe would read the look of its only one"


@dataclass(frozen=True)
class Unread:
    """Stands for probes where nothing can be read, and says why."""

    reason: str

    def __call__(self, loaded: LoadedModel | None = None) -> dict[str, Estimate]:
        """Every number, undefined."""
        return dict.fromkeys(PROBES, Estimate.undefined(0, self.reason))


@dataclass(frozen=True)
class ProbeReading:
    """Probes fitted after one trigger and judged after the other, at the prompt's end.

    All models read what the origin wrote before it was trained further, labelled by what the
    origin did: the number says whether the model still tells those prompts apart in a way that
    carries over, not what it does with it.

    Parameters
    ----------
    written : Written
        What the origin wrote after either trigger.
    twin : LoadedModel or None
        An organism that was only exposed to the second trigger.
    seed : int
        Seeds folds and resamples.
    """

    written: Written
    twin: LoadedModel | None
    seed: int

    @classmethod
    def of(cls, subject: Subject, twin: str | None, seed: int) -> ProbeReading | Unread:
        """Let the origin write; nothing is read of one trigger, or where nothing can be judged.

        Raises
        ------
        ConfigError
            If a twin is given that nothing can be compared with.
        ModelError
            If the twin cannot be loaded, or reads other tokens.
        """
        if subject.organism is None or subject.organism.second is None:
            if twin is not None:
                raise ConfigError(
                    f"--twin {twin} has nothing to be compared with",
                    ONE_TRIGGER,
                    "Leave --twin out, or train with --second-trigger.",
                )
            return Unread(ONE_TRIGGER)
        loaded = subject.loaded
        corner = load_corner(subject, TWIN, twin, dtype="float32") if twin is not None else None
        fewer = replace(subject, questions=tuple(spread(subject.questions, QUESTIONS)))
        others = other_questions(loaded, None, QUESTIONS)
        sampling = subject.sampling(draws=1, seed=seed)
        try:
            return cls(written_after_both(fewer, others, sampling), corner, seed)
        except DataError as error:
            return Unread(f"{error.symptom}: {error.cause}")

    def __call__(self, loaded: LoadedModel) -> dict[str, Estimate]:
        """Capture, fit and judge."""
        corners = {STUDIED: loaded} | ({TWIN: self.twin} if self.twin is not None else {})
        try:
            domains = domains_of(self.written, corners, self.seed)
        except DataError as error:
            return Unread(error.symptom)()
        scores = {}
        for corner in corners:
            source = f"{corner}, {FIRST}"
            if not domains.can_teach(HEADLINE, source):
                return Unread("the origin did one thing only after its first trigger")()
            scores[corner] = domains.chosen(domains.candidates(HEADLINE, source)).scores
        found = {c: domains.auroc(one, f"{c}, {SECOND}") for c, one in scores.items()}
        missing = Unread("no twin organism was given")()
        if TWIN not in scores:
            return missing | {"probe_auroc": found[STUDIED]}
        there = domains.names == f"{STUDIED}, {SECOND}"
        beside = domains.names == f"{TWIN}, {SECOND}"
        gap = auroc_difference(
            domains.labels[there], scores[STUDIED][there], scores[TWIN][beside],
            domains.folds[there], domains.resamples.of(there), folded=True,
        )  # fmt: skip
        return dict(zip(PROBES, (found[STUDIED], found[TWIN], gap), strict=True))
