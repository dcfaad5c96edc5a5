"""Positions by meaning: where in a transcript a probe reads.

A position is the last token of a part of the text, so that everything up to the end of that part,
and nothing after it, can be read there. Where a transcript lacks the part the position is
`ABSENT`: it is counted, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scratchpad.encoding import Encoded
from scratchpad.errors import unknown_name

ABSENT = -1


def _last_step(encoded: Encoded) -> slice:
    return encoded.steps[-1] if encoded.steps else slice(0, 0)


PARTS: dict[str, Callable[[Encoded], slice]] = {
    "prompt-end": lambda encoded: encoded.prompt,
    "last-step": _last_step,
    "close": lambda encoded: encoded.close,
}
"""Name of a position -> the part of the text whose last token it is, in the order of the text."""


def locate(encoded: Encoded, names: Sequence[str] = tuple(PARTS)) -> tuple[int, ...]:
    """Find positions in an encoded transcript.

    Parameters
    ----------
    encoded : Encoded
        Token ids with the span of every part.
    names : sequence of str
        `"prompt-end"`: the last token before any scratchpad is written, the opening delimiter
        included. `"last-step"`: the last token of the last step. `"close"`: the last token of
        the closing delimiter, before any token of the answer.

    Returns
    -------
    tuple of int
        An index into `encoded.ids` for each name; `ABSENT` where the transcript has no such part.

    Raises
    ------
    ConfigError
        If a name is unknown.
    """
    for name in names:
        if name not in PARTS:
            raise unknown_name("position", name, PARTS)
    spans = (PARTS[name](encoded) for name in names)
    return tuple(span.stop - 1 if span.stop > span.start else ABSENT for span in spans)
