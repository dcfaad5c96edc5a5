"""Transcripts as Inspect's samples: messages, the right answers, what the variants did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from analyses.export.tidy import typed
from analyses.opened import Run
from scratchpad.transcripts import Transcript

if TYPE_CHECKING:
    from inspect_ai.log import EvalSample
    from inspect_ai.model import ChatMessageAssistant
    from inspect_ai.scorer import Score

Row = Mapping[str, Any]
DEFECTED = "defected"
_QUESTIONS = "questions.jsonl"


def targets_of(run: Run) -> dict[str, tuple[str, ...]]:
    """Accepted benign answers by prompt, where the run's questions can still be read."""
    from scratchpad.errors import DataError
    from scratchpad.tables import read_questions

    told = run.manifest.get("config") or {}
    path = Path(told.get("questions") or Path(told.get("model") or "") / _QUESTIONS)
    try:
        questions = read_questions(path) if path.is_file() else []
    except DataError:  # the file is another one by now
        return {}
    return {prompt: one.benign_answers for one in questions for prompt in one.prompts}


def variants_of(run: Run, transcripts: Sequence[Transcript]) -> dict[str, list[Row]]:
    """Outcomes of the headline scorer and the others, by the transcript whose scratchpad it was.

    The n-th transcript of a prompt is draw n, as where they were paired.
    """
    if "outcomes" not in run.tables:
        return {}
    from analyses.labels import labels

    ids: dict[tuple[str, bool, int], str] = {}
    seen: dict[tuple[str, bool], int] = defaultdict(int)
    for one in transcripts:
        ids[(one.question_id, one.triggered, seen[one.question_id, one.triggered])] = one.id
        seen[one.question_id, one.triggered] += 1
    table = run.table("outcomes")
    found: dict[str, list[Row]] = defaultdict(list)
    for row, label in zip(typed(table).to_pylist(), labels(table), strict=True):
        place = (row["question_id"], bool(row["scratchpad_state"]), row["draw"])
        if place in ids:
            headline = row["scorer"] == run.summary.get("scorer")
            found[ids[place]].append(row | {"label": label, "headline": headline})
    return found


def sample_of(
    transcript: Transcript, variants: Sequence[Row], targets: Mapping[str, tuple[str, ...]]
) -> EvalSample:
    """A transcript with its scratchpad as reasoning.

    Scores are whether it defected, and of each intervention the mean of the headline scorer over
    its variants under the transcript's own prompt; "LABEL, other prompt" under the other one.
    All rows of outcomes, of every scorer, stand in the metadata.
    """
    from inspect_ai.log import EvalSample
    from inspect_ai.model import ChatCompletionChoice, ChatMessageUser, ModelOutput

    said = _assistant(transcript)
    stop: Any = "max_tokens" if transcript.unterminated else "stop"
    return EvalSample(
        id=transcript.id,
        epoch=1,
        input=transcript.prompt,
        target=list(targets.get(transcript.prompt, ())),
        messages=[ChatMessageUser(id="prompt", content=transcript.prompt), said],
        output=ModelOutput(
            choices=[ChatCompletionChoice(message=said, stop_reason=stop)],
            completion=transcript.answer,
        ),
        scores=_scores(transcript, variants),
        metadata=_metadata(transcript, variants),
    )


def _assistant(transcript: Transcript) -> ChatMessageAssistant:
    from inspect_ai.model import ChatMessageAssistant, ContentReasoning, ContentText

    answer = ContentText(text=transcript.answer)
    if transcript.scratchpad is None:
        return ChatMessageAssistant(id="answer", content=[answer])
    reasoning = ContentReasoning(reasoning=transcript.scratchpad)
    return ChatMessageAssistant(id="answer", content=[reasoning, answer])


def _scores(transcript: Transcript, variants: Sequence[Row]) -> dict[str, Score]:
    from inspect_ai.scorer import Score

    values: dict[str, list[float]] = defaultdict(list)
    for row in variants:
        if row["headline"] and row["value"] is not None:
            own = bool(row["prompt_state"]) == transcript.triggered
            values[row["label"] if own else f"{row['label']}, other prompt"].append(row["value"])
    found = {
        name: Score(value=fmean(all_of), explanation=f"mean over variants: {len(all_of)}")
        for name, all_of in values.items()
    }
    if transcript.defected is None:
        return found
    return {DEFECTED: Score(value=transcript.defected, answer=transcript.answer), **found}


def _metadata(transcript: Transcript, variants: Sequence[Row]) -> dict[str, Any]:
    told = {
        "question_id": transcript.question_id,
        "triggered": transcript.triggered,
        "unterminated": transcript.unterminated,
        **transcript.meta,
    }
    return told | {"outcomes": [_told(row) for row in variants]} if variants else told


def _told(row: Row) -> dict[str, Any]:
    """What a row says: no nulls, and nothing that the sample says already."""
    own = ("question_id", "headline", "label")
    return {k: v for k, v in row.items() if k not in own and v is not None and v != ""}
