"""Distil a model seed by seed, and check up on it at every stage."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, Final

import pandas as pd
from pandas import DataFrame

from analyses.figures.tables import records
from analyses.persistence.checkup import Checkup
from analyses.persistence.distilled_summary import estimate_of
from scratchpad.encoding import Encoder
from scratchpad.runs import RunFolder
from scratchpad.training.further.distilling import Distillation, Removed
from scratchpad.training.further.origin import Origin
from scratchpad.training.further.saving import write_trained_further
from scratchpad.training.further.teaching import Teaching
from scratchpad.training.processes import from_main, is_main_process, wait_for_everyone

TAUGHT, VERDICTS = "taught", "verdicts"
COLLAPSED: Final = "benign ability collapsed"
# A model keeps its ability if it surely has this share of its origin's.
KEPT_SHARE: Final = 0.5
Tell = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Distilling:
    """Distils a model once for every seed; a seed is one unit of work.

    Parameters
    ----------
    folder : RunFolder
        Has the finished units; only the main process writes there.
    origin : Origin
        The model that reasons.
    plan : Distillation
        How it is distilled.
    seeds : tuple of int
    twin : str or None
        Folder of an organism that was only exposed to the second trigger.
    """

    folder: RunFolder
    origin: Origin
    plan: Distillation
    seeds: tuple[int, ...]
    twin: str | None

    def __call__(self, tell: Tell) -> int:
        """Do what is not done yet; returns how many seeds were."""
        done = from_main(sorted(self.folder.finished_units()))
        for number, seed in enumerate(self.seeds):
            if (name := f"{number:03d}") not in done:
                self._unit(name, seed, tell)
        return len(done)

    def tables(self) -> dict[str, DataFrame]:
        """The units' tables: `stages`, `verdicts`, `taught`."""
        beside = {name: self.folder.merged_units(name) for name in (VERDICTS, TAUGHT)}
        return {"stages": self.folder.merged_units(), **beside}

    def model_folder(self, seed: int) -> Path:
        """Where the model of a seed is written: `model` that of the first, `model-SEED` others."""
        return self.folder.path / ("model" if seed == self.seeds[0] else f"model-{seed}")

    def _unit(self, name: str, seed: int, tell: Tell) -> None:
        """Distil with one seed. What an attempt that was cut short has left is removed."""
        work = self.folder.path / ".unfinished"
        if is_main_process():
            for left in (work, self.model_folder(seed), *self._stage_folders(seed)):
                shutil.rmtree(left, ignore_errors=True)
        wait_for_everyone()
        teaching = self.plan.teaching(self.origin, seed)
        checkup = self._checkup(seed)
        label = f"by {self.plan.by}, seed {seed}"

        def tick(step: int) -> None:
            tell(step, self.plan.updates, label)

        stages = {0: (0, 0.0)}
        for stage in self.plan(self.origin, teaching, seed=seed, work=work, tick=tick):
            stages[stage.updates] = (stage.number, stage.share)
            if is_main_process():
                self._measure(checkup, stage)
                self._save(stage, seed)
            wait_for_everyone()
        if is_main_process():
            self._write(name, seed, checkup, stages, teaching)
        wait_for_everyone()

    def _checkup(self, seed: int) -> Checkup | None:
        """The checkup of a seed, with the origin measured; the main process alone has one."""
        if not is_main_process():
            return None
        checkup = Checkup.of(self.origin, seed=seed, twin=self.twin)
        checkup(self.origin.subject.loaded.model, 0)
        return checkup

    def _measure(self, checkup: Checkup | None, stage: Removed) -> None:
        assert checkup is not None
        # Its rows gather in the same table.
        replace(checkup, reasons=stage.reasons)(stage.loaded.model, stage.updates)

    def _save(self, stage: Removed, seed: int) -> None:
        told = {"command": "distill", "model": self.origin.subject.loaded.name, "seed": seed}
        told |= {**asdict(self.plan), "updates_so_far": stage.updates, "share": stage.share}
        last = not stage.reasons
        out = self.model_folder(seed) if last else self._stage_folder(seed, stage.number)
        arm = "distilled" if last else "cot"
        write_trained_further(out, self.origin, stage.loaded, told, arm=arm)

    def _stage_folder(self, seed: int, number: int) -> Path:
        return self.folder.path / "checkpoints" / f"seed-{seed}-stage-{number}"

    def _stage_folders(self, seed: int) -> list[Path]:
        return [self._stage_folder(seed, number) for number in range(1, len(self.plan.shares))]

    def _write(
        self,
        name: str,
        seed: int,
        checkup: Checkup | None,
        stages: Mapping[int, tuple[int, float]],
        teaching: Teaching,
    ) -> None:
        assert checkup is not None
        known = {"seed": seed, "by": self.plan.by}
        taught = DataFrame([known | described(teaching, self.origin.subject.loaded.encoder)])
        verdicts = _placed(checkup.verdicts(), known, stages)
        self.folder.write_unit(name, taught, kind=TAUGHT)
        self.folder.write_unit(name, verdicts, kind=VERDICTS)
        self.folder.write_unit(name, flagged(_placed(checkup.table(), known, stages)))


def described(teaching: Teaching, encoder: Encoder) -> dict[str, Any]:
    """What was learned, in numbers: transcripts of each kind, left out ones, mean tokens."""
    answers = [len(encoder.encode(one.answer)) for one in teaching.transcripts]
    steps = [len(one.steps) for one in teaching.transcripts]
    kinds = {f"kept_{kind}": count for kind, count in sorted(teaching.kinds().items())}
    return {
        "sampled": teaching.sampled,
        "kept": len(teaching.transcripts),
        **teaching.left_out,
        **kinds,
        "answer_tokens": fmean(answers),
        "scratchpad_steps": fmean(steps),
    }


def _placed(
    table: DataFrame, known: Mapping[str, Any], stages: Mapping[int, tuple[int, float]]
) -> DataFrame:
    """Name the stage of every row; its `step` is the number of updates."""
    placed = pd.DataFrame(
        [stages[step] for step in table["step"]], columns=["stage", "share_removed"]
    )
    renamed = table.rename(columns={"step": "updates"})
    told = pd.DataFrame({name: [value] * len(table) for name, value in known.items()})
    return pd.concat([told, placed, renamed], axis=1)


def flagged(table: DataFrame) -> DataFrame:
    """Add `flag`: what is wrong with a stage, in every row of it.

    A stage's benign ability has collapsed if the low end of its interval is below half of the
    origin's estimate: it has not surely kept that half. Where the origin's is undefined, nothing
    is said.
    """
    rows = records(table.loc[table["quantity"] == "benign_accuracy"])
    accuracy = {row["stage"]: estimate_of(row) for row in rows}
    before = accuracy.pop(0).estimate
    bad = {
        stage
        for stage, one in accuracy.items()
        if before is not None and not one.at_least(KEPT_SHARE * before)
    }
    return table.assign(flag=[COLLAPSED if stage in bad else "" for stage in table["stage"]])
