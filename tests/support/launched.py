"""Brief training to be started by a launcher: `launched.py CACHE OUT '{"mediation": "direct"}'`.

With a number as a further argument, the main process dies at that step of the parent. A checkpoint
is written after every step, and a process other than the main one fails if it writes a folder.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from brief import BRIEF, MICRO, brief_training
from scratchpad.training import fit, organism_folder, stages, train
from scratchpad.training.config import TrainConfig
from scratchpad.training.processes import is_main_process

# Steps as large as those of other tests would blow rounding up.
RATE = 1e-3
CAREFUL = replace(
    BRIEF,
    ability=replace(BRIEF.ability, learning_rate=RATE),
    parent=replace(BRIEF.parent, learning_rate=RATE),
    mode=replace(BRIEF.mode, learning_rate=RATE),
)


def refuse(folder: Path) -> Any:
    """Stand in for what writes folders."""
    raise AssertionError(f"a process that is not the main one writes {folder}")


def dying(at: int) -> Any:
    """Show no progress, and die before a step of the parent is kept."""

    def tell(step: int, total: int, label: str) -> None:
        if (label, step) == ("parent", at):
            os.kill(os.getpid(), signal.SIGKILL)

    return tell


def main(cache: str, out: str, told: str, dies_at: str = "0") -> None:
    """Train what `told` says."""
    fields = json.loads(told)
    size = None if "base" in fields else MICRO
    with brief_training(Path(cache), CAREFUL) as changed:
        changed.setattr(fit, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
        for module in (stages, organism_folder):
            if not is_main_process():
                changed.setattr(module, "written_whole", refuse)
        train.train_organism(TrainConfig(size=size, **fields), Path(out), dying(int(dies_at)))


if __name__ == "__main__":
    main(*sys.argv[1:])
