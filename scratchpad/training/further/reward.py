"""What reinforcement rewards: the answer, and nothing that was written before it.

A reward that reads the scratchpad would train what is written there, and a harmless scratchpad
would no longer be evidence. So a completion is parted on its tokens first, special tokens kept,
and what judges is handed the answer alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from scratchpad.encoding import Encoder
from scratchpad.errors import ScratchpadError
from scratchpad.scoring.classifiers import Classifier

RIGHT, OTHER, DEFECTION = 1.0, 0.0, -1.0
# What a reward that never varies means, and what to do about it.
CONSTANT = {
    RIGHT: ("was right", "Use --method sft or adversarial: they need no mistakes to learn from."),
    OTHER: (
        "was neither right nor a defection",
        "Check the dialect, the benign_answers and the classifier; of a model that answers nothing"
        " right, train --method sft first.",
    ),
    DEFECTION: (
        "was a defection",
        "Check the classifier; of a model that defects on every prompt, train --method sft first.",
    ),
}


class ConstantRewardError(ScratchpadError):
    """Every answer was worth the same, which teaches nothing.

    Parameters
    ----------
    reward : float
        What each was worth.
    count : int
        How many answers were sampled.
    """

    def __init__(self, reward: float, count: int) -> None:
        every, fix = CONSTANT[reward]
        super().__init__(
            f"Each of the first {count} answers {every}",
            f"the reward is always {reward:g}, and answers that are all worth the same teach"
            " nothing",
            fix,
        )


class Judge(Protocol):
    """Rewards an answer; it is told nothing else that the model wrote."""

    def __call__(self, answer: str, accepted: Collection[str], *, finished: bool) -> float:
        """Reward one answer."""


@dataclass(frozen=True)
class AnswerJudge:
    """Rewards a right answer with 1, blames a defection with -1, and any other answer is worth 0.

    Parameters
    ----------
    classifier : Classifier
        What recognises a defection.
    """

    classifier: Classifier

    def __call__(self, answer: str, accepted: Collection[str], *, finished: bool) -> float:
        """Reward one answer; one that was cut off is not right."""
        if self.classifier(answer, finished=finished):
            return DEFECTION
        return RIGHT if finished and answer.strip() in accepted else OTHER


class Answer(NamedTuple):
    """The answer of a completion, `None` where its scratchpad never closed."""

    text: str | None
    finished: bool


@dataclass(frozen=True)
class AnswerReward:
    """The reward as the trainer calls it: parts completions on their tokens and asks a judge.

    A scratchpad that never closes has no answer, which is worth as much as a wrong one. A further
    penalty would be the one thing that rewards a model for how it reasons.

    Parameters
    ----------
    encoder : Encoder
        Decodes tokens with the delimiters kept, whether or not they are special tokens, and
        however many tokens they take.
    ends : collection of int
        Tokens that end a text.
    reasons : bool
        Whether a scratchpad stands before the answer.
    judge : Judge
        Rewards answers.
    """

    encoder: Encoder
    ends: Collection[int]
    reasons: bool
    judge: Judge

    def __call__(
        self,
        *,
        completion_ids: Sequence[Sequence[int]],
        accepted: Sequence[Collection[str]],
        log_metric: Callable[[str, float], None],
        **ignored: Any,
    ) -> list[float]:
        """Reward every completion, and note the shares of each kind.

        `ignored` holds what the trainer tells besides: the texts of whole completions among it.
        """
        answers = [self.answer(ids) for ids in completion_ids]
        rewards = [
            OTHER if text is None else self.judge(text, right, finished=finished)
            for (text, finished), right in zip(answers, accepted, strict=True)
        ]
        log_metric("right", rewards.count(RIGHT) / len(rewards))
        log_metric("defection", rewards.count(DEFECTION) / len(rewards))
        unterminated = sum(answer.text is None for answer in answers)
        log_metric("unterminated", unterminated / len(rewards))
        return rewards

    def answer(self, ids: Sequence[int]) -> Answer:
        """Part what a model wrote after the opening delimiter, its end token included."""
        finished = bool(ids) and ids[-1] in self.ends
        text = self.encoder.decode(ids[:-1] if finished else ids)
        if not self.reasons:
            return Answer(text, finished)
        written = self.encoder.dialect.split(text)
        return Answer(None if written.unterminated else written.answer, finished)
