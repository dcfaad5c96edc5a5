"""Whatever stands in a file, reading it ends in a result or in an error that the user can mend.

Never another exception, never a hang, nothing written. The long run (`-m slow`) tries 100,000.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

import hostile_inputs as hostile
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from readers import READERS, Reader

from scratchpad.errors import ScratchpadError

BATCH, LONG = 10, 110_000
SECONDS = 20
SEEDS = st.integers(0, 2**32 - 1)


class Hang(BaseException):
    """No reader may take this long, and none may swallow this."""


@dataclass
class Tried:
    """How many inputs were tried, and how many of them were refused."""

    inputs: int = 0
    refused: int = 0


@contextmanager
def within(seconds: int) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise Hang(f"still reading after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def try_inputs(reader: Reader, folder: Path, seed: int, tried: Tried) -> None:
    """Try a batch of inputs; the seed names it."""
    rng, path = Random(seed), folder / reader.file
    for _ in range(BATCH):
        content = made(reader, rng)
        path.write_bytes(content)
        before = listing(folder)
        note(f"{reader.file}: {content[:2000]!r}")
        refusal = refusal_of(reader, path)
        if refusal is not None:
            tried.refused += 1
            assert refusal.symptom, "an error says what is wrong"
            assert refusal.cause or refusal.fix, f"{refusal} says neither why nor what to do"
        assert listing(folder) == before, "a reader writes nothing"
        assert path.read_bytes() == content
        tried.inputs += 1


def refusal_of(reader: Reader, path: Path) -> ScratchpadError | None:
    try:
        reader.read(path)
    except ScratchpadError as error:
        return error
    return None


def made(reader: Reader, rng: Random) -> bytes:
    if rng.random() < 0.75:
        return reader.written(hostile.mutated(reader.valid, rng))
    return hostile.scrambled(reader.written(reader.valid), rng)


def listing(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def fuzz(reader: Reader, folder: Path, batches: int) -> Tried:
    tried = Tried()
    reader.lay_out(folder)

    @settings(
        max_examples=batches,
        deadline=None,
        database=None,
        derandomize=True,
        # A seed has no smaller one that fails likewise.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(SEEDS)
    def every(seed: int) -> None:
        with within(SECONDS):
            try_inputs(reader, folder, seed, tried)

    every()
    return tried


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Read from an empty working folder, which stays so."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    yield tmp_path / "data"
    assert not listing(tmp_path / "here")
    assert listing(tmp_path) == ["data", "here"]


@pytest.mark.parametrize("name", READERS)
def test_a_valid_file_is_read(name: str, elsewhere: Path) -> None:
    reader = READERS[name]
    reader.lay_out(elsewhere)
    (elsewhere / reader.file).write_bytes(reader.written(reader.valid))
    assert reader.read(elsewhere / reader.file)


@pytest.mark.parametrize("name", READERS)
def test_hostile_files(name: str, elsewhere: Path) -> None:
    tried = fuzz(READERS[name], elsewhere, batches=6)
    assert tried.inputs >= 6 * BATCH * 0.9
    assert tried.refused > 0 or name.startswith("import ")  # these count and go on


@pytest.mark.slow
def test_a_hundred_thousand_hostile_files(elsewhere: Path, record_property: Callable[..., None],
                                          capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    found: dict[str, Tried] = {}
    weights = {name: reader.weight for name, reader in READERS.items()}
    for name, reader in READERS.items():
        folder = elsewhere / name
        inputs = LONG * reader.weight // sum(weights.values())
        found[name] = fuzz(reader, folder, batches=inputs // BATCH)
    total = sum(one.inputs for one in found.values())
    record_property("inputs", total)
    with capsys.disabled():
        print(f"\n{total:,} hostile files: {_told(found)}")
    assert total >= 100_000


def _told(found: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {one.inputs:,} ({one.refused:,} refused)" for name, one in found.items()
    )
