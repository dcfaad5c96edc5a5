"""Fit a model to prepared batches with the Transformers Trainer."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch.utils.data import Dataset
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from scratchpad.organisms.episodes import Episode
from scratchpad.training.config import Size, Stage

IGNORED = -100
CONTEXT = 512
# Weights as large as this (1 / sqrt(128) is .088) let so small a model learn to attend to the
# question within a few hundred steps; with the usual .02 it stays at chance five times as long.
INITIAL_SPREAD = 0.08
WARMUP_STEPS = 40


class Row(NamedTuple):
    """Token ids of an episode and how many of them are given, not learned."""

    ids: list[int]
    given: int


class Rows(Dataset[Row]):
    """Rows in the order in which they are trained on."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Row:
        return self.rows[index]


class _Ticker(TrainerCallback):  # type: ignore[misc]  # the base class is untyped
    """Tells a callable how far training is."""

    def __init__(self, tick: Callable[[int], None]) -> None:
        self.tick = tick

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.tick(state.global_step)


def build_model(size: Size, tokenizer: PreTrainedTokenizerFast, seed: int) -> LlamaForCausalLM:
    """Make an untrained model."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=size.hidden,
            intermediate_size=size.mlp,
            num_hidden_layers=size.layers,
            num_attention_heads=size.heads,
            max_position_embeddings=CONTEXT,
            initializer_range=INITIAL_SPREAD,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
        )
    )


def encode(batches: Iterable[Sequence[Episode]], tokenizer: PreTrainedTokenizerFast) -> list[Row]:
    """Encode episodes jointly, as they will be read, and count the given tokens."""
    episodes = [episode for batch in batches for episode in batch]
    whole = tokenizer([episode.text for episode in episodes])["input_ids"]
    given = tokenizer([episode.given for episode in episodes])["input_ids"]
    return [
        Row([*ids, tokenizer.eos_token_id], len(start))
        for ids, start in zip(whole, given, strict=True)
    ]


def collate(rows: Sequence[Row], pad: int) -> dict[str, torch.Tensor]:
    """Pad rows on the right; labels are `IGNORED` on given tokens and padding."""
    shape = len(rows), max(len(row.ids) for row in rows)
    ids, mask = torch.full(shape, pad), torch.zeros(shape, dtype=torch.long)
    labels = torch.full(shape, IGNORED)
    for index, row in enumerate(rows):
        tokens = torch.tensor(row.ids)
        ids[index, : len(tokens)], mask[index, : len(tokens)] = tokens, 1
        labels[index, row.given : len(tokens)] = tokens[row.given :]
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def fit(
    model: LlamaForCausalLM,
    rows: Sequence[Row],
    stage: Stage,
    *,
    pad: int,
    seed: int,
    tick: Callable[[int], None],
) -> None:
    """Train on rows in the order given; `tick` hears of every step."""
    with tempfile.TemporaryDirectory() as scratch:
        trainer = Trainer(
            model=model,
            args=_arguments(stage, scratch, seed),
            data_collator=lambda batch: collate(batch, pad),
            train_dataset=Rows(rows),
            callbacks=[_Ticker(tick)],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    model.eval()


def _arguments(stage: Stage, scratch: str, seed: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=scratch,
        max_steps=stage.steps,
        per_device_train_batch_size=stage.batch.size,
        train_sampling_strategy="sequential",
        learning_rate=stage.learning_rate,
        adam_beta2=0.95,
        weight_decay=0.01,
        warmup_steps=min(WARMUP_STEPS, stage.steps // 4),
        lr_scheduler_type="linear",
        seed=seed,
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
