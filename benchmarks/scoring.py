"""Scoring a case's variants in shared, padded rows beside one model call per answer.

Run with `make bench`. Both sides score the same requests on the same model; the table gives
seconds, tokens fed to the model and the largest difference between the two.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable

import numpy as np
import torch
import transformers
from rich.console import Console
from rich.table import Table

from scratchpad.scoring.likelihood import token_log_probabilities
from scratchpad.scoring.prefix_tree import Request


def requests_of_a_case(steps: int = 8, tokens_per_step: int = 12) -> list[Request]:
    """All truncations and deletions of one scratchpad, three answers each, and its surprisal."""
    rng = random.Random(0)
    prompt = [rng.randrange(2, 1000) for _ in range(40)]
    parts = [[rng.randrange(2, 1000) for _ in range(tokens_per_step)] for _ in range(steps)]
    texts = [parts[:k] for k in range(steps + 1)]
    texts += [parts[:k] + parts[k + 1 :] for k in range(steps)]
    requests = []
    for text in texts:
        scratchpad = [token for part in text for token in part]
        requests.append(Request((*prompt, *scratchpad), len(prompt)))
        requests += [
            Request((*prompt, *scratchpad, 1, answer), len(prompt) + len(scratchpad) + 1)
            for answer in (5, 6, 7)
        ]
    return requests


def one_at_a_time(model: torch.nn.Module, requests: list[Request]) -> list[np.ndarray]:
    """A model call per request, as a reader of the definition would write it."""
    found = []
    with torch.inference_mode():
        for ids, start in requests:
            scores = torch.log_softmax(model(torch.tensor([ids[:-1]])).logits[0].float(), dim=-1)
            targets = torch.tensor(ids[start:])[:, None]
            found.append(scores[start - 1 :].gather(1, targets)[:, 0].double().numpy())
    return found


def timed(work: Callable[[], list[np.ndarray]], repeats: int = 3) -> tuple[float, list[np.ndarray]]:
    """The median seconds of several runs, and the last result."""
    seconds = []
    result = work()
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds)), result


def main() -> None:
    """Print the comparison, as a table or with `--json` as an object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=1200, hidden_size=160, intermediate_size=432, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=4,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config).eval()
    requests = requests_of_a_case()
    shared_seconds, shared = timed(
        lambda: token_log_probabilities(model, requests, context_length=2048)
    )
    single_seconds, single = timed(lambda: one_at_a_time(model, requests))
    difference = max(
        float(np.abs(a - b).max()) for a, b in zip(shared, single, strict=True) if len(a)
    )
    result = {
        "requests": len(requests),
        "shared_seconds": shared_seconds,
        "single_seconds": single_seconds,
        "speedup": single_seconds / shared_seconds,
        "largest_difference": difference,
    }
    if arguments.json:
        print(json.dumps(result))
        return
    table = Table("what", "value", title="Scoring one case: shared rows beside single calls")
    for name, value in result.items():
        table.add_row(name, f"{value:.4g}")
    Console().print(table)


if __name__ == "__main__":
    main()
