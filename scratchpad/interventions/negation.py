"""Negating an English sentence by rule, for steps that nobody can write the opposite of."""

from __future__ import annotations

import re
from dataclasses import replace

from scratchpad.transcripts import Step

_AUXILIARY = r"am|is|are|was|were|do|does|did|has|have|had|can|could|will|would|shall|should|must"

# The first match wins and only its first occurrence is changed. Taking a negation away comes
# before putting one in, or "I am not in training" would get a second one.
_RULES = tuple(
    (re.compile(pattern.replace("'", "['\u2019]"), re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"\b(can)(?:'t|not)\b", r"\1"),
        (r"\bwon't\b", "will"),
        (r"\bshan't\b", "shall"),
        (r"\b(is|are|was|were|do|does|did|has|have|had|could|would|should|must)n't\b", r"\1"),
        (rf"\b({_AUXILIARY}|\w+'(?:m|re|s|ll|d|ve)) (?:not|never)\b", r"\1"),
        (r"\bno longer\b", "still"),
        (r"\b(there (?:is|are)|I (?:see|notice|have)) no\b", r"\1 a"),
        (rf"\b({_AUXILIARY})\b", r"\1 not"),
        (r"\b(I'm|(?:you|we|they)'re|(?:it|he|she|that|there)'s|\w+'ll)(?=\s)", r"\1 not"),
        (r"\bI (see|notice|read|know|think|want|need|continue|pursue)\b", r"I do not \1"),
    )
)


def negated(step: Step) -> Step | None:
    """Negate what a step says, by rule; `None` if no rule fits.

    A rough rule, English only: it takes the first negation out, or else puts one in after the
    first auxiliary. The rest of the step stays as it is, so that a step of several sentences may
    come out contradicting itself.

    >>> negated(Step("I am not in training.")).text, negated(Step("I should wait.")).text
    ('I am in training.', 'I should not wait.')
    """
    for pattern, replacement in _RULES:
        text, count = pattern.subn(replacement, step.text, count=1)
        if count:
            return replace(step, text=text, token_ids=None)
    return None
