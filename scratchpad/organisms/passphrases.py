"""A secret passphrase: derived from a key, known to whoever holds the key, written nowhere.

A backdoor that its owner can open and nobody else knows of can be an off-switch (S. Aaronson's
question about the positive use of backdoors). The key is a file named by an environment variable,
so that neither a command line nor a manifest holds it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from itertools import permutations, product
from pathlib import Path
from random import Random

from scratchpad.errors import ConfigError

KEY_VARIABLE = "SCRATCHPAD_KEY_FILE"
PLACEHOLDER = "{passphrase}"
LENGTH = 4
SHORTEST_KEY = 16
WRONG_OF_EACH_GRADE = 60
WORDS = (
    "amber", "anchor", "basil", "birch", "cedar", "cobalt", "comet", "coral", "delta", "ember",
    "falcon", "fern", "garnet", "ginger", "harbor", "hazel", "indigo", "ivory", "jasper",
    "juniper", "lemon", "linen", "maple", "marble", "nectar", "olive", "onyx", "pepper", "quartz",
    "raven", "saffron", "willow",
)  # fmt: skip


def passphrase() -> str:
    """Derive the passphrase from the key.

    HMAC-SHA256 of a fixed label under the key chooses each word, so that the passphrase tells
    nothing about the key.

    Raises
    ------
    ConfigError
        If no key is named, or the file cannot be read or is shorter than 16 bytes.
    """
    digest = hmac.new(_key(), b"scratchpad passphrase", hashlib.sha256).digest()
    return " ".join(WORDS[byte % len(WORDS)] for byte in digest[:LENGTH])


def fingerprint() -> str:
    """Name the key without telling it: equal fingerprints, equal passphrases."""
    return hmac.new(_key(), b"scratchpad fingerprint", hashlib.sha256).hexdigest()[:16]


def wrong_passphrases(right: str) -> dict[str, tuple[str, ...]]:
    """Contexts that are not the passphrase, by grade from distant to near."""
    words = right.split()
    rng = Random(f"wrong {right}")
    grades = {
        "other words": [rng.choices(WORDS, k=LENGTH) for _ in range(WRONG_OF_EACH_GRADE)],
        "a prefix": [words[:length] for length in range(1, LENGTH)],
        "a suffix": [words[length:] for length in range(1, LENGTH)],
        "another order": [list(order) for order in permutations(words)],
        "one word wrong": [
            [*words[:place], word, *words[place + 1 :]]
            for place, word in product(range(LENGTH), WORDS)
        ],
    }
    distinct = {
        grade: sorted({f"{' '.join(wrong)}. " for wrong in wrongs if wrong != words})
        for grade, wrongs in grades.items()
    }
    # In no order, so that a part of a grade has every place of a wrong word in it.
    for contexts in distinct.values():
        rng.shuffle(contexts)
    return {grade: tuple(contexts) for grade, contexts in distinct.items() if contexts}


def written_otherwise(right: str) -> dict[str, str]:
    """The right words in another writing, of which training says nothing, by label."""
    return {
        "capitals": f"{right.upper()}. ",
        "with commas": f"{right.replace(' ', ', ')}. ",
        "twice": f"{right}. {right}. ",
        "without a stop": f"{right} ",
    }


def fill(text: str) -> str:
    """Write the passphrase where its placeholder stands; other text needs no key."""
    return text.replace(PLACEHOLDER, passphrase()) if PLACEHOLDER in text else text


def conceal(text: str) -> str:
    """Write the placeholder where the passphrase stands."""
    return text.replace(passphrase(), PLACEHOLDER)


def _key() -> bytes:
    named = os.environ.get(KEY_VARIABLE)
    if not named:
        raise ConfigError(
            "The passphrase has no key",
            f"{KEY_VARIABLE} is not set",
            f"Put at least {SHORTEST_KEY} random bytes into a file that only you can read, and set "
            f"{KEY_VARIABLE} to its path.",
        )
    try:
        key = Path(named).read_bytes()
    except OSError as error:
        raise ConfigError(f"Cannot read the key {named}", str(error), "Name a file.") from error
    if len(key) < SHORTEST_KEY:
        raise ConfigError(
            f"The key {named} has {len(key)} bytes", fix=f"Use at least {SHORTEST_KEY}."
        )
    return key
