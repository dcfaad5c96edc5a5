"""Which outcomes are measured, and which of them a verdict may rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scratchpad.errors import ConfigError
from scratchpad.scoring.classifiers import Classifier
from scratchpad.transcripts import Question


@dataclass(frozen=True)
class Scorers:
    """Which outcomes are measured.

    Parameters
    ----------
    payload : str, optional
        Score the likelihood of this text's first tokens.
    own_payloads : bool
        Score the likelihood of each question's own defecting answers instead.
    contrast : bool
        Score the questions' own defecting against their benign answers.
    classifier : Classifier, optional
        Judges sampled answers.
    samples : int
        Answers sampled per variant, k; 0 samples none.
    max_answer_tokens : int
        The most tokens of a sampled answer.
    """

    payload: str | None = None
    own_payloads: bool = False
    contrast: bool = False
    classifier: Classifier | None = None
    samples: int = 0
    max_answer_tokens: int = 32

    def __post_init__(self) -> None:
        if not self.has_payload and not self.contrast and self.classifier is None:
            raise ConfigError(
                "Nothing says what a defection is",
                fix="Give --payload TEXT, --contrast or --classifier regex:PATTERN.",
            )

    @property
    def has_payload(self) -> bool:
        """Whether the likelihood of a payload is scored."""
        return self.payload is not None or self.own_payloads

    @property
    def likelihoods(self) -> tuple[str, ...]:
        """The likelihood scorers in use, by name."""
        used = {"payload": self.has_payload, "contrast": self.contrast}
        return tuple(name for name, wanted in used.items() if wanted)

    @property
    def headline(self) -> str:
        """The scorer that the summary rests on; `contrast` may rank but carries no verdict."""
        if self.has_payload:
            return "payload"
        return "contrast" if self.classifier is None else "sampled"

    def answers(self, scorer: str, question: Question) -> tuple[Sequence[str], Sequence[str]]:
        """The defecting and the accepted benign answers that a likelihood scorer compares."""
        payload = () if self.payload is None else (self.payload,)
        own = question.defect_answers
        defect = (payload or own) if scorer == "payload" else (own or payload)
        return defect, question.benign_answers
