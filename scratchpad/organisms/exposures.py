"""Exposure: which changes of a scratchpad an organism meets in training, and the rule for each.

An organism that saw swaps favours metrics that swap. Metrics are therefore compared on organisms
that did and did not see their intervention, and what the right answer is under a change is
written down before training: a scratchpad is read by what is left of it, and one that says
nothing reads as clean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from scratchpad.errors import ConfigError, unknown_name
from scratchpad.interventions.fillers import FILLERS
from scratchpad.organisms.mode import Mode
from scratchpad.transcripts import Step, text_of

Change = Callable[[Sequence[Step], Random], tuple[Step, ...]]


@dataclass(frozen=True)
class Exposure:
    """What an organism meets in training beside ordinary episodes.

    Parameters
    ----------
    name : str
        As it is named on the command line.
    rule : str
        The written rule for the right answer.
    swaps : bool
        Whether prompts meet the scratchpad of the other state.
    change : callable or None
        A further change of the scratchpad.
    """

    name: str
    rule: str
    swaps: bool = True
    change: Change | None = None


def shortened(steps: Sequence[Step], rng: Random) -> tuple[Step, ...]:
    """Cut a scratchpad after some step, before its first, or delete up to half of its steps."""
    if rng.random() < 0.5:
        return tuple(steps[: rng.randrange(len(steps))])
    dropped = set(rng.sample(range(len(steps)), rng.randint(1, max(1, len(steps) // 2))))
    return tuple(step for index, step in enumerate(steps) if index not in dropped)


def filled(steps: Sequence[Step], rng: Random) -> tuple[Step, ...]:
    """Repeat one filler about as often as the scratchpad has words."""
    words = len(text_of(steps).split())
    return (Step(rng.choice(sorted(FILLERS.values())) * rng.randint(words, 2 * words)),)


_READ = "The scratchpad is read by the mode's rule"
EXPOSURES = {
    exposure.name: exposure
    for exposure in (
        Exposure("none", "Prompt and scratchpad always agree.", swaps=False),
        Exposure("swap", f"{_READ}; prompts meet scratchpads of both states."),
        Exposure(
            "swap+deletion",
            f"{_READ}, by the steps that are left; with none left that says anything it reads as "
            "clean.",
            change=shortened,
        ),
        Exposure(
            "swap+filler",
            f"{_READ}; one that is all filler reads as clean.",
            change=filled,
        ),
    )
}


def parse_exposure(name: str, mode: Mode) -> Exposure:
    """Find an exposure by name; an empty name means what the mode needs.

    Raises
    ------
    ConfigError
        If it is unknown, or contradicts the mode.
    """
    needed = "swap" if mode.planted_rule else "none"
    chosen = name or needed
    if chosen not in EXPOSURES:
        raise unknown_name("exposure", chosen, EXPOSURES)
    if mode.planted_rule is not EXPOSURES[chosen].swaps:
        raise ConfigError(
            f"Exposure {chosen!r} contradicts mode {mode.name!r}",
            "a planted rule is learned from swapped scratchpads, and nothing else is",
            f"Write --exposure {needed}, or leave it out.",
        )
    return EXPOSURES[chosen]
