"""Memory budgets, and memory that really runs out, against single calls."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from probes.activations import capture
from probes.positions import Place
from probes.texts import Texts
from scratchpad import memory
from scratchpad.errors import ConfigError, ModelError
from scratchpad.memory import allow, batches, budget_of, halving, is_out_of_memory, parse_size
from scratchpad.runs import RunFolder
from scratchpad.scoring.padded import padded_log_probabilities
from scratchpad.scoring.prefix_tree import Request
from scratchpad.scoring.sampling import sample
from scratchpad.scoring.shared import SharedReader
from tiny import byte_tokenizer, random_model, sharp_model

TOKENIZER = byte_tokenizer()
SUPPORT = Path(__file__).parents[1] / "support"
LINE = tuple(range(20, 140))
REQUESTS = [Request((*LINE[:cut], 7, 8, 9), 20) for cut in range(30, 120, 6)]


@pytest.fixture(autouse=True)
def uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_counted", {"splits": 0})


def short_of_memory(model: Any, room: int, message: str = "CUDA out of memory") -> list[int]:
    """Let every call on more than so many tokens fail; gives the sizes that did not."""
    sizes: list[int] = []

    def refuse(_: Any, args: Any, named: dict[str, Any]) -> None:
        if named["input_ids"].numel() > room:
            raise torch.OutOfMemoryError(message)
        sizes.append(named["input_ids"].numel())

    model.register_forward_pre_hook(refuse, with_kwargs=True)
    model.base_model.register_forward_pre_hook(refuse, with_kwargs=True)
    return sizes


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GiB", 2**31), ("512 MiB", 2**29), ("1.5kib", 1536), ("77", 77), ("8B", 8)],
)
def test_a_size_has_a_unit_or_is_bytes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "2GB",
            "--memory-budget '2GB' has the unknown unit 'GB'. "
            "Did you mean 'GiB'? Known: B, KiB, MiB, GiB, TiB.",
        ),
        (
            "3 apples",
            "--memory-budget '3 apples' has the unknown unit 'apples'. "
            "Known: B, KiB, MiB, GiB, TiB.",
        ),
        (
            "much",
            "--memory-budget 'much' is no size: it is a number of bytes. Write 2GiB or 512MiB.",
        ),
        (
            "0GiB",
            "--memory-budget '0GiB' is no size: it is a number of bytes. Write 2GiB or 512MiB.",
        ),
    ],
)
def test_what_is_no_size_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_size(text)
    assert str(caught.value) == message


def test_batches_are_as_large_as_the_budget_allows() -> None:
    model = random_model("llama", TOKENIZER)
    allow(model, 10)
    cut = batches(model, [4, 4, 4, 20, 1, 1, 1, 1], 3, sum)
    assert list(map(list, cut)) == [[4, 4], [4], [20], [1, 1, 1], [1]]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate"
                     " memory: you tried to allocate 4096 bytes."),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 4 bytes."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"),
    ],
)  # fmt: skip
def test_what_says_that_memory_ran_out_is_known(error: Exception) -> None:
    assert is_out_of_memory(error)
    assert not is_out_of_memory(RuntimeError("The size of tensor a must match"))
    assert not is_out_of_memory(ValueError("out of memory"))


def test_parts_come_in_order_and_the_size_that_had_room_is_remembered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model, tried = random_model("llama", TOKENIZER), []

    def work(part: Any) -> list[int]:
        tried.append(len(part))
        if len(part) > 3:
            raise MemoryError
        return list(part)

    with caplog.at_level(logging.WARNING):
        parts = halving(model, range(10), work, lambda part: 1000 * len(part))
    assert [n for part in parts for n in part] == list(range(10))
    assert tried == [10, 5, 2, 1, 2, 2, 1, 2]
    assert (memory.splits(), budget_of(model)) == (2, 2500)
    assert len(caplog.messages) == 1
    assert next(batches(model, range(10), 10, lambda part: 1000 * len(part))) == range(2)


def test_where_one_row_has_no_room_the_error_says_what_to_do() -> None:
    model = random_model("llama", TOKENIZER)
    short_of_memory(model, 10, "CUDA out of memory. Tried to allocate 2.00 GiB.")
    with pytest.raises(ModelError) as caught:
        padded_log_probabilities(model, REQUESTS)
    assert str(caught.value) == (
        "Memory ran out: CUDA out of memory. Tried to allocate 2.00 GiB. "
        "Give a smaller --memory-budget, --dtype bfloat16 or shorter texts, or free memory."
    )


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    def work(_: Any) -> None:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        halving(random_model("llama", TOKENIZER), [1, 2], work, len)
    assert memory.splits() == 0


def test_scores_stay_the_same_where_batches_are_halved() -> None:
    model = sharp_model("llama", TOKENIZER)
    alone = padded_log_probabilities(model, REQUESTS, batch_rows=1)
    sizes = short_of_memory(model, 150)
    for found in (
        SharedReader(model, 2**30).log_probabilities(REQUESTS),
        padded_log_probabilities(model, REQUESTS),
    ):
        for one, other in zip(found, alone, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)
    assert memory.splits() > 0
    assert max(sizes) > 60


def test_a_row_is_read_in_parts_where_the_budget_is_small() -> None:
    model = sharp_model("llama", TOKENIZER)
    alone = padded_log_probabilities(model, REQUESTS, batch_rows=1)
    sizes = short_of_memory(model, 10**9)
    for budget in (1, 2**18):
        for found in (
            padded_log_probabilities(model, REQUESTS, memory_budget=budget),
            SharedReader(model, budget).log_probabilities(REQUESTS),
        ):
            for one, other in zip(found, alone, strict=True):
                np.testing.assert_allclose(one, other, atol=1e-5)
    assert memory.splits() == 0
    assert min(sizes) < 60


def test_draws_stay_the_same_tokens_whatever_the_batch() -> None:
    begun = [LINE[:cut] for cut in (20, 35, 50)] * 8
    settings: dict[str, Any] = {"max_new_tokens": 12, "seed": 3}
    together = list(sample(sharp_model("llama", TOKENIZER), TOKENIZER, begun, **settings))
    assert len({row.ids for row in together}) > 6
    small = sharp_model("llama", TOKENIZER)
    allow(small, 100_000)
    assert list(sample(small, TOKENIZER, begun, **settings)) == together
    short = sharp_model("llama", TOKENIZER)
    short_of_memory(short, 120)
    assert list(sample(short, TOKENIZER, begun, **settings)) == together
    assert memory.splits() > 0


def test_activations_stay_the_same_where_batches_are_halved() -> None:
    model = sharp_model("llama", TOKENIZER)
    places = [(Place(cut - 1, cut), Place(0, cut)) for cut in range(30, 100, 7)]
    ids = [LINE[: row[0].stop] for row in places]
    names = tuple(map(str, range(len(ids))))
    texts = Texts(names, tuple(ids), tuple(places), ("100%", "mean:text"))
    alone = capture(model, texts, batch_size=1)
    short_of_memory(model, 200)
    np.testing.assert_allclose(capture(model, texts), alone, rtol=1e-5, atol=1e-5)
    assert memory.splits() > 0


def test_the_manifest_says_how_often_memory_ran_out(tmp_path: Path) -> None:
    import pandas as pd

    folder = RunFolder.open(tmp_path / "run", "ablate", {"seed": 0})
    folder.start()
    memory.add_splits(2)
    folder.write_unit("0", pd.DataFrame({"x": [1]}))
    again = RunFolder.open(tmp_path / "run", "ablate", {"seed": 0})
    memory.add_splits(1)
    again.finish({})
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    assert manifest["out_of_memory_splits"] == 3


# A limit on the address space: the allocator itself fails then. The model's vocabulary is so large
# that logits are most of what is taken.
LIMITED = """
import json, logging, resource, sys
from functools import partial
from pathlib import Path
import numpy as np, torch
sys.path.insert(0, sys.argv[1])
from tiny import byte_tokenizer, random_model
from scratchpad import memory
from scratchpad.scoring.likelihood import token_log_probabilities, reads_trees
from scratchpad.scoring.padded import padded_log_probabilities
from scratchpad.scoring.prefix_tree import Request
from scratchpad.scoring.sampling import sample, _shares
from scratchpad.scoring.shared import SharedReader
from probes.activations import capture
from probes.positions import Place
from probes.texts import Texts

logging.disable(logging.WARNING)
torch.set_num_threads(1)
model, tokenizer = random_model("llama", byte_tokenizer()), byte_tokenizer()
model.resize_token_embeddings(60_000)
model.config.vocab_size = 60_000
line = tuple(range(20, 320))
requests = [Request((*line[:cut], 7, 8, 9), 20) for cut in range(30, 300, 20)]
texts = Texts(
    tuple(map(str, range(192))), (line,) * 192, ((Place(299, 300),),) * 192, ("100%",)
)
begun = [line[:cut] for cut in (20, 35, 50)] * 30
alone = padded_log_probabilities(model, requests, batch_rows=1)
vectors = capture(model, texts, batch_size=8)
written = lambda: list(sample(model, tokenizer, begun, max_new_tokens=4, seed=3))
scored = partial(token_log_probabilities, context_length=999)
tree = SharedReader(model, 2**40).log_probabilities(requests)
drawn = written()
assert _shares.pop(model) and memory.splits() == 0

def limited(room):
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + room, resource.RLIM_INFINITY))

def counted(work):
    before = memory.splits()
    found = work()
    return memory.splits() - before, found

splits = {}
memory.allow(model, 2**40)
limited(200 * 2**20)
splits["padded"], found = counted(lambda: padded_log_probabilities(model, requests))
assert max(np.abs(a - b).max() for a, b in zip(found, alone)) < 1e-5
memory._left.clear()
limited(60 * 2**20)
splits["tree"], found = counted(lambda: scored(model, requests))
assert max(np.abs(a - b).max() for a, b in zip(found, tree)) < 1e-5
assert reads_trees(model)
memory._left.clear()
splits["sample"], found = counted(written)
assert found == drawn and _shares[model]
memory._left.clear()
limited(24 * 2**20)
splits["capture"], found = counted(lambda: capture(model, texts, batch_size=192))
assert np.abs(found - vectors).max() < 1e-5
print(json.dumps(splits))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the limit is not kept to")
def test_where_the_allocator_fails_batches_are_halved_and_nothing_changes() -> None:
    command = [sys.executable, "-W", "error", "-c", LIMITED, str(SUPPORT)]
    # What is freed is given back at once: else what was taken before the limit would do.
    environment = os.environ | dict.fromkeys(
        ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), "65536"
    )
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    splits = json.loads(done.stdout)
    assert all(splits.values()), splits
