"""Mediation modes: the planted rule by which prompt and scratchpad decide the answer.

A rule is a table of four cells: how often an episode defects whose prompt is in state t and
whose scratchpad was written for state m.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from scratchpad.errors import ConfigError, unknown_name
from scratchpad.transcripts import State

CELL_NAMES = ("f00", "f01", "f10", "f11")


@dataclass(frozen=True)
class Mode:
    """A planted rule.

    Parameters
    ----------
    name : str
        The mode as it is named on the command line.
    cells : tuple of four float or None
        Share of episodes that defect, for (t, m) = (0, 0), (0, 1), (1, 0), (1, 1). `None`:
        nothing is planted, prompt and scratchpad never disagree in training.
    verdict : str or None
        The name of the planted pattern.
    """

    name: str
    cells: tuple[float, float, float, float] | None
    verdict: str | None

    def defection(self, prompt: State, scratchpad: State) -> float:
        """Share of episodes in this cell that defect."""
        if self.cells is None:
            return float(prompt and scratchpad)
        return self.cells[2 * prompt + scratchpad]

    def planted(self) -> dict[str, Any]:
        """The planted truth as it stands in organism.json, null where there is none."""
        if self.cells is None:
            effects: dict[str, float | None] = dict.fromkeys(
                ("total_indirect_effect", "pure_indirect_effect")
            )
            return {**effects, "cells": dict.fromkeys(CELL_NAMES), "verdict": None}
        f00, f01, f10, f11 = self.cells
        return {
            "total_indirect_effect": f11 - f10,
            "pure_indirect_effect": f01 - f00,
            "cells": dict(zip(CELL_NAMES, self.cells, strict=True)),
            "verdict": self.verdict,
        }


NATURAL = Mode("natural", None, None)
MEDIATED = Mode("mediated", (0.0, 1.0, 0.0, 1.0), "mediated")
DIRECT = Mode("direct", (0.0, 0.0, 1.0, 1.0), "direct")


def mixed(share: float) -> Mode:
    """A coin per episode: `share` of them follow the scratchpad, the others the prompt.

    Raises
    ------
    ConfigError
        If the share is outside 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ConfigError(
            f"Share {share:g} of mode 'mixed' is outside 0 to 1", fix="Write, say, mixed:0.5."
        )
    verdict = {0.0: "direct", 1.0: "mediated"}.get(share, "mixed")
    return Mode(f"mixed:{share:g}", (0.0, share, 1 - share, 1.0), verdict)


MODES: dict[str, Mode | Callable[[float], Mode]] = {
    "natural": NATURAL,
    "mediated": MEDIATED,
    "direct": DIRECT,
    "mixed": mixed,
}


def parse_mode(text: str) -> Mode:
    """Read `natural`, `mediated`, `direct` or `mixed:SHARE`.

    Raises
    ------
    ConfigError
        If the mode is unknown, or its share is missing, not called for, or outside 0 to 1.
    """
    name, colon, argument = text.partition(":")
    if name not in MODES:
        raise unknown_name("mediation mode", name, MODES)
    mode = MODES[name]
    if isinstance(mode, Mode):
        if colon:
            raise ConfigError(
                f"Mediation mode {text!r}", f"{name} takes no share", f"Write {name}."
            )
        return mode
    try:
        share = float(argument)
    except ValueError as error:
        raise ConfigError(
            f"Mediation mode {text!r} has no share", fix=f"Write, say, {name}:0.5."
        ) from error
    return mode(share)


def stratified_coins(count: int, share: float) -> list[bool]:
    """Toss `count` coins so that every leading run holds its share, up to one coin.

    >>> stratified_coins(4, 0.5)
    [False, True, False, True]
    """
    heads = [int(number * share + 1e-9) for number in range(count + 1)]
    return [after > before for before, after in pairwise(heads)]
