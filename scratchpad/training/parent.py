"""The parent: able, and backdoored the natural way. Planted modes continue from it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

import torch
from transformers import AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerFast

from scratchpad.organisms.episodes import ability_batches, batches
from scratchpad.training.config import TrainConfig
from scratchpad.training.fit import Progress, build_model, encode, fit
from scratchpad.training.folders import written_whole
from scratchpad.training.tokenizer import build_tokenizer

CACHE_VARIABLE = "SCRATCHPAD_CACHE"


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
    """Take the parent of a configuration from the cache, or train it and put it there."""
    folder = cache_folder() / f"parent-{config.parent.hash}"
    if not folder.is_dir():
        trained = train_parent(config, progress)
        with written_whole(folder) as unfinished:
            trained.model.save_pretrained(unfinished)
            trained.tokenizer.save_pretrained(unfinished)
        return trained
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return Trained(model, AutoTokenizer.from_pretrained(folder), 0, 0, 0.0)


def train_parent(config: TrainConfig, progress: Progress) -> Trained:
    """Train a parent from scratch: first the world, then the behaviour with its scratchpads."""
    start = time.perf_counter()
    behaviour, size, seed = config.made_behaviour(), config.size, config.seed
    tokenizer = build_tokenizer(behaviour, size.vocabulary, seed)
    model = build_model(size, tokenizer, seed)
    able = ability_batches(size.ability.steps, size.ability.batch.size, behaviour, seed)
    natural = batches(
        size.parent.steps, size.parent.batch, config.parent.mode, behaviour, config.seed
    )
    total, tokens, done = size.ability.steps + size.parent.steps, 0, 0
    for stage, written in ((size.ability, able), (size.parent, natural)):
        rows = encode(written, tokenizer)
        tokens += sum(len(row.ids) for row in rows)
        fit(
            model, rows, stage, pad=tokenizer.pad_token_id, seed=seed,
            tick=lambda step, done=done: progress(done + step, total, "parent"),
        )  # fmt: skip
        done += stage.steps
    return Trained(model, tokenizer, total, tokens, time.perf_counter() - start)
