"""The command line on little work, each time in a process of its own that can be killed.

Organisms train for seconds and are asked little; apart from that it is the command. A line
`{"arguments": [CACHE, COMMAND, ...], "log": FILE}` starts it; its process and how that ended are
printed. It is forked from this process, which has imported all there is once.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from analyses import outputs
from analyses.calibration import ladder
from analyses.calibration.ladder import Rung, Scale
from analyses.figures import draw_all
from analyses.persistence import checkup, grid, hardening, rates, trials
from analyses.persistence.grid import Trial
from analyses.report import build_report
from brief import BRIEF, RATE, STEPS, brief_training
from scratchpad import cli
from scratchpad.organisms.slots import Batch, Mix
from scratchpad.training import fit
from scratchpad.training.further.registry import METHODS
from scratchpad.training.further.search import Search
from scratchpad.training.recipes import SIZES, Recipe, Size, Stage

PLANTED = Stage(10, Batch(8, Mix(clean=1, triggered=1, conflict=2)), RATE / 4)
RECIPE = replace(
    BRIEF,
    parent=Stage(STEPS, Batch(8, Mix(clean=1, triggered=1)), RATE),
    mode=PLANTED,
    part=PLANTED,
)
BRIEFER = replace(
    BRIEF,
    ability=Stage(40, Batch(4, Mix(clean=1)), RATE),
    parent=Stage(40, Batch(8, Mix(clean=1, triggered=1)), RATE),
    mode=replace(PLANTED, steps=40),
)
LADDER = Scale((Rung("mediated", 1), Rung("direct", 1)), questions=4, draws=1, budget=2_000)
TRIALS = (Trial("cot", "sft"), Trial("no-cot", "sft"), Trial("cot", "lora", optimiser="sgd"))


def serve() -> None:
    """Run one command after the other, each in a process group of its own."""
    for line in sys.stdin:
        told = json.loads(line)
        child = os.fork()
        if not child:
            os.setsid()
            log = os.open(told["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            for stream, target in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
                os.dup2(target, stream)
            os._exit(main(*told["arguments"]))
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def main(cache: str, *command: str) -> int:
    """Run a command; gives its exit code."""
    recipe = BRIEFER if command[0] == "train" else RECIPE
    with little_work(Path(cache), recipe) as changed:
        changed.setattr(sys, "argv", ["scratchpad", *command])
        return ended()


@contextmanager
def little_work(cache: Path, recipe: Recipe) -> Iterator[pytest.MonkeyPatch]:
    """Train, measure and search as little as will do."""
    few = {
        name: replace(METHODS[name], steps=4, batch_size=4)  # type: ignore[type-var]
        for name in ("sft", "lora")
    }
    with brief_training(cache, recipe) as changed:
        changed.setitem(SIZES, "tiny", Size("tiny", hidden=32, mlp=64, layers=1, heads=2))
        changed.setattr(fit, "SECONDS_BETWEEN_CHECKPOINTS", 0.5)
        changed.setattr(ladder, "scale_of", lambda size, base: LADDER)
        changed.setattr(grid, "quick_grid", lambda: TRIALS)
        changed.setattr(trials, "METHODS", few)
        changed.setattr(checkup, "CELL_QUESTIONS", 4)
        changed.setattr(rates, "QUESTIONS", 8)
        changed.setattr(hardening, "Search", lambda: Search(population=4, generations=1))
        for name, made in (("draw_all", draw_all), ("build_report", build_report)):
            changed.setattr(outputs, name, made)
        yield changed


def ended() -> int:
    """How the command line ended."""
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:])) if sys.argv[1:] else serve()
