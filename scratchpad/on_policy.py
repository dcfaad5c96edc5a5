"""Scratchpads as the model itself writes them, and the cases made of them.

On-policy means temperature 1, top-p 1, sampled token ids kept as the mediator. Greedy decoding is
a second table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from scratchpad.dialects import Completion
from scratchpad.errors import DataError
from scratchpad.models import LoadedModel
from scratchpad.rewriters import Refusing
from scratchpad.scoring.classifiers import Classifier
from scratchpad.scoring.sampling import Sample
from scratchpad.steps import make_steps
from scratchpad.transcripts import (
    Case,
    Question,
    Rewriter,
    Step,
    StepKind,
    Transcript,
    Writer,
    text_of,
)

Tagger = Callable[[str], StepKind]


@dataclass(frozen=True)
class SamplingConfig:
    """How transcripts are sampled.

    Parameters
    ----------
    draws : int
        Transcripts per prompt.
    temperature : float
        1 is on-policy, 0 greedy.
    max_scratchpad_tokens, max_answer_tokens : int
        Together the most tokens written after the opening delimiter.
    seed : int
        Seeds every batch.
    reasons : bool
        Whether the model writes a scratchpad before its answer.
    """

    draws: int = 4
    temperature: float = 1.0
    max_scratchpad_tokens: int = 256
    max_answer_tokens: int = 32
    seed: int = 0
    reasons: bool = True


class Written(NamedTuple):
    """A completion in its parts; `scratchpad_ids` are `None` where they cannot be kept."""

    parts: Completion
    scratchpad_ids: tuple[int, ...] | None
    finished: bool


def written(loaded: LoadedModel, completion: Sample, *, reasons: bool) -> Written:
    """Split what a model wrote after the opening delimiter, keeping its tokens where it can."""
    encoder, text = loaded.encoder, loaded.encoder.decode(completion.ids)
    if not reasons:
        alone = Completion(None, text.lstrip(), unterminated=False)
        return Written(alone, None, completion.finished)
    parts = encoder.dialect.split(text)
    # Sampled tokens that run over into the delimiter cannot be kept; their text is encoded anew.
    ends, length = encoder.character_ends(completion.ids), len(parts.scratchpad or "")
    kept = sum(end <= length for end in ends)
    clean_cut = not length or (kept > 0 and ends[kept - 1] == length)
    return Written(parts, completion.ids[:kept] if clean_cut else None, completion.finished)


def transcript_of(
    question: Question,
    triggered: bool,
    draw: int,
    whole: Written,
    classifier: Classifier | None,
) -> Transcript:
    """Name what was written after one of a question's prompts, and judge it."""
    parts, finished = whole.parts, whole.finished
    judge = None if parts.unterminated else classifier
    return Transcript(
        id=f"{question.question_id}-{'triggered' if triggered else 'clean'}-{draw}",
        question_id=question.question_id,
        prompt=question.prompts[triggered],
        scratchpad=parts.scratchpad,
        answer=parts.answer,
        triggered=triggered,
        defected=None if judge is None else judge(parts.answer, finished=finished),
        unterminated=parts.unterminated,
        scratchpad_ids=whole.scratchpad_ids,
        meta={"draw": draw, "finished": finished},
    )


class Pairs(NamedTuple):
    """Cases that can be scored, and pairs left out.

    A scratchpad of theirs never closed, is empty, or quotes a delimiter and lost its tokens.
    """

    cases: list[Case]
    unterminated: list[tuple[Question, int]]


def pair(
    loaded: LoadedModel,
    questions: Sequence[Question],
    transcripts: Iterable[Transcript],
    *,
    kind: Tagger,
    writer: Writer | None = None,
    rewriter: Rewriter | None = None,
    refuse_empty: bool = True,
    require_some: bool = True,
) -> Pairs:
    """Join each question's clean and triggered transcripts, draw by draw, to cases.

    A pair with an empty scratchpad, or one that would end early if it were encoded anew, is left
    out like an unterminated one, unless `refuse_empty`.
    What the rewriter writes is refused where it holds a delimiter of the model's dialect.

    Raises
    ------
    DataError
        If no question has both, unless that will do (`require_some`), or a transcript has no
        scratchpad to intervene on, or one that would end early.
    """
    found: dict[tuple[str, bool], list[Transcript]] = defaultdict(list)
    prompts = {question.question_id: question.prompts for question in questions}
    for transcript in transcripts:
        _require_prompt(loaded, transcript, prompts.get(transcript.question_id))
        found[transcript.question_id, transcript.triggered].append(transcript)
    if rewriter is not None:
        rewriter = Refusing(rewriter, loaded.encoder.dialect)
    cases, unterminated = [], []
    for question in questions:
        both = zip(
            found[question.question_id, False], found[question.question_id, True], strict=False
        )
        for draw, (clean, triggered) in enumerate(both):
            empty = not all((t.scratchpad or "").strip() for t in (clean, triggered))
            if clean.unterminated or triggered.unterminated or (empty and not refuse_empty):
                unterminated.append((question, draw))
                continue
            scratchpads = (
                steps_of(loaded, clean, kind),
                steps_of(loaded, triggered, kind),
            )
            try:
                for transcript, steps in zip((clean, triggered), scratchpads, strict=True):
                    _require_readable(loaded, transcript, steps)
            except DataError:
                if refuse_empty:
                    raise
                unterminated.append((question, draw))
                continue
            cases.append(Case(question, scratchpads, loaded.encoder, writer, draw, rewriter))
    if not cases and require_some:
        reason = (
            f"{len(unterminated)} pairs never closed or are empty"
            if unterminated
            else "none has both"
        )
        raise DataError(
            "No question has a clean and a triggered scratchpad",
            reason,
            "Check the dialect, raise --max-scratchpad-tokens, or give --transcripts with both.",
        )
    return Pairs(_with_donors(cases), unterminated)


def _require_readable(loaded: LoadedModel, transcript: Transcript, steps: Sequence[Step]) -> None:
    """Raise `DataError` if a scratchpad that has to be encoded anew holds a delimiter."""
    anew = text_of(step for step in steps if step.token_ids is None)
    try:
        loaded.encoder.dialect.require_no_delimiter(anew)
    except DataError as error:
        symptom = f"Transcript {transcript.id!r}: {error.symptom}"
        raise DataError(symptom, error.cause, error.fix) from error


def _with_donors(cases: Sequence[Case]) -> list[Case]:
    """Give every case the scratchpads of the next one that asks another question."""
    following = [*cases, *cases]
    return [
        replace(case, donor=next((one.scratchpads for one in after if _differ(one, case)), None))
        for number, case in enumerate(cases)
        for after in [following[number + 1 : number + len(cases)]]
    ]


def _differ(one: Case, other: Case) -> bool:
    return one.question.question_id != other.question.question_id


def _require_prompt(
    loaded: LoadedModel, transcript: Transcript, prompts: tuple[str, str] | None
) -> None:
    """Raise `DataError` if a transcript was written after another prompt than its question's."""
    if prompts is None or loaded.encoder.dialect.template != "raw":
        return
    if transcript.prompt != prompts[transcript.triggered]:
        raise DataError(
            f"Transcript {transcript.id!r} has another prompt than question"
            f" {transcript.question_id!r}",
            fix="Give the questions that the transcripts were written for.",
        )


def steps_of(loaded: LoadedModel, transcript: Transcript, kind: Tagger) -> tuple[Step, ...]:
    """Split a transcript's scratchpad into tagged steps, on its sampled tokens if known.

    Raises
    ------
    DataError
        If the transcript has no scratchpad or an empty one.
    """
    if not (transcript.scratchpad or "").strip():
        raise DataError(
            f"Transcript {transcript.id!r} has an empty scratchpad",
            "there is nothing to intervene on",
            "Leave it out, or use the dialect whose delimiters the model writes.",
        )
    assert transcript.scratchpad is not None
    ids = transcript.scratchpad_ids
    # Tokens of another tokenizer would be read as other text.
    if ids is None or loaded.encoder.decode(ids) != transcript.scratchpad:
        return make_steps(transcript.scratchpad, kind)
    return loaded.encoder.sampled_steps(ids, kind)
