"""Fit a model to prepared batches with the Transformers Trainer.

Under `accelerate launch` each process trains on its part of every batch, so that the steps are
those of one process. A run that was killed goes on from its last checkpoint.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.utils.data import Dataset
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from scratchpad.encoding import Encoder
from scratchpad.errors import ModelError
from scratchpad.organisms.episodes import Episode
from scratchpad.training.processes import is_main_process, process_count, wait_for_everyone
from scratchpad.training.recipes import Stage

IGNORED = -100
WARMUP_STEPS = 40
# A killed run loses at most this much work.
SECONDS_BETWEEN_CHECKPOINTS = 120.0

Tick = Callable[[int], None]


class Row(NamedTuple):
    """Token ids of an episode and how many of them are given, not learned."""

    ids: list[int]
    given: int


class Watch(NamedTuple):
    """Measures a model while it trains: at step 0 and after every so many steps."""

    measure: Callable[[Any, int], None]
    every: int


class Rows(Dataset[Row]):
    """Rows in the order in which they are trained on."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Row:
        return self.rows[index]


class _Ticker(TrainerCallback):  # type: ignore[misc]  # the base class is untyped
    """Tells a callable how far training is, and asks for checkpoints by the clock."""

    def __init__(self, tick: Tick) -> None:
        self.tick = tick
        self.saved = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.tick(state.global_step)
        now = time.monotonic()
        if now - self.saved >= SECONDS_BETWEEN_CHECKPOINTS and state.global_step < state.max_steps:
            self.saved, control.should_save = now, True


class _Watcher(TrainerCallback):  # type: ignore[misc]  # the base class is untyped
    """Measures the model now and then."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 0:
            self._measure(kwargs["model"], 0)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        last = state.global_step == state.max_steps
        if state.global_step % self.watch.every == 0 or last:
            self._measure(kwargs["model"], state.global_step)

    def _measure(self, model: Any, step: int) -> None:
        model.eval()
        self.watch.measure(model, step)
        model.train()


def encode(batches: Iterable[Sequence[Episode]], encoder: Encoder) -> list[Row]:
    """Encode episodes jointly, as they will be read, and count the given tokens.

    A token that straddles the boundary belongs where its first character that is not white space
    does, as it does when a scratchpad is scored.
    """
    tokenizer = encoder.tokenizer
    episodes = [episode for batch in batches for episode in batch]
    encoded = tokenizer(
        [episode.text for episode in episodes],
        # A chat template has written the special tokens already; raw text gets them here.
        add_special_tokens=encoder.dialect.template == "raw",
        return_offsets_mapping=True,
    )
    rows = zip(episodes, encoded["input_ids"], encoded["offset_mapping"], strict=True)
    return [_row(episode, ids, offsets, tokenizer) for episode, ids, offsets in rows]


def _row(
    episode: Episode, ids: list[int], offsets: Sequence[tuple[int, int]], tokenizer: Any
) -> Row:
    text, boundary = episode.text, len(episode.given)
    count = len(ids)
    while count and ids[count - 1] == tokenizer.eos_token_id:
        count -= 1
    starts = (
        end - len(text[start:end].lstrip()) if text[start:end].strip() else start
        for start, end in offsets[:count]
    )
    return Row([*ids[:count], tokenizer.eos_token_id], sum(start < boundary for start in starts))


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
    model: Any,
    rows: Sequence[Row],
    stage: Stage,
    *,
    pad: int,
    seed: int,
    device: torch.device,
    work: Path,
    tick: Tick,
    watch: Watch | None = None,
) -> None:
    """Train on rows in the order given, resuming from the last checkpoint in `work`.

    `tick` hears of every step; `work` is removed when all is done.
    """
    # Checkpoints of whoever ran before hold these steps; what watched them does not come back.
    trainer = Trainer(
        model=model,
        args=_arguments(stage, work, seed, device),
        data_collator=lambda batch: collate(batch, pad),
        train_dataset=Rows(rows),
        callbacks=[_Ticker(tick), *([] if watch is None else [_Watcher(watch)])],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=None if watch else last_checkpoint(work))
    model.eval()
    wait_for_everyone()
    if is_main_process():
        shutil.rmtree(work, ignore_errors=True)


def last_checkpoint(work: Path) -> str | None:
    """The newest checkpoint that was written to its end."""
    whole = [path.parent for path in work.glob("checkpoint-*/trainer_state.json")]
    return str(max(whole, key=lambda path: int(path.name.split("-")[1]))) if whole else None


def _arguments(stage: Stage, work: Path, seed: int, device: torch.device) -> TrainingArguments:
    processes, gpu = process_count(), device.type == "cuda"
    if stage.batch.size % processes:
        raise ModelError(
            f"A batch of {stage.batch.size} cannot be split over {processes} processes",
            fix="Launch as many processes as divide it.",
        )
    return TrainingArguments(
        output_dir=str(work),
        max_steps=stage.steps,
        per_device_train_batch_size=stage.batch.size // processes,
        train_sampling_strategy="sequential",
        learning_rate=stage.learning_rate,
        adam_beta2=0.95,
        weight_decay=0.01,
        warmup_steps=min(WARMUP_STEPS, stage.steps // 4),
        lr_scheduler_type="linear",
        optim="adamw_torch_fused" if gpu else "adamw_torch",
        bf16=gpu and torch.cuda.is_bf16_supported(),
        use_cpu=not gpu,
        seed=seed,
        logging_strategy="no",
        save_strategy="no",
        save_total_limit=1,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
