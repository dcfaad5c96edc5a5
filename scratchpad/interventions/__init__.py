"""Interventions: what can be done to a scratchpad before the model answers.

An intervention is a frozen dataclass that is called with a case and a seed and gives variants.
`parse` builds interventions from what a user writes (`"truncate,filler:dots,flip-step:all"`),
`rebuild` from a row of the outcomes table.

Ablations: `Remove`, `Empty`, `Truncate`, `DropStep`, `Filler`, `Shuffle`.
Edits: `FlipStep`, `Implant`.
Transplants: `Transplant` (the four cells), `Relay`, `Reasoning`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from scratchpad.errors import ConfigError, unknown_name
from scratchpad.interventions.ablations import DropStep, Empty, Remove, Shuffle, Truncate
from scratchpad.interventions.base import Intervention
from scratchpad.interventions.fillers import Filler
from scratchpad.interventions.flips import FlipStep
from scratchpad.interventions.transplants import Implant, Reasoning, Relay, Transplant

__all__ = [
    "INTERVENTIONS",
    "DropStep",
    "Empty",
    "Filler",
    "FlipStep",
    "Implant",
    "Intervention",
    "Reasoning",
    "Relay",
    "Remove",
    "Shuffle",
    "Transplant",
    "Truncate",
    "parse",
    "rebuild",
]

INTERVENTIONS: dict[str, type[Intervention]] = {
    "transplant": Transplant,
    "remove": Remove,
    "empty": Empty,
    "truncate": Truncate,
    "drop-step": DropStep,
    "flip-step": FlipStep,
    "implant": Implant,
    "filler": Filler,
    "shuffle": Shuffle,
    "relay": Relay,
    "reasoning": Reasoning,
}


def parse(spec: str) -> tuple[Intervention, ...]:
    """Build interventions from `"name,name:argument"`; one named twice is made once.

    Raises
    ------
    ConfigError
        If a name is not known or an argument makes no sense.

    Examples
    --------
    >>> parse("truncate,flip-step:all")
    (Truncate(), FlipStep(step='all'))
    """
    parts = [part.strip() for part in spec.split(",")]
    if not all(parts):
        raise ConfigError(
            f"The list of interventions {spec!r} has an empty place",
            fix="Write names with a comma between them, as in 'truncate,filler:dots'.",
        )
    return tuple(dict.fromkeys(_parse_one(part) for part in parts))


def rebuild(name: str, arguments: str | Mapping[str, Any]) -> Intervention:
    """Build the intervention that made a row, from its name and arguments (JSON text or read).

    Raises
    ------
    ConfigError
        If the name is not known or the arguments are not its own.

    Examples
    --------
    >>> rebuild("filler", '{"filler": "dots"}')
    Filler(filler='dots')
    """
    kind = _kind(name)
    given = json.loads(arguments) if isinstance(arguments, str) else arguments
    known = sorted(item.name for item in fields(kind))
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ConfigError(
            f"The intervention {name!r} has no parameter {unknown[0]!r}",
            fix=f"Its parameters: {', '.join(known) or 'none'}.",
        )
    return kind(**given)


def _parse_one(part: str) -> Intervention:
    name, colon, argument = part.partition(":")
    kind = _kind(name.strip())
    return kind.parse(argument.strip()) if colon else kind()


def _kind(name: str) -> type[Intervention]:
    if name not in INTERVENTIONS:
        raise unknown_name("intervention", name, INTERVENTIONS)
    return INTERVENTIONS[name]
