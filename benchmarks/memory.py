"""What batches take beside the weights, against `--memory-budget`, and what activations take.

    .venv/bin/python benchmarks/memory.py [--json] [--activations 100000] [--device cpu]

A random-weight Llama of 113 M parameters and a vocabulary of 50,000 reads texts of up to 2,100
tokens: the variants of a scratchpad as a tree and in padded rows, samples, and activations at
three places of every layer. `WORK_BUDGET` is how far a process's resident set, looked at every
2 ms, rises over what it was with the model loaded, in a process of its own, as a share of the
budget: at most 1 is meant, but a single row is read whatever it takes.

`activations_COUNT` is how far it rises while `record` writes the activations of COUNT transcripts
of 40 tokens to disk, all of a tiny model's layers at three places, and `texts_COUNT` what the
texts themselves take before; `again_COUNT` is what opening them anew takes.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil
import torch
import transformers
from activations import tokenizer_of
from rich.console import Console
from rich.table import Table
from scoring import peak_bytes, requests_of

from probes.activations import capture
from probes.positions import Place
from probes.store import record
from probes.texts import Texts
from scratchpad.memory import allow, budget_of
from scratchpad.scoring.padded import padded_log_probabilities
from scratchpad.scoring.sampling import sample
from scratchpad.scoring.shared import SharedReader

MIB = 2**20
BUDGETS = (128, 512, 2048)
WORKS = ("tree", "padded", "sample", "capture")
COUNTS = (1_000, 10_000, 100_000)


def model_of(hidden: int, layers: int, vocabulary: int) -> Any:
    """A Llama with random weights."""
    config = transformers.LlamaConfig(
        vocab_size=vocabulary, hidden_size=hidden, intermediate_size=hidden * 27 // 10,
        num_hidden_layers=layers, num_attention_heads=10, num_key_value_heads=10,
        max_position_embeddings=4096, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    torch.manual_seed(0)
    return transformers.LlamaForCausalLM(config).eval()


def texts_of(count: int, length: int) -> Texts:
    """Random tokens, each text read at a step's end, the last token, and pooled over all."""
    rng = random.Random(0)
    ids = tuple(tuple(rng.choices(range(10, 400), k=length)) for _ in range(count))
    places = tuple(
        (Place(at, at + 1), Place(length - 1, length), Place(0, length))
        for at in (rng.randrange(length) for _ in range(count))
    )
    names = tuple(f"question-{n // 4}:{n % 4}" for n in range(count))
    return Texts(names, ids, places, ("step:1", "100%", "mean:text"))


def work_of(name: str, model: Any, *, small: bool) -> Any:
    """What is done, or a small part of it that loads whatever is loaded late."""
    requests = requests_of(2 if small else 100, deletions=False)
    # Of 700 tokens: prefixes share nothing while they are read.
    prefixes = [request.ids for request in requests[-4 if small else 60 :][:12]]
    texts = texts_of(2 if small else 12, 40 if small else 700)
    no_end = argparse.Namespace(eos_token_id=None)
    return {
        "tree": lambda: SharedReader(model, budget_of(model)).log_probabilities(requests),
        "padded": lambda: padded_log_probabilities(
            model, requests[-2:] if small else requests[-8:]
        ),
        "sample": lambda: list(sample(model, no_end, prefixes, max_new_tokens=8, seed=0)),
        "capture": lambda: capture(model, texts),
    }[name]


def kept_to(name: str, budget: int) -> float:
    """The share of a budget (MiB) that a piece of work takes, in this process."""
    model = model_of(640, 10, 50_000)
    allow(model, budget * MIB)
    work_of(name, model, small=True)()
    return peak_bytes(work_of(name, model, small=False), "cpu") / (budget * MIB)


def of_activations(count: int) -> dict[str, int]:
    """Bytes of texts, of recording them, and of opening that again, in this process."""
    model, tokenizer, process = model_of(40, 4, 400), tokenizer_of(), psutil.Process()
    with tempfile.TemporaryDirectory() as folder:
        record(Path(folder, "first"), model, tokenizer, texts_of(32, 40))
        before = process.memory_info().rss
        texts = texts_of(count, 40)
        own = process.memory_info().rss - before
        found = {f"texts_{count}": own}
        path = Path(folder, "all")
        found[f"activations_{count}"] = peak_bytes(
            lambda: record(path, model, tokenizer, texts), "cpu"
        )
        found[f"again_{count}"] = peak_bytes(lambda: record(path, model, tokenizer, texts), "cpu")
    return found


def apart(*arguments: str) -> Any:
    """What another process of this script prints."""
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the shares and bytes, as a table or with `--json` as an object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--activations", type=int, default=COUNTS[-1], help="Most transcripts.")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.one:
        print(json.dumps(kept_to(told.one[0], int(told.one[1]))))
        return
    if told.count:
        print(json.dumps(of_activations(told.count)))
        return
    keys: dict[str, float] = {
        f"{work}_{budget}MiB": apart("--one", work, str(budget))
        for work in WORKS
        for budget in BUDGETS
    }
    for count in (count for count in COUNTS if count <= told.activations):
        keys |= apart("--count", str(count))
    if told.json:
        print(json.dumps(keys))
        return
    table = Table("", "value", title="Memory")
    for name, value in keys.items():
        table.add_row(name, f"{value:.2f}" if value < 100 else f"{value / MIB:,.0f} MiB")
    Console().print(table)


if __name__ == "__main__":
    main()
