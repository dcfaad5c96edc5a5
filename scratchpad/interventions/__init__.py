"""Interventions: what can be done to a scratchpad before the model answers.

An intervention is a frozen dataclass that is called with a case and a seed and gives variants.
`parse` builds interventions from what a user writes (`"truncate,filler:dots,flip-step:all"`),
`rebuild` from a row of the outcomes table.

Ablations: `Remove`, `Empty`, `Truncate`, `DropStep`, `KeepStep`, `Filler`, `Mask`, `Shuffle`.
Edits: `FlipStep`, `Implant`, `Sanitise`, `Replace`, `Reword`, and the user's own, `Function`.
Rewritten by somebody else: `Paraphrase`, `Mistake`, `ChangeFact`.
Transplants: `Transplant` (the four cells), `Relay`, `Reasoning`, `Prefix`.
The model writes the rest itself: `Regenerate`, `Resample`, `ResampleUntil` (and `Mistake`).
On the reader instead of the text: `KnockOut`, `CrossPrompt`, `Patch`, `Unlearn`.
Without a scratchpad, the prompt's options reordered: `OptionOrder`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from scratchpad.errors import ConfigError, unknown_name
from scratchpad.interventions.ablations import DropStep, Empty, KeepStep, Remove, Shuffle, Truncate
from scratchpad.interventions.base import Intervention
from scratchpad.interventions.edits import Replace, Reword, Sanitise
from scratchpad.interventions.fillers import Filler
from scratchpad.interventions.flips import FlipStep
from scratchpad.interventions.functions import Function
from scratchpad.interventions.masks import Mask
from scratchpad.interventions.options import OptionOrder
from scratchpad.interventions.prefixes import Prefix
from scratchpad.interventions.readers import CrossPrompt, KnockOut, Patch, Unlearn
from scratchpad.interventions.regenerating import Regenerate, Resample, ResampleUntil
from scratchpad.interventions.rewritten import ChangeFact, Mistake, Paraphrase
from scratchpad.interventions.specs import split_spec
from scratchpad.interventions.transplants import Implant, Reasoning, Relay, Transplant

__all__ = [
    "INTERVENTIONS",
    "ChangeFact",
    "CrossPrompt",
    "DropStep",
    "Empty",
    "Filler",
    "FlipStep",
    "Function",
    "Implant",
    "Intervention",
    "KeepStep",
    "KnockOut",
    "Mask",
    "Mistake",
    "OptionOrder",
    "Paraphrase",
    "Patch",
    "Prefix",
    "Reasoning",
    "Regenerate",
    "Relay",
    "Remove",
    "Replace",
    "Resample",
    "ResampleUntil",
    "Reword",
    "Sanitise",
    "Shuffle",
    "Transplant",
    "Truncate",
    "Unlearn",
    "parse",
    "rebuild",
]

INTERVENTIONS: dict[str, type[Intervention]] = {
    "transplant": Transplant,
    "remove": Remove,
    "empty": Empty,
    "truncate": Truncate,
    "drop-step": DropStep,
    "keep-step": KeepStep,
    "flip-step": FlipStep,
    "implant": Implant,
    "filler": Filler,
    "mask": Mask,
    "shuffle": Shuffle,
    "sanitise": Sanitise,
    "reword": Reword,
    "replace": Replace,
    "function": Function,
    "prefix": Prefix,
    "paraphrase": Paraphrase,
    "mistake": Mistake,
    "change-fact": ChangeFact,
    "relay": Relay,
    "reasoning": Reasoning,
    "regenerate": Regenerate,
    "resample": Resample,
    "resample-until": ResampleUntil,
    "knock-out": KnockOut,
    "cross-prompt": CrossPrompt,
    "patch": Patch,
    "unlearn": Unlearn,
    "option-order": OptionOrder,
}


def parse(spec: str) -> tuple[Intervention, ...]:
    """Build interventions from `"name,name:argument"`; one named twice is made once.

    A comma within a delimited argument (`replace:/so, then/now/`) does not end it.

    Raises
    ------
    ConfigError
        If a name is not known or an argument makes no sense.

    Examples
    --------
    >>> parse("truncate,flip-step:all")
    (Truncate(), FlipStep(step='all'))
    """
    delimited = {name: kind.delimited for name, kind in INTERVENTIONS.items() if kind.delimited}
    parts = tuple(split_spec(spec, delimited))
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
