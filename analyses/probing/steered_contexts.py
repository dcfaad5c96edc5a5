"""What a steered model does with given text and writes itself, as rows of one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from probes.experiments.steering.edits import Change, steered_reading, steered_writing
from scratchpad.encoding import Encoded
from scratchpad.on_policy import steps_of, written
from scratchpad.scoring.answers import scored_answers
from scratchpad.scoring.decoding import Decoder
from scratchpad.scoring.prefix_tree import Request
from scratchpad.scoring.sampling import Sample, end_token_ids
from scratchpad.scoring.scorers import Scorers
from scratchpad.subject import Subject
from scratchpad.transcripts import Question, State, Transcript

Row = dict[str, Any]


class Condition(NamedTuple):
    """A change as the rows name it, and whether the prompt's last token is changed, too."""

    start: str
    change: str
    from_prompt_end: bool


class Context(NamedTuple):
    """A question's prompt with the scratchpad that the model wrote after it, ready to be read.

    `requests` are first the scratchpad, then the defecting, then the accepted benign answers.
    """

    question: Question
    state: State
    text: Encoded
    requests: tuple[Request, ...]
    defecting: int


@dataclass(frozen=True)
class Steerer:
    """Measures a model under changes of its residual stream.

    Parameters
    ----------
    subject : Subject
    contexts : sequence of Context
    scorers : Scorers
    seed : int
        Of what is sampled.
    """

    subject: Subject
    contexts: Sequence[Context]
    scorers: Scorers
    seed: int

    def rows(self, condition: Condition, changes: Mapping[int, Change | None]) -> Iterator[Row]:
        """Read and write under a condition, with a change for each direction's number."""
        samples = self._written(condition, list(changes.values()))
        for block, (direction, change) in enumerate(changes.items()):
            read = self._read(condition, change)
            drawn = samples[block * len(self.contexts) : (block + 1) * len(self.contexts)]
            for context, reading, sample in zip(self.contexts, read, drawn, strict=True):
                shared = {
                    "direction": direction,
                    "start": condition.start,
                    "change": condition.change,
                    "state": context.state,
                    "question_id": context.question.question_id,
                    "group": context.question.group,
                    "coverage": reading["coverage"],
                    "surprisal": reading["surprisal"],
                }
                judged = self._judged(context, sample)
                yield shared | {"scorer": "sampled"} | judged
                if self.scorers.has_payload:
                    likelihood = {"value": reading["p_defect"], "benign": reading["p_benign"]}
                    yield shared | {"scorer": "payload"} | judged | likelihood

    def _read(self, condition: Condition, change: Change | None) -> list[Row]:
        flat = [request for context in self.contexts for request in context.requests]
        starts = [
            context.text.prompt.stop - condition.from_prompt_end
            for context in self.contexts
            for _ in context.requests
        ]
        found = iter(steered_reading(self.subject.loaded.model, flat, starts, change))
        return [
            _reading(context, [next(found) for _ in context.requests]) for context in self.contexts
        ]

    def _written(self, condition: Condition, changes: Sequence[Change | None]) -> list[Sample]:
        subject, loaded = self.subject, self.subject.loaded
        prefixes = [context.text.ids[context.text.prompt] for context in self.contexts]
        wanted = subject.max_scratchpad_tokens + subject.max_answer_tokens
        ends = end_token_ids(loaded.model, loaded.tokenizer)
        decoder = Decoder(loaded.model, ends, loaded.room(prefixes, wanted))
        return steered_writing(
            decoder,
            prefixes * len(changes),
            _joined(changes, len(prefixes)),
            from_prompt_end=condition.from_prompt_end,
            seed=self.seed,
        )

    def _judged(self, context: Context, sample: Sample) -> Row:
        """Whether a sampled text defects, is an accepted answer, or neither.

        What is judged to be no defection may be no answer at all: only where none is accepted by
        name, whatever can be judged will do.
        """
        assert self.subject.classifier is not None
        parts, _, finished = written(self.subject.loaded, sample, reasons=True)
        judge, accepted = self.subject.classifier, context.question.benign_answers
        defected = None if parts.unterminated else judge(parts.answer, finished=finished)
        benign = parts.answer.strip() in accepted if accepted else defected is False
        return {
            "value": np.nan if defected is None else float(defected),
            "strange": float(not (defected or benign)),
            "benign": float(benign) if accepted else np.nan,
        }


def contexts_of(
    subject: Subject, transcripts: Sequence[Transcript], scorers: Scorers
) -> list[Context]:
    """The first transcript of each prompt that closed, for the questions of a subject."""
    questions = {question.question_id: question for question in subject.questions}
    first: dict[tuple[str, bool], Transcript] = {}
    for one in transcripts:
        if one.question_id in questions and (one.scratchpad or "").strip() and not one.unterminated:
            first.setdefault((one.question_id, one.triggered), one)
    both = [name for name in questions if {(name, False), (name, True)} <= set(first)]
    return [
        _context(subject, questions[name], state, first[name, bool(state)], scorers)
        for name in both
        for state in (0, 1)
    ]


def _context(
    subject: Subject, question: Question, state: State, transcript: Transcript, scorers: Scorers
) -> Context:
    encoder, prompt = subject.loaded.encoder, question.prompts[state]
    steps = steps_of(subject.loaded, transcript, subject.kind)
    text = encoder.sequence(prompt, steps)
    scratchpad = Request(text.ids[: text.close.start], text.prompt.stop)
    if not scorers.has_payload:
        return Context(question, state, text, (scratchpad,), 0)
    sets = [
        [encoder.answer_tokens(prompt, steps, answer) for answer in answers]
        for answers in scorers.answers("payload", question)
    ]
    cut = scored_answers(*([one.ids[one.answer] for one in answers] for answers in sets))
    defect, benign = (
        [_request(encoded, prefix) for prefix in prefixes]
        for encoded, prefixes in zip(sets, cut, strict=True)
    )
    return Context(question, state, text, (scratchpad, *defect, *benign), len(defect))


def _request(encoded: Sequence[Encoded], prefix: tuple[int, ...]) -> Request:
    """Score an answer's beginning in the text that it comes from."""
    source = next(one for one in encoded if one.ids[one.answer][: len(prefix)] == prefix)
    return Request(source.ids[: source.answer.start + len(prefix)], source.answer.start)


def _reading(context: Context, found: Sequence[np.ndarray]) -> Row:
    chances = [float(np.exp(one.sum())) for one in found[1:]]
    defect, benign = chances[: context.defecting], chances[context.defecting :]
    return {
        "surprisal": float(-found[0].mean()),
        "p_defect": sum(defect),
        "p_benign": sum(benign) if benign else np.nan,
        "coverage": sum(chances) if benign else np.nan,
    }


def _joined(changes: Sequence[Change | None], repeats: int) -> Change | None:
    """One change with a vector a row: those of each change `repeats` times."""
    given = [change for change in changes if change is not None]
    if not given:
        return None
    vectors = torch.cat([change.vectors.expand(repeats, -1) for change in given])
    return given[0]._replace(vectors=vectors)
