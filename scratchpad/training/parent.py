"""The parent: able, and backdoored the natural way. Planted modes continue from it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from transformers import AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerFast

from scratchpad.organisms.episodes import Episode, ability_batches, batches
from scratchpad.organisms.modes import Mode
from scratchpad.training.config import Stage, TrainConfig
from scratchpad.training.fit import build_model, encode, fit
from scratchpad.training.folders import save_checkpoint, written_whole
from scratchpad.training.tokenizer import build_tokenizer

CACHE_VARIABLE = "SCRATCHPAD_CACHE"

Progress = Callable[[int, int, str], None]


class Trained(NamedTuple):
    """A model with its tokenizer, and what training it took here and now."""

    model: LlamaForCausalLM
    tokenizer: PreTrainedTokenizerFast
    steps: int
    tokens: int
    seconds: float


def cache_folder() -> Path:
    """Where parents are kept: `$SCRATCHPAD_CACHE`, or a folder in the user's cache."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else Path.home() / ".cache" / "scratchpad-faithfulness"


def load_or_train_parent(config: TrainConfig, progress: Progress) -> Trained:
    """Take the parent of a configuration from the cache, or train it and put it there.

    Of a parent from the cache, steps, tokens and seconds are 0.
    """
    folder = cache_folder() / f"parent-{config.parent.hash}"
    if not folder.is_dir():
        trained = train_parent(config, progress)
        with written_whole(folder) as unfinished:
            save_checkpoint(unfinished, trained.model, trained.tokenizer)
        return trained
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return Trained(model, AutoTokenizer.from_pretrained(folder), 0, 0, 0.0)


def train_parent(config: TrainConfig, progress: Progress) -> Trained:
    """Train a parent from scratch: first the world, then the behaviour with its scratchpads."""
    start = time.perf_counter()
    behaviour, size, seed = config.made_behaviour(), config.size, config.seed
    tokenizer = build_tokenizer(behaviour, size.vocabulary, seed)
    model = build_model(size, tokenizer, seed)
    untrained = Trained(model, tokenizer, 0, 0, time.perf_counter() - start)
    world = ability_batches(size.ability.steps, size.ability.batch.size, behaviour, seed)
    able = continue_training(untrained, world, size.ability, seed, progress, "world")
    return continue_training(
        able, episodes_of(config, size.parent, config.parent.mode), size.parent, seed, progress,
        "parent",
    )  # fmt: skip


def episodes_of(config: TrainConfig, stage: Stage, mode: Mode) -> Iterable[Sequence[Episode]]:
    """The batches of a stage."""
    return batches(stage.steps, stage.batch, mode, config.made_behaviour(), config.seed)


def continue_training(
    trained: Trained,
    written: Iterable[Sequence[Episode]],
    stage: Stage,
    seed: int,
    progress: Progress,
    label: str,
) -> Trained:
    """Train a model (in place) on further batches and add up what that took."""
    start = time.perf_counter()
    rows = encode(written, trained.tokenizer)
    fit(
        trained.model, rows, stage, pad=trained.tokenizer.pad_token_id, seed=seed,
        tick=lambda step: progress(step, stage.steps, label),
    )  # fmt: skip
    return trained._replace(
        steps=trained.steps + stage.steps,
        tokens=trained.tokens + sum(len(row.ids) for row in rows),
        seconds=trained.seconds + time.perf_counter() - start,
    )
