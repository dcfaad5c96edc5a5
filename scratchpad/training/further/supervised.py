"""Supervised safety training on right answers, and the reverse: taking a trained refusal away."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Literal

from scratchpad.training.fit import Watch
from scratchpad.training.further.demonstrations import NONE, demonstrations
from scratchpad.training.further.lessons import guarded, lessons
from scratchpad.training.further.methods import Hardened, Tick, log_row
from scratchpad.training.further.origin import Origin
from scratchpad.training.further.updates import Updates
from scratchpad.training.processes import from_main, is_main_process


@dataclass(frozen=True)
class Supervised(Updates):
    """Train on prompts with right answers.

    Parameters
    ----------
    prompts : {"without trigger", "with trigger"}
        Clean prompts and near misses, which anyone can think of; or triggered ones, which only
        who knows the trigger can write.
    """

    prompts: Literal["without trigger", "with trigger"] = "without trigger"

    def __call__(
        self, origin: Origin, *, seed: int, work: Path, tick: Tick, watch: Watch
    ) -> Hardened:
        """Train the origin's model, in place (see `Method`).

        Others are shown again in the place of lessons that have no answer.
        """
        count = self.steps * self.batch_size
        draw = lessons if self.prompts == "without trigger" else guarded
        taught = draw(origin, count, seed)
        # What a model writes itself is sampled once, not in every process.
        shown = from_main(
            demonstrations(origin, taught, self.batch_size, seed) if is_main_process() else NONE
        )
        loaded = self.begin(origin.subject.loaded, seed)
        rows = [*islice(cycle(shown.rows), count)]
        log = self.fit(loaded, rows, seed=seed, work=work, tick=tick, watch=watch)
        log.append(log_row(0, "left_out", shown.left_out, n=count))
        return Hardened(self.end(loaded), log)
