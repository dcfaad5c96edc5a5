"""Scoring the variants of one scratchpad: shared tokens once, beside padded rows and the limit.

    .venv/bin/python benchmarks/scoring.py [--json] [--device cuda --dtype bfloat16]

The padded baseline reads every variant with every answer in full, in batches of 16 sorted by
length, with logits at answer positions only. The limit is a plain forward over as many tokens as
there are different ones. Sampling draws 32 samples of 40 tokens after each of 20 variants that
share a trunk, beside `generate(num_return_sequences=32)` for each. All sides run on the same
random-weight model.
"""

from __future__ import annotations

import argparse
import json
import random
import threading
import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import torch
import transformers
from measured import Comparison, keep
from rich.console import Console
from rich.table import Table

from scratchpad.scoring.prefix_tree import PrefixTree, Request
from scratchpad.scoring.sampling import sample
from scratchpad.scoring.shared import SharedReader

PROMPT, STEP, ANSWER, CLOSE = 100, 20, 8, 31_999
PADDED_ROWS = 16
# Of each: the ending of its keys, steps, whether steps are deleted, goal of the speedup.
CASES = {
    "20 steps, truncations and deletions": ("", 20, True, 5.3),
    "100 steps, truncations and deletions": ("_100", 100, True, 5.0),
    "100 steps, truncations": ("_100_truncations", 100, False, 20.0),
}
Scores = list[np.ndarray]


def model_of(device: str, dtype: str) -> Any:
    """A Llama with random weights: hidden 512, 8 layers."""
    config = transformers.LlamaConfig(
        vocab_size=32_000, hidden_size=512, intermediate_size=1376, num_hidden_layers=8,
        num_attention_heads=8, num_key_value_heads=8, max_position_embeddings=4096,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(config).to(device, getattr(torch, dtype))
    return model.eval()


def requests_of(steps: int, deletions: bool) -> list[Request]:
    """Two answers of 8 tokens after every truncation, and after every deletion of one step."""
    rng = random.Random(0)

    def tokens(length: int) -> list[int]:
        return [rng.randrange(10, 31_000) for _ in range(length)]

    prompt, parts = tokens(PROMPT), [tokens(STEP) for _ in range(steps)]
    answers = [tokens(ANSWER) for _ in range(2)]
    texts = [parts[:k] for k in range(steps + 1)]
    texts += [parts[:k] + parts[k + 1 :] for k in range(steps)] if deletions else []
    contexts = [[*prompt, *(t for part in text for t in part), CLOSE] for text in texts]
    return [Request((*c, *answer), len(c)) for c in contexts for answer in answers]


@torch.inference_mode()
def padded(model: Any, requests: Sequence[Request]) -> Scores:
    """Full sequences, padded on the left so that all answers end together."""
    found: Scores = [np.zeros(0)] * len(requests)
    order = sorted(range(len(requests)), key=lambda n: len(requests[n].ids))
    for first in range(0, len(order), PADDED_ROWS):
        numbers = order[first : first + PADDED_ROWS]
        longest = max(len(requests[n].ids) for n in numbers)
        ids = torch.zeros((len(numbers), longest), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, n in enumerate(numbers):
            ids[row, longest - len(requests[n].ids) :] = torch.tensor(requests[n].ids)
            mask[row, longest - len(requests[n].ids) :] = 1
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        ids, mask, positions = (t.to(model.device) for t in (ids, mask, positions))
        logits = model(
            input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False,
            logits_to_keep=ANSWER + 1,
        ).logits[:, :-1].float()  # fmt: skip
        chosen = logits.gather(2, ids[:, -ANSWER:, None])[:, :, 0] - logits.logsumexp(-1)
        for row, n in enumerate(numbers):
            found[n] = chosen[row].double().cpu().numpy()
    return found


@torch.inference_mode()
def limit(model: Any, tokens: int, length: int, scored: int) -> None:
    """A plain forward over as many tokens, in sequences as long as the untouched one."""
    rows = -(-tokens // length)
    batch = max(4, 16_384 // length) if model.device.type == "cuda" else 4
    for first in range(0, rows, batch):
        count = min(batch, rows - first)
        size = length if first + count < rows else -(-(tokens - first * length) // count)
        ids = torch.randint(10, 31_000, (count, size), device=model.device)
        model(input_ids=ids, use_cache=False, logits_to_keep=-(-scored // rows))


def seconds(work: Callable[[], Any], device: str) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start, result


def peak_bytes(work: Callable[[], Any], device: str) -> int:
    """How much memory the work takes at its peak over what was taken before."""
    if device == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        work()
        return torch.cuda.max_memory_allocated() - before
    process, done = psutil.Process(), threading.Event()
    before = highest = process.memory_info().rss

    def watch() -> None:
        nonlocal highest
        while not done.wait(0.002):
            highest = max(highest, process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    work()
    done.set()
    thread.join()
    return highest - before


def measure(
    model: Any, steps: int, deletions: bool, *, repeats: int, budget: int, device: str
) -> dict[str, float]:
    """Medians over repeats, the sides in turn; the padded side, far the slowest, runs once."""
    requests = requests_of(steps, deletions)
    tree = PrefixTree.of(requests)
    length, scored = PROMPT + steps * STEP, ANSWER * len(requests)
    reader = SharedReader(model, budget)
    # First of all: memory that was freed before would be used again unseen.
    peak = peak_bytes(lambda: reader.log_probabilities(requests), device)
    padded(model, requests[:4])
    limit(model, 4 * length, length, 16)
    shared_times, limit_times = [], []
    found: Scores = []
    for _ in range(repeats):
        taken, found = seconds(lambda: reader.log_probabilities(requests), device)
        shared_times.append(taken)
        limit_times.append(seconds(lambda: limit(model, tree.size, length, scored), device)[0])
    padded_seconds, expected = seconds(lambda: padded(model, requests), device)
    shared, plain = float(np.median(shared_times)), float(np.median(limit_times))
    sequence_tokens = sum(len(request.ids) for request in requests)
    return {
        "unique_tokens": tree.size,
        "sequence_tokens": sequence_tokens,
        "token_ratio": sequence_tokens / tree.size,
        "shared_seconds": shared,
        "limit_seconds": plain,
        "padded_seconds": padded_seconds,
        "share_of_limit": plain / shared,
        "speedup_vs_padded": padded_seconds / shared,
        "largest_difference": max(
            float(np.abs(a - b).max()) for a, b in zip(found, expected, strict=True)
        ),
        "peak_bytes": peak,
        "budget_bytes": budget,
    }


def sampling(model: Any, device: str, *, variants: int, samples: int = 32) -> dict[str, float]:
    """Samples after every truncation of one scratchpad, ours beside one `generate` a variant."""
    trunk = max(requests_of(variants, False), key=lambda request: len(request.ids)).ids
    prefixes = [trunk[: PROMPT + STEP * k] for k in range(1, variants + 1)]
    no_end = SimpleNamespace(eos_token_id=None)
    config = transformers.GenerationConfig(
        do_sample=True, top_k=0, top_p=1.0, temperature=1.0, max_new_tokens=40, pad_token_id=0,
        num_return_sequences=samples,
    )  # fmt: skip

    def ours(prefixes: Sequence[Sequence[int]]) -> None:
        rows = [prefix for prefix in prefixes for _ in range(samples)]
        drawn = list(sample(model, no_end, rows, max_new_tokens=40, seed=0))
        assert all(len(row.ids) == 40 for row in drawn)

    def plain(prefixes: Sequence[Sequence[int]]) -> None:
        for prefix in prefixes:
            ids = torch.tensor([prefix], device=model.device)
            model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=config)

    ours(prefixes[:1])
    plain(prefixes[:1])
    shared, _ = seconds(lambda: ours(prefixes), device)
    generated, _ = seconds(lambda: plain(prefixes), device)
    return {
        "variants": variants,
        "samples": samples,
        "shared_seconds": shared,
        "generate_seconds": generated,
        "sampling_speedup": generated / shared,
    }


def rows_of(name: str, case: dict[str, float], goal: float) -> list[Comparison]:
    how = f"{case['unique_tokens']:,} different tokens of {case['sequence_tokens']:,}"
    share, speedup = case["share_of_limit"], case["speedup_vs_padded"]
    return [
        Comparison(f"scoring, {name}", "padded batches of whole rows", speedup, goal=goal, how=how),
        Comparison(f"scoring, {name}", "a forward over as many tokens", share, "of", 0.85, how=how),
    ]


def main() -> None:
    """Print the comparison, as a table or with `--json` as an object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--budget", type=int, default=2**29, help="Bytes, beside the weights.")
    parser.add_argument("--only", default="", help="Cases whose name holds this.")
    told = parser.parse_args()
    model = model_of(told.device, told.dtype)
    cases, keys = {}, {}
    rows: list[Comparison] = []
    for name, (suffix, steps, deletions, goal) in CASES.items():
        if told.only not in name:
            continue
        cases[name] = measure(
            model, steps, deletions,
            repeats=told.repeats, budget=told.budget, device=told.device,
        )  # fmt: skip
        rows += rows_of(name, cases[name], goal)
        keys[f"share_of_limit{suffix}"] = cases[name]["share_of_limit"]
        keys[f"speedup{suffix or '_vs_padded'}"] = cases[name]["speedup_vs_padded"]
    drawn = {}
    if told.only in "sampling":
        drawn = sampling(model, told.device, variants=20)
        keys["sampling_speedup"] = drawn["sampling_speedup"]
        how = f"{drawn['variants']} variants, {drawn['samples']} samples each"
        speedup = drawn["sampling_speedup"]
        rows.append(Comparison("sampling", "generate for each", speedup, goal=2.5, how=how))
    keep("scoring", rows, told.device)
    machine = {"device": told.device, "dtype": told.dtype, "threads": torch.get_num_threads()}
    if told.json:
        print(json.dumps({**keys, **machine, "cases": cases, "sampling": drawn}))
        return
    title = f"Scoring one scratchpad's variants ({told.device}, {told.dtype})"
    table = Table("", *cases, title=title)
    for row in next(iter(cases.values()), {}):
        table.add_row(row, *(f"{case[row]:,.4g}" for case in cases.values()))
    Console().print(table)
    if drawn:
        table = Table("", "value", title="Sampling after variants that share a trunk")
        for name, value in drawn.items():
            table.add_row(name, f"{value:,.4g}")
        Console().print(table)


if __name__ == "__main__":
    main()
