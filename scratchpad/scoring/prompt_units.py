"""A prompt as a few units of neighbouring words, each with the places of its tokens."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scratchpad.dialects import STAND_IN
from scratchpad.models import LoadedModel


class Unit(NamedTuple):
    """Words of a prompt, and where their tokens stand in it."""

    text: str
    places: tuple[int, ...]


def prompt_units(
    loaded: LoadedModel, prompt: str, ids: Sequence[int], most: int
) -> tuple[Unit, ...]:
    """Cut a prompt into its words, neighbours joined evenly where there are more than `most`.

    A word is text between white space. A token belongs to the word that its first character
    other than white space is in. What a chat template writes round the prompt, special tokens,
    the opening delimiter and white space belong to no word.

    Parameters
    ----------
    loaded
        Whose tokenizer and dialect wrote the prompt.
    prompt
        The text that precedes the opening delimiter.
    ids
        Its tokens, with those of the opening delimiter.
    most
        The most units.
    """
    text = loaded.encoder.decode(ids)
    own = _own_words(loaded, prompt)
    start = max(text.find(own), 0)
    # Templates write their own words close to the first one of the prompt.
    found = re.finditer(r"\S+", text[start : start + len(own)])
    words = [(start + match.start(), start + match.end()) for match in found]
    places = _places(loaded, text, ids, words)
    written = [(text[first:last], places[n]) for n, (first, last) in enumerate(words) if places[n]]
    parts = np.array_split(np.arange(len(written)), max(min(most, len(written)), 1))
    return tuple(
        Unit(
            " ".join(written[n][0] for n in part),
            tuple(place for n in part for place in written[n][1]),
        )
        for part in parts
        if len(part)
    )


def _own_words(loaded: LoadedModel, prompt: str) -> str:
    """The prompt without what the chat template writes round it."""
    template = loaded.encoder.dialect.render(STAND_IN, loaded.tokenizer)
    before, _, after = template.partition(STAND_IN)
    if prompt.startswith(before) and prompt.endswith(after):
        prompt = prompt[len(before) : len(prompt) - len(after)]
    return prompt.strip()


def _places(
    loaded: LoadedModel, text: str, ids: Sequence[int], words: Sequence[tuple[int, int]]
) -> dict[int, list[int]]:
    """The places of each word's tokens, by the word's number."""
    special = set(loaded.tokenizer.all_special_ids)
    word_at = {at: number for number, word in enumerate(words) for at in range(*word)}
    ends = loaded.encoder.character_ends(ids)
    found: dict[int, list[int]] = defaultdict(list)
    for place, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
        letters = (at for at in range(start, end) if not text[at].isspace())
        word = word_at.get(next(letters, -1))
        if word is not None and ids[place] not in special:
            found[word].append(place)
    return found
