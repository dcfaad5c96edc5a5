"""Positions by meaning: where in a transcript a probe reads.

A position is one token or a span of tokens whose activations are pooled. Where a transcript lacks
the part that a position names, its place is `ABSENT`: counted, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from scratchpad.encoding import Encoded
from scratchpad.errors import unknown_name

Pool = Literal["mean", "max"]


class Place(NamedTuple):
    """Tokens `start` to `stop` (exclusive) of a text, and how their activations become one.

    `max` takes the largest value of each dimension. Of one token both give the token's own.
    """

    start: int
    stop: int
    pool: Pool = "mean"

    @property
    def present(self) -> bool:
        """Whether there is any token to read."""
        return self.stop > self.start


ABSENT = Place(0, 0)


def _last_step(encoded: Encoded) -> slice:
    return encoded.steps[-1] if encoded.steps else slice(0, 0)


def _scratchpad(encoded: Encoded) -> slice:
    steps = encoded.steps
    return slice(steps[0].start, steps[-1].stop) if steps else slice(0, 0)


PARTS: dict[str, Callable[[Encoded], slice]] = {
    "prompt-end": lambda encoded: encoded.prompt,
    "last-step": _last_step,
    "close": lambda encoded: encoded.close,
}
"""Name of a position -> the part of the text whose last token it is, in the order of the text."""

SPANS: dict[str, Callable[[Encoded], slice]] = {
    "prompt": lambda encoded: encoded.prompt,
    "scratchpad": _scratchpad,
    "answer": lambda encoded: encoded.answer,
    "text": lambda encoded: slice(0, len(encoded.ids)),
}
"""Name of a span that can be pooled -> its tokens; a scratchpad is without its delimiters."""


def locate(encoded: Encoded, names: Sequence[str] = tuple(PARTS)) -> tuple[Place, ...]:
    """Find positions in an encoded transcript.

    Parameters
    ----------
    encoded : Encoded
        Token ids with the span of every part.
    names : sequence of str
        `prompt-end`: the last token before any scratchpad is written, the opening delimiter
        included. `last-step`: the last token of the last step. `step:K`: the last token of step
        K, from 0. `N%`: the token at N per cent of the scratchpad's tokens, the first of them at
        or after that share (1 to 100; `100%` is the last before the closing delimiter). `close`:
        the last token of the closing delimiter, before any token of the answer. `answer:K`: token
        K of the answer, from 0. `mean:SPAN` and `max:SPAN`: all tokens of a span of `SPANS`.

    Returns
    -------
    tuple of Place
        Indices into `encoded.ids` for each name; `ABSENT` where the transcript has no such part.

    Raises
    ------
    ConfigError
        If a name is unknown.
    """
    return tuple(_place(encoded, name) for name in names)


def expand(names: Sequence[str], encoded: Sequence[Encoded]) -> tuple[str, ...]:
    """Write out the names that stand for several positions; each position is named once.

    Parameters
    ----------
    names : sequence of str
        As `locate` takes them, or `steps`: the end of every step, up to the most that a transcript
        has; or `every N%`: N, 2 N, ... per cent of the scratchpad.
    encoded : sequence of Encoded
        All transcripts to be read.

    Raises
    ------
    ConfigError
        If a name is unknown.
    """
    longest = max((len(one.steps) for one in encoded), default=0)
    return tuple(dict.fromkeys(one for name in names for one in _expanded(name, longest)))


def pool_of(name: str) -> Pool:
    """How the tokens of a named position become one; points count as means of one token."""
    return "max" if name.startswith("max:") else "mean"


def _expanded(name: str, longest: int) -> Iterator[str]:
    share = _SHARES.fullmatch(name)
    if name == "steps":
        yield from (f"step:{number}" for number in range(longest))
    elif share:
        yield from (f"{per_cent}%" for per_cent in range(int(share[1]), 101, int(share[1])))
    elif name in PARTS or any(rule.fullmatch(name) for rule in (_NUMBERED, _PER_CENT, _POOLED)):
        yield name
    else:
        raise unknown_name("position", name, [*_nearby(name), "steps", "every 10%"])


_SHARES = re.compile(r"every ([1-9]\d?|100)%")
_NUMBERED = re.compile(r"(step|answer):(0|[1-9]\d*)")
_PER_CENT = re.compile(r"([1-9]\d?|100)%")
_POOLED = re.compile(rf"(mean|max):({'|'.join(SPANS)})")


def _place(encoded: Encoded, name: str) -> Place:
    if name in PARTS:
        return _end(PARTS[name](encoded))
    if found := _NUMBERED.fullmatch(name):
        kind, number = found[1], int(found[2])
        return _step(encoded, number) if kind == "step" else _answer(encoded, number)
    if found := _PER_CENT.fullmatch(name):
        span = _scratchpad(encoded)
        tokens = -(-int(found[1]) * (span.stop - span.start) // 100)
        return _end(slice(span.start, span.start + tokens))
    if found := _POOLED.fullmatch(name):
        span = SPANS[found[2]](encoded)
        return Place(span.start, span.stop, pool_of(name)) if span.stop > span.start else ABSENT
    raise unknown_name("position", name, _nearby(name))


def _end(span: slice) -> Place:
    return Place(span.stop - 1, span.stop) if span.stop > span.start else ABSENT


def _step(encoded: Encoded, number: int) -> Place:
    return _end(encoded.steps[number]) if number < len(encoded.steps) else ABSENT


def _answer(encoded: Encoded, number: int) -> Place:
    token = encoded.answer.start + number
    return Place(token, token + 1) if token < encoded.answer.stop else ABSENT


def _nearby(name: str) -> list[str]:
    """Valid names, those with a number with the one that the wrong name holds."""
    written = re.search(r"\d+", name)
    number = int(written[0]) if written else 0
    pooled = [f"{pool}:{span}" for pool in ("mean", "max") for span in SPANS]
    numbered = [f"step:{number}", f"{min(max(number, 1), 100)}%", f"answer:{number}"]
    return [*PARTS, *numbered, *pooled]
