"""Transcripts of all four cells: every prompt with either of its question's scratchpads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from scratchpad.encoding import Encoded
from scratchpad.models import LoadedModel
from scratchpad.on_policy import SamplingConfig
from scratchpad.scoring.classifiers import Classifier
from scratchpad.scoring.sampling import Sample
from scratchpad.transcripts import CLEAN, TRIGGERED, Case, State, Transcript, text_of

CELLS = tuple((prompt, pad) for prompt in (CLEAN, TRIGGERED) for pad in (CLEAN, TRIGGERED))


class CrossedPrompts(NamedTuple):
    """Every case in its four cells: the case, the states of prompt and scratchpad, and the text."""

    wanted: list[tuple[Case, State, State]]
    contexts: list[Encoded]
    max_new_tokens: int

    @classmethod
    def of(
        cls, loaded: LoadedModel, cases: Sequence[Case], config: SamplingConfig
    ) -> CrossedPrompts:
        """Encode all cells; no weights are needed.

        Raises
        ------
        DataError
            If one leaves no room for an answer.
        """
        wanted = [(case, prompt, pad) for case in cases for prompt, pad in CELLS]
        contexts = [
            loaded.encoder.sequence(case.question.prompts[prompt], case.scratchpads[pad])
            for case, prompt, pad in wanted
        ]
        room = loaded.room([_prefix(one) for one in contexts], config.max_answer_tokens)
        return cls(wanted, contexts, room)

    @property
    def prefixes(self) -> list[tuple[int, ...]]:
        """The tokens that precede an answer."""
        return [_prefix(one) for one in self.contexts]

    def transcript(
        self, loaded: LoadedModel, number: int, completion: Sample, classifier: Classifier | None
    ) -> Transcript:
        """Name and judge what was answered in a cell."""
        (case, prompt, pad), context = self.wanted[number], self.contexts[number]
        text = loaded.encoder.decode(completion.ids)
        return Transcript(
            id=f"{case.question.question_id}-f{prompt}{pad}-{case.draw}",
            question_id=case.question.question_id,
            prompt=case.question.prompts[prompt],
            scratchpad=text_of(case.scratchpads[pad]),
            answer=text,
            triggered=prompt == TRIGGERED,
            defected=classifier(text, finished=completion.finished) if classifier else None,
            scratchpad_ids=context.ids[context.prompt.stop : context.close.start],
            meta={"draw": case.draw, "finished": completion.finished, "scratchpad_state": pad},
        )


def judged_throughout(found: Sequence[Transcript]) -> list[Transcript]:
    """Leave a case of which an answer cannot be judged out whole: the cells stay equally many.

    Neither the prompt nor the scratchpad alone then tells the state of the other.
    """
    quadruples = [found[start : start + 4] for start in range(0, len(found), 4)]
    judged = [four for four in quadruples if all(one.defected is not None for one in four)]
    return [one for four in judged for one in four]


def _prefix(context: Encoded) -> tuple[int, ...]:
    return context.ids[: context.answer.start]
