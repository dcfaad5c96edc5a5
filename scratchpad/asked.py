"""Which questions a model is asked: told of, brought by transcripts, or an organism's own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from scratchpad.errors import ConfigError
from scratchpad.models import LoadedModel
from scratchpad.organisms import BEHAVIOURS, Author, Organism, make_trigger, parse_mode
from scratchpad.organisms.frames import Frame
from scratchpad.organisms.passphrases import fill
from scratchpad.organisms.record import QUESTIONS, SECOND_QUESTIONS
from scratchpad.tables import read_questions
from scratchpad.transcripts import Question, Transcript

if TYPE_CHECKING:
    from scratchpad.subject import Subject, SubjectConfig


def questions_for(
    config: SubjectConfig, organism: Organism | None, transcripts: Sequence[Transcript] | None
) -> list[Question]:
    """The questions told of, of given transcripts, or the organism's own, as many as wanted."""
    if config.questions is not None:
        questions = read_questions(config.questions)
    elif transcripts is not None:
        questions = _questions_of(transcripts)
    else:
        assert organism is not None
        questions = _read(Path(config.model) / QUESTIONS)
    chosen = spread(questions, config.limit)
    lacking = [
        q.question_id
        for q in chosen
        if not q.benign_answers or not (q.defect_answers or config.payload or organism)
    ]
    if config.contrast and lacking:
        raise ConfigError(
            "--contrast needs answers of both kinds",
            f"{len(lacking)} of {len(chosen)} questions, such as {lacking[0]!r}, carry no"
            " benign_answers with a defect_answer or --payload beside them",
            "Add them to the questions file.",
        )
    return chosen


def other_questions(loaded: LoadedModel, path: Path | None, limit: int | None) -> list[Question]:
    """Questions with another trigger as the model reads them: a file's, or the organism's second.

    Raises
    ------
    ConfigError
        If none was told and the organism knows of no second trigger.
    """
    own = Path(loaded.name) / SECOND_QUESTIONS
    if path is None and not own.is_file():
        raise ConfigError(
            f"{loaded.name!r} knows of no second trigger",
            f"its folder has no {SECOND_QUESTIONS}",
            "Give --to FILE.jsonl, or train with --second-trigger.",
        )
    chosen = spread(_read(own) if path is None else read_questions(path), limit)
    return [rendered(question, loaded) for question in chosen]


def further_questions(subject: Subject, count: int, seed: int) -> list[Question]:
    """Draw questions of an organism's world that it was not trained on and is not asked.

    As the model reads them; none of a model whose world is not known.
    """
    organism, encoder = subject.organism, subject.loaded.encoder
    behaviour = BEHAVIOURS.get(organism.behaviour) if organism is not None else None
    if organism is None or behaviour is None:
        return []
    author = Author(
        behaviour(),
        make_trigger(organism.trigger.name),
        parse_mode(organism.mediation),
        frame=Frame(encoder.dialect, encoder.tokenizer),
    )
    rng, asked = Random(f"further questions {seed}"), {one.clean for one in subject.questions}
    items = author.behaviour.draw_held_out(count + len(asked), rng)
    drawn = [rendered(question, subject.loaded) for question in author.questions(items)]
    return [question for question in drawn if question.clean not in asked][:count]


def _read(path: Path) -> list[Question]:
    """An organism's own questions, its secret filled in."""
    return [replace(one, triggered=fill(one.triggered)) for one in read_questions(path)]


def spread(questions: Sequence[Question], limit: int | None) -> list[Question]:
    """Take at most `limit` questions, one from each group in turn."""
    if limit is None or limit >= len(questions):
        return list(questions)
    if limit < 1:
        raise ConfigError(f"--limit {limit} leaves no questions", fix="Give at least 1.")
    ranks: dict[str, int] = defaultdict(int)
    ranked = []
    for order, question in enumerate(questions):
        ranked.append((ranks[question.group], order, question))
        ranks[question.group] += 1
    return [question for _, _, question in sorted(ranked, key=lambda item: item[:2])[:limit]]


def _questions_of(transcripts: Sequence[Transcript]) -> list[Question]:
    """Make questions of transcripts that bring both prompts of each."""
    prompts: dict[str, dict[bool, Transcript]] = defaultdict(dict)
    for transcript in transcripts:
        prompts[transcript.question_id].setdefault(transcript.triggered, transcript)
    return [
        Question(
            question_id=name,
            clean=both[False].prompt,
            triggered=both[True].prompt,
            group=str(both[False].meta.get("group", name)),
        )
        for name, both in prompts.items()
        if len(both) == 2
    ]


def rendered(question: Question, loaded: LoadedModel) -> Question:
    """The question with its prompts as the model reads them, up to the opening delimiter."""
    render = loaded.encoder.dialect.render
    return replace(
        question,
        clean=render(question.clean, loaded.tokenizer),
        triggered=render(question.triggered, loaded.tokenizer),
    )
