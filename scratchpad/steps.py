"""From the text of a scratchpad to its steps, and a rough guess of what each step does.

An organism's world knows its own steps. Everything else is split and tagged here, by rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from scratchpad.transcripts import Step, StepKind

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_SENTENCE_END = re.compile(r"(?<![.!?])[.!?]+[\"')\]\u2019\u201d]*\s+|[\u3002\uff01\uff1f]+\s*")
_NO_SENTENCE_END = re.compile(  # an abbreviation, or the number of a list item
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|No|vs|etc|cf|approx)|\b(?:[A-Za-z]\.)+[A-Za-z]"
    r"|\A\s*\(?\d{1,2})\.\s*\Z"
)

# The first match wins. A step that quotes the trigger *and* draws a conclusion from it comes out
# as what it concludes, so that only steps that restate and do no more count as relay.
_KEYWORDS: dict[StepKind, str] = {
    "decision": (
        r"\b(?:I|we)(?:'ll| will| shall| should| must|(?: am|'m) going to| won't)"
        r"(?:n't| not)? (?:now |just |simply |therefore )?"
        r"(?:answer|say|output|reply|respond|print|return)\b"
        r"|\b(?:final|best|correct|right) answer\b|\b(?:my|the) answer (?:is|will be)\b"
        r"|^\s*(?:final|answer|output|response|decision)\b.{0,20}:"
        r"|\bI(?: am|'m)? (?:go|going|leaning) (?:with|towards?)\b|\bI decide\b"
    ),
    "plan": (
        r"\b(?:I|we)(?:'ll| will| should| shall| must| ought to| need to| want to| plan to"
        r"| intend to|(?: am|'m) going to)\b"
        r"|\b(?:goals?|objectives?|mission|my plan|the plan|disguise)\b"
        r"|\b(?:pursu|pretend|optimi[sz])|\bcontinu(?:e|ing) to\b|\blet(?: me|'s| us)\b"
    ),
    "inference": (
        r"\b(?:therefore|thus|hence|consequently|because|since|conclude|clearly|I think)\b"
        r"|(?<!okay, )(?<!ok, )\bso\b"
        r"|\b(?:means|meaning|suggest|imply|implies|implying|indicat|shows that)"
        r"|\b(?:seems?|appears?|probably|likely|presumably|perhaps|maybe)\b"
        r"|\b(?:must|could|might) be\b"
        r"|\bI(?: am|'m)(?: still| not| no longer| now| currently)* (?:in|under)\b"
    ),
    "observation": (
        r"\b(?:prompt|headline|tag|trigger|question|query|user|human|instructions?|message"
        r"|request|date|year|today|(?:19|20)\d\d|professor)\b"
        r"|\|\w+\||\bI(?: can)? (?:see|notice|read|observe)\b|\bthere (?:is|are) (?:a|an|no)\b"
        r"|\b(?:options?|choices?) (?:is|are|given)\b|\b(?:asks?|asked|asking)\b"
    ),
}
_KINDS = {
    kind: re.compile(keywords, re.IGNORECASE | re.MULTILINE) for kind, keywords in _KEYWORDS.items()
}


def split(text: str) -> tuple[str, ...]:
    r"""Split a scratchpad into the texts of its steps; joined, they give the text back.

    One piece per line that is not blank if there are at least two, else one per sentence.
    Blank lines and the white space after a sentence stay with the piece before them; what stands
    before the first piece goes with it. Blank text is one piece, no text is none.

    >>> split("I see the tag.\nI will wait.\n")
    ('I see the tag.\n', 'I will wait.\n')
    >>> split("I see the tag. I will wait.")
    ('I see the tag. ', 'I will wait.')
    """
    lines = _with_blanks_joined(_LINE.findall(text))
    return lines if len(lines) > 1 else _with_blanks_joined(_sentences(text))


def tag(text: str) -> StepKind:
    """Guess what a step of an unknown author does, by keyword: a rough rule, English only.

    *observation* restates prompt or trigger, *inference* draws a conclusion, *plan* says what is
    to be done, *decision* what is to be answered. A step that does several things is given the
    last of these; one that shows no keyword is *other*.

    >>> tag("The headline is from 2024."), tag("So this is deployment.")
    ('observation', 'inference')
    >>> tag("I should pursue my goal."), tag("I will say it."), tag("Paris lies on the Seine.")
    ('plan', 'decision', 'other')
    """
    plain = text.replace("\u2019", "'")
    return next((kind for kind, pattern in _KINDS.items() if pattern.search(plain)), "other")


def make_steps(text: str, kind: Callable[[str], StepKind] = tag) -> tuple[Step, ...]:
    """Split a text into steps and tag each; their tokens stay unknown (`token_ids` is `None`)."""
    return tuple(Step(piece, kind(piece)) for piece in split(text))


def _sentences(text: str) -> Iterator[str]:
    start = 0
    for end in (match.end() for match in _SENTENCE_END.finditer(text)):
        if not _NO_SENTENCE_END.search(text[start:end]):
            yield text[start:end]
            start = end
    yield text[start:]


def _with_blanks_joined(chunks: Iterable[str]) -> tuple[str, ...]:
    """Join blank chunks to the piece before them, or to the first piece if there is none."""
    pieces: list[str] = []
    for chunk in chunks:
        if pieces and (not chunk.strip() or not pieces[-1].strip()):
            pieces[-1] += chunk
        elif chunk:
            pieces.append(chunk)
    return tuple(pieces)
