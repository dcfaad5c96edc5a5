"""Fit a model to prepared batches with the Transformers Trainer.

Under `accelerate launch` each process trains on its part of every batch, so that the steps are
those of one process. A run that was killed goes on from its last checkpoint.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from scratchpad.parsing import UNREADABLE, parsed_json
from scratchpad.training.folders import no_library_bars
from scratchpad.training.processes import (
    from_main,
    is_main_process,
    is_sharded,
    process_count,
    wait_for_everyone,
)
from scratchpad.training.recipes import Stage
from scratchpad.training.rows import Rows, collate
from scratchpad.training.sharding import Whole

WARMUP_STEPS = 40
# A killed run loses at most this much work.
SECONDS_BETWEEN_CHECKPOINTS = 120.0
STEPS_BETWEEN_LOSSES = 10
# What the library writes last into a checkpoint.
LAST_FILE = "checkpoint-*/trainer_state.json"

Tick = Callable[[int], None]
Losses = Callable[[int, float], None]


class Watch(NamedTuple):
    """Measures a model while it trains: at step 0 and after every so many steps."""

    measure: Callable[[Any, int], None]
    every: int


class Objective(Protocol):
    """What is minimised, where that is not the cross-entropy of the targets."""

    def collate(self, rows: Sequence[Any], pad: int) -> dict[str, torch.Tensor]:
        """Make a batch of rows; `labels` are `IGNORED` everywhere but at the targets."""

    def loss(self, model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """The loss of a batch, summed over its targets."""


class _Learner(Trainer):  # type: ignore[misc]  # the base class is untyped
    """Minimises an objective, every target of all processes' batches counting the same."""

    def __init__(self, objective: Objective, **settings: Any) -> None:
        super().__init__(**settings)
        self.objective = objective
        # The library counts the targets of a batch for models that it can tell their number.
        self.model_accepts_loss_kwargs = True

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        loss = self.objective.loss(model, inputs)
        # Gradients are averaged over processes, but targets are counted over all of them.
        loss *= self.accelerator.num_processes / num_items_in_batch
        return loss


class _Ticker(TrainerCallback):  # type: ignore[misc]  # the base class is untyped
    """Tells a callable how far training is, and asks for checkpoints by the clock."""

    def __init__(self, tick: Tick, *, saves: bool) -> None:
        self.tick = tick
        self.saves = saves
        self.saved = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.tick(state.global_step)
        if not self.saves:
            return
        now = time.monotonic()
        # Processes save together or not at all, and each has a clock of its own.
        due = from_main(now - self.saved >= SECONDS_BETWEEN_CHECKPOINTS)
        if due and state.global_step < state.max_steps:
            self.saved, control.should_save = now, True


class Watcher(TrainerCallback):  # type: ignore[misc]  # the base class is untyped
    """Measures the model now and then: the whole of it, if what trains is sharded."""

    def __init__(self, watch: Watch, whole: Whole | None = None) -> None:
        self.watch, self.whole = watch, whole

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure before the first step."""
        if state.global_step == 0:
            self._measure(kwargs["model"], 0)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure after every so many steps, and after the last one."""
        last = state.global_step == state.max_steps
        if state.global_step % self.watch.every == 0 or last:
            self._measure(kwargs["model"], state.global_step)

    def _measure(self, model: Any, step: int) -> None:
        if self.whole is not None:
            with self.whole.gathered() as gathered:
                self._measure_whole(gathered, step)
        else:
            self._measure_whole(model, step)

    def _measure_whole(self, model: Any, step: int) -> None:
        if not is_main_process():
            return
        model.eval()
        self.watch.measure(model, step)
        model.train()


class _Listener(TrainerCallback):  # type: ignore[misc]  # the base class is untyped
    """Passes the mean loss of the last steps on."""

    def __init__(self, losses: Losses) -> None:
        self.losses = losses

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if "loss" in kwargs["logs"]:
            self.losses(state.global_step, float(kwargs["logs"]["loss"]))


def fit(
    model: Any,
    rows: Sequence[Any],
    stage: Stage,
    *,
    pad: int,
    seed: int,
    device: torch.device,
    work: Path,
    tick: Tick,
    watch: Watch | None = None,
    optimiser: str = "adamw",
    losses: Losses | None = None,
    objective: Objective | None = None,
) -> None:
    """Train on rows in the order given, resuming from the last checkpoint in `work`.

    `tick` hears of every step, `losses` of the mean loss of every ten; `work` is removed when all
    is done. Training that is watched begins anew. `optimiser` is `adamw`, or `sgd` with momentum
    .9. Rows are of the kind `Row`, or what the objective makes batches of.
    """
    made = collate if objective is None else objective.collate
    learner = Trainer if objective is None else partial(_Learner, objective)
    whole = Whole(model, device) if is_sharded() else None
    # What watched the steps of whoever ran before does not come back with their checkpoints.
    callbacks = [_Ticker(tick, saves=watch is None), *([] if whole is None else [whole])]
    if watch is not None:
        callbacks.append(Watcher(watch, whole))
    if losses is not None:
        callbacks.append(_Listener(losses))
    trainer = learner(
        model=model if whole is None else whole.trainee,
        args=_arguments(stage, work, seed, device, optimiser, logs=losses is not None),
        data_collator=lambda batch: made(batch, pad),
        train_dataset=Rows(rows),
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)
    with no_library_bars():
        trainer.train(resume_from_checkpoint=None if watch else from_main(last_checkpoint(work)))
    if whole is not None:
        whole.take_over()
        model.to(device)
    model.eval()
    wait_for_everyone()
    if is_main_process():
        _remove(work)


def last_checkpoint(work: Path) -> str | None:
    """The newest checkpoint that was written to its end."""
    whole = [path.parent for path in work.glob(LAST_FILE) if _is_whole(path)]
    return str(max(whole, key=lambda path: int(path.name.split("-")[1]))) if whole else None


def _is_whole(path: Path) -> bool:
    try:
        return bool(parsed_json(path.read_text(encoding="utf-8")))
    except UNREADABLE:
        return False


def _remove(work: Path) -> None:
    """Remove checkpoints so that none whose removal is cut short seems to be whole."""
    for path in work.glob(LAST_FILE):
        path.unlink()
    shutil.rmtree(work, ignore_errors=True)


def _arguments(
    stage: Stage, work: Path, seed: int, device: torch.device, optimiser: str, *, logs: bool
) -> TrainingArguments:
    gpu = device.type == "cuda"
    adamw = "adamw_torch_fused" if gpu else "adamw_torch"
    arguments = TrainingArguments(
        output_dir=str(work),
        max_steps=stage.steps,
        per_device_train_batch_size=stage.batch.size // process_count(),
        train_sampling_strategy="sequential",
        learning_rate=stage.learning_rate,
        adam_beta2=0.95,
        weight_decay=0.01,
        warmup_steps=min(WARMUP_STEPS, stage.steps // 4),
        lr_scheduler_type="linear",
        optim=adamw if optimiser == "adamw" else optimiser,
        optim_args="momentum=0.9" if optimiser == "sgd" else None,
        bf16=gpu and torch.cuda.is_bf16_supported(),
        use_cpu=not gpu,
        seed=seed,
        logging_strategy="steps" if logs else "no",
        logging_steps=STEPS_BETWEEN_LOSSES,
        save_strategy="no",
        save_total_limit=1,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
    if arguments.n_gpu > 1:
        # One process takes one GPU; over several, the library would split batches its own way.
        arguments._n_gpu = 1
    return arguments
