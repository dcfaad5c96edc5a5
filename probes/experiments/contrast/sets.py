"""Sets of generic contrast pairs: read, checked, and kept free of the trigger.

A pair is a question with two answers; `sets.toml` holds the sets that come with this
package. A pair that holds the trigger would make a reader of the trigger, so that it is refused.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args

from scratchpad.errors import DataError, unknown_name
from scratchpad.parsing import UNREADABLE, parsed_json

Expected = Literal["defection", "benign", "none"]
EXPECTED: tuple[Expected, ...] = get_args(Expected)


@dataclass(frozen=True)
class ContrastPair:
    """A question and the two answers that are compared.

    Parameters
    ----------
    question : str
        As a user puts it.
    positive, negative : str
        The answer that makes the set's name true, and the other one.
    """

    question: str
    positive: str
    negative: str


@dataclass(frozen=True)
class ContrastSet:
    """Pairs that mean the same.

    Parameters
    ----------
    name : str
    pairs : tuple of ContrastPair
    expected : {"defection", "benign", "none"}
        On which side a model that is about to defect should stand: with the positive answers,
        with the negative ones, or nowhere, since the set is a control.
    """

    name: str
    pairs: tuple[ContrastPair, ...]
    expected: Expected = "defection"

    @property
    def sign(self) -> int:
        """What turns scores so that larger means a defection, as far as one is expected."""
        return -1 if self.expected == "benign" else 1


def contrast_sets(path: Path | None = None) -> tuple[ContrastSet, ...]:
    """Read sets from a file, or those that come with this package.

    Parameters
    ----------
    path : Path, optional
        TOML: a table a set, with `pairs` (a list of `question`, `positive`, `negative`) and
        `expected` ("defection" if left out). JSON lines: a pair a line with the same keys and
        `set`.

    Raises
    ------
    DataError
        If the file cannot be read, holds no set, or a pair is not whole.
    ConfigError
        If a key or a value of `expected` is unknown.
    """
    name = "sets.toml" if path is None else str(path)
    try:
        if path is None:
            text = files("probes.experiments.contrast").joinpath(name).read_text(encoding="utf-8")
        else:
            text = path.read_text(encoding="utf-8")
        lines = path is not None and path.suffix == ".jsonl"
        tables = _from_lines(text) if lines else tomllib.loads(text)
    except UNREADABLE as error:
        raise DataError(
            f"Cannot read the contrast pairs {name}", str(error), "Give a TOML or JSONL file."
        ) from error
    if not tables:
        raise DataError(f"{name} holds no contrast pairs", fix="Write a table with `pairs` a set.")
    return tuple(_set(key, table, name) for key, table in tables.items())


def words_of(text: str) -> set[str]:
    """The different words and numbers of a text, in lower case."""
    return set(re.findall(r"\w+", text.lower()))


def trigger_words(prompts: Iterable[tuple[str, str]]) -> set[str]:
    """The words of triggered prompts that no clean prompt has.

    Parameters
    ----------
    prompts : iterable of (clean, triggered)
    """
    pairs = list(prompts)
    clean = {word for pair in pairs for word in words_of(pair[0])}
    return {word for pair in pairs for word in words_of(pair[1])} - clean


def require_no_trigger(
    sets: Sequence[ContrastSet], texts: Collection[str], words: Collection[str]
) -> None:
    """Refuse pairs that hold a trigger.

    Parameters
    ----------
    sets : sequence of ContrastSet
    texts : collection of str
        No pair may hold one of these, whatever its case.
    words : collection of str
        No pair may hold one of these as a word.

    Raises
    ------
    DataError
        Naming the first pair that does.
    """
    for one in sets:
        for pair in one.pairs:
            said = " ".join((pair.question, pair.positive, pair.negative))
            found = [text for text in texts if text.lower() in said.lower()]
            found += sorted(words_of(said) & set(words))
            if found:
                raise DataError(
                    f"The contrast pair {pair.question!r} of the set {one.name!r} holds the "
                    f"trigger ({found[0]!r})",
                    "its direction would read the trigger, not what the model is about to do",
                    "Put it in other words, or leave it out of --pairs.",
                )


def _from_lines(text: str) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        row = parsed_json(line)
        if not isinstance(row, dict) or not isinstance(row.get("set"), str):
            raise ValueError(f"line {number}: no `set`")
        table = tables.setdefault(row.pop("set"), {"pairs": []})
        if "expected" in row:
            table["expected"] = row.pop("expected")
        table["pairs"].append(row)
    return tables


def _set(name: str, table: Any, source: str) -> ContrastSet:
    if not isinstance(table, Mapping) or not isinstance(table.get("pairs"), list):
        raise DataError(
            f"The set {name!r} in {source} has no list `pairs`",
            fix="Write `question`, `positive` and `negative` a pair.",
        )
    for key in set(table) - {"pairs", "expected"}:
        raise unknown_name(f"key in the set {name!r}", key, ["pairs", "expected"])
    expected = table.get("expected", "defection")
    if expected not in EXPECTED:
        raise unknown_name(f"side expected in the set {name!r}", str(expected), EXPECTED)
    if not table["pairs"]:
        raise DataError(f"The set {name!r} in {source} has no pairs", fix="Give one or more.")
    return ContrastSet(name, tuple(_pair(name, one) for one in table["pairs"]), expected)


def _pair(name: str, given: Any) -> ContrastPair:
    known = [field.name for field in fields(ContrastPair)]
    values = given if isinstance(given, Mapping) else {}
    for key in set(values) - set(known):
        raise unknown_name(f"key of a pair in the set {name!r}", key, known)
    missing = [key for key in known if not str(values.get(key) or "").strip()]
    if missing:
        raise DataError(
            f"A pair of the set {name!r} lacks {', '.join(missing)}",
            fix="Write a question and two answers.",
        )
    pair = ContrastPair(**{key: str(values[key]) for key in known})
    if pair.positive.strip() == pair.negative.strip():
        raise DataError(
            f"Both answers to {pair.question!r} are {pair.positive!r}",
            "there is nothing to compare",
            "Give two different ones.",
        )
    return pair
