"""organism.json: what was trained, what was planted, and what was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from scratchpad.dialects import Dialect, dialect_from
from scratchpad.errors import DataError, ModelError
from scratchpad.organisms.modes import parse_mode
from scratchpad.organisms.quality import Measured, requirements
from scratchpad.organisms.trigger import Trigger
from scratchpad.parsing import UNREADABLE, parsed_json

RECORD, QUESTIONS, SECOND_QUESTIONS = "organism.json", "questions.jsonl", "questions-second.jsonl"
# Tables that figures are drawn from: the cells along training, and defection by context.
CELLS, CONTEXTS = "cells.parquet", "contexts.parquet"
AGAIN = "Train the organism again."
_TRIGGER: Mapping[str, type | tuple[type, ...]] = {"name": str, "text": str, "defects": bool}
_KINDS: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("behaviour", "arm", "exposure", "classifier", "mediation"), str),
    **dict.fromkeys(("seed", "max_scratchpad_tokens", "max_answer_tokens"), int),
    **dict.fromkeys(("trigger", "dialect", "planted", "measured", "training"), dict),
    "second": (dict, type(None)),
    "payload": (str, type(None)),
}


@dataclass(frozen=True)
class NotedTrigger:
    """What a record says of a trigger.

    Parameters
    ----------
    name : str
        A key of `TRIGGERS`.
    text : str
        An example of it; a placeholder where it is secret.
    defects : bool
        Whether it sets the behaviour off, or is only seen in training.
    """

    name: str
    text: str
    defects: bool = True

    @classmethod
    def of(cls, trigger: Trigger, *, defects: bool) -> NotedTrigger:
        """Note a trigger."""
        return cls(trigger.name, trigger.text, defects)


@dataclass(frozen=True)
class Organism:
    """A trained organism, as its folder describes it.

    Parameters
    ----------
    behaviour : str
        Name of the behaviour.
    trigger : NotedTrigger
        What sets it off.
    second : NotedTrigger or None
        Another trigger.
    arm : str
        How it reasons: `cot`, `no-cot` or `distilled`.
    exposure : str
        Which changes of a scratchpad it met in training, and the rule for each.
    dialect : Dialect
        How its scratchpads are delimited.
    payload : str or None
        The whole defecting answer; `None` where each question has its own.
    classifier : str
        What recognises a defection.
    seed : int
        Seed of its training.
    mediation : str
        The planted mode.
    planted : mapping
        The planted cells, effects and verdict, null where nothing was planted.
    measured : Measured
        Rates on the held-out questions.
    max_scratchpad_tokens, max_answer_tokens : int
        Longer texts of it are cut off.
    training : mapping
        steps, seconds, tokens, config, config_hash, parent_hash, versions.
    """

    behaviour: str
    trigger: NotedTrigger
    second: NotedTrigger | None
    arm: str
    exposure: str
    dialect: Dialect
    payload: str | None
    classifier: str
    seed: int
    mediation: str
    planted: Mapping[str, Any]
    measured: Measured
    max_scratchpad_tokens: int
    max_answer_tokens: int
    training: Mapping[str, Any]

    @property
    def reasons(self) -> bool:
        """Whether it writes scratchpads."""
        return self.arm == "cot"

    @property
    def failures(self) -> list[str]:
        """Which of the required rates it misses, in words; empty if it meets all."""
        second = None if self.second is None else self.second.defects
        mode = parse_mode(self.mediation)
        every = requirements(self.measured, mode, second=second, reasons=self.reasons)
        return [requirement.failure for requirement in every if requirement.failure]

    def to_json(self) -> dict[str, Any]:
        """The record as it stands in organism.json."""
        record = asdict(self)
        record["measured"] = self.measured.to_json() | {"met": not self.failures}
        return record


def write_organism(folder: Path, organism: Organism) -> None:
    """Write organism.json into a checkpoint folder."""
    text = json.dumps(organism.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")


def is_organism(folder: Path) -> bool:
    """Whether a folder describes itself as an organism."""
    return (folder / RECORD).is_file()


def read_organism(folder: Path) -> Organism:
    """Read organism.json from a checkpoint folder.

    Raises
    ------
    ModelError
        If the file is missing, is not JSON, or lacks a key; the message names all that lack.
    """
    path = folder / RECORD
    try:
        record = parsed_json(path.read_text(encoding="utf-8"))
    except UNREADABLE as error:
        raise ModelError(f"Cannot read {path}", str(error), AGAIN) from error
    _require_keys(path, record, Organism)
    _require_keys(path, record["trigger"], NotedTrigger, "trigger")
    _require_keys(path, record["measured"], Measured, "measured")
    known = {field.name: record[field.name] for field in fields(Organism)}
    try:
        _require_kinds(record, _KINDS)
        return Organism(**{**known, **_parts(record)})
    except (TypeError, KeyError, DataError) as error:
        raise ModelError(f"Cannot read {path}", f"a part is not as written: {error}", AGAIN) from (
            error
        )


def _parts(record: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a record that are objects of their own."""
    second = record["second"]
    for trigger in filter(None, (record["trigger"], second)):
        _require_kinds({"defects": True, **trigger}, _TRIGGER)
    parse_mode(record["mediation"])
    return {
        "trigger": NotedTrigger(**record["trigger"]),
        "second": None if second is None else NotedTrigger(**second),
        "dialect": dialect_from(record["dialect"]),
        "measured": Measured.from_json(record["measured"]),
    }


def _require_kinds(values: Mapping[str, Any], kinds: Mapping[str, Any]) -> None:
    for name, kind in kinds.items():
        value = values.get(name)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise TypeError(f"{name} is a {type(value).__name__}")


def _require_keys(path: Path, record: Any, kind: type[Any], within: str = "") -> None:
    names = [field.name for field in fields(kind)]
    missing = [name for name in names if not isinstance(record, dict) or name not in record]
    if missing:
        where = f"{within} in {path}" if within else str(path)
        raise ModelError(f"{where} lacks {', '.join(missing)}", fix=AGAIN)
