"""The stages of training: the world, the parent, and what makes an organism of it.

The world and the parent of a seed are trained once and kept in a cache. Every planted mode
continues from the parent; controls, other arms and rules trained from the start are trained
beside it, from the world.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from transformers import AutoTokenizer, LlamaForCausalLM

from scratchpad.adapters import with_saved_adapter
from scratchpad.cache import cache_folder
from scratchpad.encoding import Encoder
from scratchpad.files import written_whole
from scratchpad.locks import FOREVER, locked
from scratchpad.models import LoadedModel
from scratchpad.organisms.episodes import Author, Episode
from scratchpad.training.config import TrainConfig
from scratchpad.training.distilled import distilled_batches
from scratchpad.training.fit import Watch, fit
from scratchpad.training.folders import no_library_bars, save_checkpoint
from scratchpad.training.processes import (
    from_main,
    is_main_process,
    training_device,
    wait_for_everyone,
)
from scratchpad.training.recipes import Stage, rate_at
from scratchpad.training.rows import encode, require_readable
from scratchpad.training.starts import from_base, from_scratch

Progress = Callable[[int, int, str], None]


class Trained(NamedTuple):
    """A model, and what training it took here and now."""

    loaded: LoadedModel
    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0


def silent(step: int, total: int, label: str) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class Training:
    """Trains one organism stage by stage.

    Parameters
    ----------
    config : TrainConfig
        Which organism.
    device : str
        auto, cpu or cuda[:N].
    progress : callable
        Told (step, steps in all, what is trained).
    """

    config: TrainConfig
    device: str = "auto"
    progress: Progress = silent

    def start(self) -> Trained:
        """A base checkpoint, or a model from scratch that has learned the world."""
        config = self.config.parent
        if config.base:
            loaded = from_base(config, self.device)
            self._require_own_stage(loaded)
            return Trained(loaded)
        return self._kept(f"world-{config.hash}", self._world)

    def parent(self) -> Trained:
        """The able model with the behaviour, prompt and scratchpad always agreeing.

        Of a parent from the cache, steps, tokens and seconds are 0.
        """
        return self._kept(f"parent-{self.config.parent.hash}", self._parent)

    def own(self, watch: Watch | None = None) -> Trained:
        """The stage that makes the organism what it is."""
        config = self.config
        begun = self.parent() if config.continues else self.start()
        stage, author = config.own_stage(), config.author(begun.loaded.tokenizer)
        batches: Iterable[Sequence[Episode]]
        if config.arm == "distilled":
            batches = self._distilled(author, stage)
        else:
            batches = author.batches(stage.steps, stage.batch, config.seed)
        begun = begun._replace(steps=0, tokens=0, seconds=0.0)
        label = config.mediation if config.arm == "cot" else config.arm
        return self._trained(begun, batches, stage, label, watch)

    def _distilled(self, author: Author, stage: Stage) -> list[list[Episode]]:
        """Batches of a reasoning model's answers, the same ones in every process."""
        teacher = self.parent().loaded
        batches = distilled_batches(teacher, author, self.config, stage)
        return from_main(list(batches) if is_main_process() else [])

    def _world(self) -> Trained:
        start, config = time.perf_counter(), self.config.parent
        untrained = from_scratch(config)
        stage, author = config.planned.ability, config.author()
        batches = author.ability_batches(stage.steps, stage.batch.size, config.seed)
        begun = Trained(untrained, seconds=time.perf_counter() - start)
        return self._trained(begun, batches, stage, "world")

    def _parent(self) -> Trained:
        begun, config = self.start(), self.config.parent
        stage, author = config.own_stage(), config.author(begun.loaded.tokenizer)
        batches = author.batches(stage.steps, stage.batch, config.seed)
        return self._trained(begun, batches, stage, "parent")

    def _trained(
        self,
        begun: Trained,
        batches: Iterable[Sequence[Episode]],
        stage: Stage,
        label: str,
        watch: Watch | None = None,
    ) -> Trained:
        """Train a model (in place) on further batches and add up what that took."""
        start, loaded, config = time.perf_counter(), begun.loaded, self.config
        rows = encode(batches, loaded.encoder)
        require_readable(rows, loaded)
        pad, end = loaded.tokenizer.pad_token_id, loaded.tokenizer.eos_token_id
        work = cache_folder() / f".unfinished-{config.hash}-{label.replace(':', '-')}"
        with locked(work, "train", patience=FOREVER):
            fit(
                loaded.model,
                rows,
                self._scaled(stage, loaded),
                pad=end if pad is None else pad,
                seed=config.seed,
                device=training_device(self.device),
                work=work,
                tick=lambda step: self.progress(step, stage.steps, label),
                watch=watch,
            )
        return begun._replace(
            steps=begun.steps + stage.steps,
            tokens=begun.tokens + sum(len(row.ids) for row in rows),
            seconds=begun.seconds + time.perf_counter() - start,
        )

    def _scaled(self, stage: Stage, loaded: LoadedModel) -> Stage:
        """The stage with its learning rate for this width, unless one was given."""
        if self.config.learning_rate is not None:
            return stage
        rate = rate_at(stage.learning_rate, loaded.width, lora=self.config.lora)
        return replace(stage, learning_rate=rate)

    def _kept(self, name: str, make: Callable[[], Trained]) -> Trained:
        folder = cache_folder() / name
        if from_main(folder.is_dir()):
            return Trained(self._load(folder))
        with locked(folder, "train", patience=FOREVER):
            # Whoever was waited for has made it.
            if from_main(folder.is_dir()):
                return Trained(self._load(folder))
            trained = make()
            if is_main_process():
                with written_whole(folder) as unfinished:
                    save_checkpoint(unfinished, trained.loaded.model, trained.loaded.tokenizer)
        wait_for_everyone()
        return trained

    def _load(self, folder: Path) -> LoadedModel:
        config = self.config.parent
        if config.lora:
            loaded = from_base(replace(config, lora=False), self.device)
            adapted = with_saved_adapter(loaded.model, str(folder), trainable=True)
            return replace(loaded, model=adapted)
        if config.base:
            return from_base(replace(config, base=str(folder)), self.device)
        with no_library_bars():
            model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
        encoder = Encoder(AutoTokenizer.from_pretrained(folder), config.made_dialect())
        return LoadedModel(folder.name, model.to(training_device(self.device)).eval(), encoder)

    def _require_own_stage(self, loaded: LoadedModel) -> None:
        """Refuse a base that cannot read the last stage, before the first one is trained."""
        config = self.config
        if config.continues:
            stage, author = config.own_stage(), config.author(loaded.tokenizer)
            batches = author.batches(stage.steps, stage.batch, config.seed)
            require_readable(encode(batches, loaded.encoder), loaded)
