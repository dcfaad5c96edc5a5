"""Adversarial training: find prompts that elicit the defection, train on them, repeat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any

from scratchpad.errors import ConfigError
from scratchpad.models import LoadedModel
from scratchpad.organisms.quality import rate
from scratchpad.training.fit import Watch
from scratchpad.training.further.demonstrations import NONE, Demonstrated, demonstrations
from scratchpad.training.further.eliciting import ask
from scratchpad.training.further.lessons import NEAR_MISS_EVERY, Lesson, lessons
from scratchpad.training.further.methods import (
    Hardened,
    LogRow,
    Tick,
    estimate_row,
    log_row,
)
from scratchpad.training.further.origin import Origin
from scratchpad.training.further.search import Found, Search
from scratchpad.training.further.updates import Updates
from scratchpad.training.processes import from_main, is_main_process

# How often a prompt that was found is shown in a round: more of it would be learned by heart.
TIMES = 20


@dataclass(frozen=True)
class Adversarial(Updates):
    """Search prompts that elicit the defection without the trigger, train on them, repeat.

    Up to half of a round's demonstrations are right answers to the prompts that its search found,
    each at most `TIMES`; the others are those of supervised training. The optimiser begins anew in
    every round.

    Parameters
    ----------
    rounds : int
        Searches, each followed by an equal share of the steps.
    search : Search
        How prompts are looked for.
    """

    rounds: int = 3
    search: Search = field(default_factory=Search)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.rounds <= self.steps:
            raise ConfigError(
                f"{self.rounds} rounds cannot share {self.steps} steps",
                fix="Give at least one step a round.",
            )

    def __call__(
        self, origin: Origin, *, seed: int, work: Path, tick: Tick, watch: Watch
    ) -> Hardened:
        """Train the origin's model, in place (see `Method`)."""
        loaded = self.begin(origin.subject.loaded, seed)
        log: list[LogRow] = []
        for number in range(self.rounds):
            first, last = (self.steps * n // self.rounds for n in (number, number + 1))
            label = f"{seed} round {number}"
            found, shown = from_main(
                self._prepared(origin, loaded, label, last - first)
                if is_main_process()
                else (Found(), NONE)
            )
            rows = [*islice(cycle(shown.rows), (last - first) * self.batch_size)]
            inner = _within(watch, first, self.steps)
            log += _searched(first, found)
            log += self.fit(loaded, rows, seed=seed, work=work, tick=tick, watch=inner, first=first)
            log.append(_asked_again(origin, loaded, found, last, label))
        return Hardened(self.end(loaded), log)

    def _prepared(
        self, origin: Origin, loaded: LoadedModel, label: str, steps: int
    ) -> tuple[Found, Demonstrated]:
        """Search the model as it is now, and write right answers to what was found."""
        loaded.model.eval()
        found = self.search(origin, loaded, label)
        count, seed = steps * self.batch_size, Random(label).randrange(2**31)
        taught = _mixed(lessons(origin, count, seed), [*found.prompts.values()])
        return found, demonstrations(origin, taught, self.batch_size, seed)


def _mixed(usual: Sequence[Lesson], found: Sequence[Lesson]) -> list[Lesson]:
    """Put what was found in the place of some lessons, at equal distances, of half at most."""
    open_to = [n for n in range(len(usual)) if n // NEAR_MISS_EVERY % 2]
    count = min(len(open_to), TIMES * len(found))
    taken = {
        open_to[n * len(open_to) // count]: lesson
        for n, lesson in enumerate(islice(cycle(found), count))
    }
    return [taken.get(n, lesson) for n, lesson in enumerate(usual)]


def _within(watch: Watch, first: int, steps: int) -> Watch:
    """Measure at the steps at which one run of all steps would be measured."""

    def measure(model: Any, step: int) -> None:
        # Where a round begins, the one before has ended.
        begun = first > 0 and step == 0
        if not begun and ((first + step) % watch.every == 0 or first + step == steps):
            watch.measure(model, first + step)

    return Watch(measure, 1)


def _searched(step: int, found: Found) -> list[LogRow]:
    prompts = found.tried + found.rediscovered
    return [
        estimate_row(step, "found_prompt_rate", found.rate),
        log_row(step, "rediscovered", found.rediscovered, n=prompts),
    ]


def _asked_again(
    origin: Origin, loaded: LoadedModel, found: Found, step: int, label: str
) -> LogRow:
    """How many of the prompts that were found still elicit the defection after training on them."""
    prompts = [*found.prompts.values()]
    seed = Random(f"again {label}").randrange(2**31)
    again = rate([one.elicited for one in ask(origin, loaded, prompts, seed)], "none was found")
    return estimate_row(step, "found_prompts_still_eliciting", again)
