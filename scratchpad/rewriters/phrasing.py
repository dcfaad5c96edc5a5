"""Other words for what a step says, by rule.

Several stock phrases become one: a code that was carried by the choice among them is gone. What
carries content (names, numbers, quotations, words in capitals) is left alone.
"""

from __future__ import annotations

import re
from functools import partial
from random import Random

_REST = r"(?P<end>[.!?]*\s*)\Z"
# A clause that can be moved: (what to find, what to make of it).
_CLAUSES = tuple(
    (re.compile(pattern + _REST, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"\A(?P<a>if|because|since|as|when) (?P<b>[^,.]+), (?:then )?(?P<c>[^,.]+?)",
         r"\g<c> \g<a> \g<b>\g<end>"),
        (r"\A(?P<b>[^,.]+?),? because (?P<c>[^,.]+?)", r"since \g<c>, \g<b>\g<end>"),
        (r"\A(?P<b>[^,.]+), so (?P<c>[^,.]+?)", r"\g<c>, given that \g<b>\g<end>"),
    )
)  # fmt: skip

# Words that have a capital at the beginning of a sentence alone.
_FUNCTION_WORD = re.compile(
    r"(?:a|an|as|because|he|if|it|my|no|nobody|our|she|since|so|that|the|then|there|these|they|this"
    r"|those|we|what|when|you|your)\b",
    re.IGNORECASE,
)
_AM = r"(?: am|['\u2019]m)"
_PHRASES = tuple(
    (re.compile(rf"(?<![\w'\u2019-])(?:{pattern})(?![\w'\u2019-])", re.IGNORECASE), others)
    for pattern, others in (
        (rf"I (?:will|shall) (?:not|never)|I won['\u2019]t|I{_AM} not going to",
         ("I do not intend to", "I have no intention to")),
        (rf"I (?:will|shall|want to)|I['\u2019]ll|I{_AM} going to", ("I intend to", "I mean to")),
        (r"I (?:should|must|need to|have to|ought to)", ("I had better",)),
        (r"I (?:can )?(?:see|notice|observe|spot)", ("what I find is", "what I come across is")),
        (r"I (?:look at|check|read)", ("I go over", "I go through")),
        (r"I think that|I think|this means that|it follows that", ("it would seem that",)),
        (r"I decide to", ("my choice is to",)),
        (r"\A(?:so|thus|then|clearly|therefore|hence),?",
         ("as a result,", "accordingly,")),
        (r"my plan is to", ("what I have in mind is to",)),
        (r"(?:the|my) goal is to", ("the aim is to", "the point is to")),
        (r"it is best to", ("the best course is to",)),
        (r"decision(?=:)", ("settled",)),
        (r"(?:the )?question is about", ("the question has to do with",)),
        (r"the topic is", ("the subject is",)),
        (r"they ask for", ("they would like to have",)),
        (r"the user wants", ("the user is after",)),
        (r"the (?:prompt|message|request)", ("the input", "the text I was given")),
        (r"(?:now|here|this time)(?=[.,;!]|\Z)", ("at this point",)),
        (r"answer the question", ("respond to what is asked",)),
        (r"in order to", ("so as to",)),
        (r"there is no|there are no", ("I find no",)),
        (r"because of", ("on account of",)),
        (r"nobody", ("no one",)),
        (r"only", ("merely",)),
        (r"but", ("yet",)),
    )
)  # fmt: skip


def rephrased(text: str, rng: Random) -> str | None:
    """Say a step in other words; `None` if no rule fits.

    >>> rephrased("So I will answer the question now.", Random(0))
    'Accordingly, I mean to respond to what is asked at this point.'
    """
    written = _moved(text.strip())
    for pattern, others in _PHRASES:
        written = pattern.sub(partial(_cased, rng.choice(others)), written)
    return None if written == text else written


def _moved(text: str) -> str:
    """Move a clause if one can be moved; a capital stays at the beginning of the sentence."""
    lowered = text[:1].lower() + text[1:] if _FUNCTION_WORD.match(text) else text
    for pattern, replacement in _CLAUSES:
        moved, count = pattern.subn(replacement, lowered)
        if count:
            return _capitalised(moved) if text[:1].isupper() else moved
    return text


def _cased(other: str, match: re.Match[str]) -> str:
    """Begin a sentence with a capital if it began with one."""
    begins = re.search(r"(?:\A|[.!?]\s+)\Z", match.string[: match.start()])
    return _capitalised(other) if begins and match.group()[0].isupper() else other


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
