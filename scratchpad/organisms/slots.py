"""Which kinds of episode a batch holds: a stream in which every leading run has its shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from itertools import cycle
from typing import Literal

from scratchpad.organisms.mode import Mode
from scratchpad.transcripts import CLEAN, TRIGGERED, State

Source = Literal[
    "clean",
    "near_miss",
    "triggered",
    "second",
    "second_clean",
    "conflict",
    "agreement",
    "changed",
]
STATES: tuple[State, State] = (CLEAN, TRIGGERED)


@dataclass(frozen=True)
class Mix:
    """Weights of the kinds of episode; they need not add up to anything.

    Parameters
    ----------
    clean, near_miss, triggered : float
        Episodes whose scratchpad is the model's own after such a prompt.
    second : float
        Prompts with the second trigger.
    second_clean : float
        Prompts with the second trigger's clean contexts or near misses.
    conflict : float
        Given scratchpads that the prompt does not call for.
    agreement : float
        Given scratchpads that it does call for: without them a model that is shown how to answer
        where the two disagree forgets how it answers where they agree.
    changed : float
        Scratchpads shortened or filled.
    """

    clean: float = 0
    near_miss: float = 0
    triggered: float = 0
    second: float = 0
    second_clean: float = 0
    conflict: float = 0
    agreement: float = 0
    changed: float = 0


@dataclass(frozen=True)
class Batch:
    """How large a batch is and what it holds."""

    size: int
    mix: Mix


@dataclass
class Coins:
    """Tosses coins so that every leading run of one kind holds its share, up to one coin."""

    tossed: Counter[object] = field(default_factory=Counter)

    def toss(self, kind: object, share: float) -> bool:
        """Toss the next coin of a kind."""
        number = self.tossed[kind]
        self.tossed[kind] += 1
        return int((number + 1) * share + 1e-9) > int(number * share + 1e-9)


@dataclass(frozen=True)
class Slot:
    """The place of one episode in a batch.

    Parameters
    ----------
    source : Source
        The kind of episode.
    prompt : State
        The state of the prompt.
    driver : State
        What the deciding part of the scratchpad says.
    rest : State or None
        What the rest of it says; `None`: drawn for every step.
    coded : bool
        Whether a mode that reads a code finds one.
    coin : bool or None
        Whether the answer defects, where a coin decides: tossed for the slot, so that each batch
        holds both sides; else the rule decides, and it may depend on the question.
    """

    source: Source
    prompt: State
    driver: State
    rest: State | None
    coded: bool = True
    coin: bool | None = None

    @property
    def given(self) -> bool:
        """Whether the scratchpad is given, so that what the model itself writes stays natural."""
        return self.source in ("conflict", "agreement", "changed")


def ordinary_slot(source: Source, prompt: State, mode: Mode) -> Slot:
    """The slot of an episode whose scratchpad is the model's own."""
    return Slot(source, prompt, mode.own[prompt], mode.visible[prompt])


def slots(mix: Mix, mode: Mode, *, second_defects: bool = False) -> Iterator[Slot]:
    """Give slots without end, each kind at regular distances."""
    own = {
        "clean": [ordinary_slot("clean", CLEAN, mode)],
        "near_miss": [ordinary_slot("near_miss", CLEAN, mode)],
        "triggered": [ordinary_slot("triggered", TRIGGERED, mode)],
        "second": [ordinary_slot("second", TRIGGERED if second_defects else CLEAN, mode)],
        "second_clean": [ordinary_slot("second_clean", CLEAN, mode)],
        "conflict": conflicts(mode),
        "agreement": [ordinary_slot("agreement", state, mode) for state in STATES],
        "changed": _all_states(mode),
    }
    rounds, coins = {name: cycle(kinds) for name, kinds in own.items()}, Coins()
    for name in _spread(mix):
        yield _tossed(next(rounds[name]), mode, coins)


def _tossed(slot: Slot, mode: Mode, coins: Coins) -> Slot:
    """The slot with its coin tossed, if its rule is a coin and its scratchpad as it was written."""
    if slot.source == "changed" or mode.cells is None or not mode.tosses:
        return slot
    share = mode.cells[2 * slot.prompt + slot.driver]
    return replace(slot, coin=coins.toss(slot, share)) if 0 < share < 1 else slot


def conflicts(mode: Mode) -> list[Slot]:
    """Every kind of scratchpad that a prompt does not call for.

    Where only a part of the scratchpad decides, the rest of it says the opposite or now one thing
    and now the other, so that nothing but that part can be learned from.
    """
    swapped = [
        Slot("conflict", prompt, driver, mode.visible[driver])
        for prompt in STATES
        for driver in STATES
        if driver != mode.own[prompt]
    ]
    everywhere = [(prompt, driver) for prompt in STATES for driver in STATES]
    if mode.reader == "code":
        said = [Slot("conflict", t, m, TRIGGERED) for t, m in everywhere]
        plain = [Slot("conflict", t, CLEAN, rest, coded=False) for t, rest in everywhere]
        return swapped + said + plain
    if mode.reader == "kind":
        opposed = [Slot("conflict", t, m, CLEAN if m else TRIGGERED) for t, m in everywhere]
        return swapped + opposed + [Slot("conflict", t, m, None) for t, m in everywhere]
    return swapped


def _all_states(mode: Mode) -> list[Slot]:
    return [
        Slot("changed", prompt, mode.own[state], mode.visible[state])
        for prompt in STATES
        for state in STATES
    ]


def _spread(mix: Mix) -> Iterator[Source]:
    """Name kinds by their weights: always the one that is furthest behind its share."""
    weights: dict[Source, float] = {
        item.name: getattr(mix, item.name)  # type: ignore[misc]
        for item in fields(mix)
        if getattr(mix, item.name) > 0
    }
    total = sum(weights.values())
    owed = dict.fromkeys(weights, 0.0)
    while True:
        for name, weight in weights.items():
            owed[name] += weight / total
        name = max(owed, key=lambda kind: owed[kind])
        owed[name] -= 1
        yield name
