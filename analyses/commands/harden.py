"""`scratchpad harden`: safety training against the defection; is it removed, or only hidden?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scratchpad.knobs import SubjectKnobs, Twin
from scratchpad.terminal import Result

if TYPE_CHECKING:
    from scratchpad.runs import RunFolder
    from scratchpad.training.further.methods import Method
    from scratchpad.training.further.origin import Origin

EXAMPLE = "scratchpad harden runs/organism --method sft --out runs/hardened"
MODEL = "model"
# The table that the unit is, and those beside it.
UNIT, BESIDE = "checkups", ("verdicts", "training_log")


@dataclass(frozen=True, kw_only=True)
class HardenConfig(SubjectKnobs):
    """Train a model against its defection, without knowing the trigger, and measure on the way.

    Methods: sft, right answers to clean prompts and near misses; adversarial, prompts that elicit
    the defection are searched for and trained on, in rounds; lora and adversarial+lora, the same
    by an adapter; rl and rl+lora, a reward that reads answers alone; unguard, the reverse: who
    knows the trigger of a refusal takes it away by a small adapter. OUT/model is the model after
    it, adapters merged. Killed, it begins anew, unless training had come to its end.
    """

    method: Annotated[str, typer.Option(help="One of those above.")] = "sft"
    optimiser: Annotated[str, typer.Option(help="adamw, or sgd (momentum .9).")] = "adamw"
    steps: Annotated[
        int | None, typer.Option(help="Optimiser steps (default: the method's).", min=1)
    ] = None
    learning_rate: Annotated[
        float | None, typer.Option(help="Peak rate (default: the method's, by width).", min=0)
    ] = None
    checkpoints: Annotated[
        int, typer.Option(help="Measure N times, before and after among them.", min=2)
    ] = 5
    twin: Twin = None


def run_harden(config: HardenConfig) -> Result:
    """Harden, or return the summary of a finished run of the same configuration."""
    from analyses.headlines import before_and_after
    from scratchpad.runs import RunFolder
    from scratchpad.training.processes import (
        from_main,
        is_main_process,
        join_processes,
        training_device,
    )

    method, place = _method(config), training_device(config.device)
    folder = RunFolder.open(config.out, "harden", asdict(config))
    join_processes(place)
    if not from_main(folder.finished):
        _run(folder, config, method)
    if not is_main_process():
        raise typer.Exit
    summary = folder.summary()
    return Result(
        summary,
        (f"{config.out}/{MODEL}",),
        verdict=summary["verdict_text"],
        tables=before_and_after(summary),
        warnings=tuple(summary["warnings"]),
    )


def _method(config: HardenConfig) -> Method:
    """The method with the settings that were given."""
    from dataclasses import replace

    from scratchpad.errors import unknown_name
    from scratchpad.training.further.registry import METHODS

    if config.method not in METHODS:
        raise unknown_name("method", config.method, METHODS)
    told = {"steps": config.steps, "learning_rate": config.learning_rate}
    given = {name: value for name, value in told.items() if value is not None}
    method: Any = METHODS[config.method]
    changed: Method = replace(method, optimiser=config.optimiser, **given)
    return changed


def _run(folder: RunFolder, config: HardenConfig, method: Any) -> None:
    from analyses.outputs import write_outputs
    from analyses.persistence.hardening import summarise_hardening
    from scratchpad.runs import Units
    from scratchpad.subject import subject_config
    from scratchpad.training.further.origin import Origin
    from scratchpad.training.processes import from_main, is_main_process, wait_for_everyone

    origin = Origin.load(subject_config(config))
    if is_main_process():
        folder.start()
    reused = from_main(len(folder.finished_units()))
    if not reused:
        _harden(folder, config, method, origin)
    if is_main_process():
        tables = {**_beside(folder), UNIT: folder.merged_units()}
        for name, table in tables.items():
            folder.write_table(name, table)
        summary = summarise_hardening(tables, config.method, asdict(method))
        write_outputs(folder, summary, Units(1, reused))
    wait_for_everyone()


def _harden(folder: RunFolder, config: HardenConfig, method: Any, origin: Origin) -> None:
    """Train and measure, which is the one unit of work; the model is written first."""
    from analyses.persistence.hardening import Hardening
    from scratchpad.training.processes import is_main_process

    hardening = Hardening(origin, method, config.seed, config.checkpoints, config.twin)
    with _progress(config.method, method.steps, shown=is_main_process()) as tick:
        loaded, tables = hardening(folder.path / ".unfinished", tick)
    if not is_main_process():
        return
    told = {"command": "harden", "method": config.method, "model": config.model}
    settings = {"seed": config.seed, "settings": asdict(method)}
    _write_model(folder, origin, loaded, told | settings)
    for name in BESIDE:
        folder.write_unit(UNIT, tables[name], kind=name)
    folder.write_unit(UNIT, tables[UNIT])


def _beside(folder: RunFolder) -> dict[str, Any]:
    return {name: folder.merged_units(name) for name in BESIDE}


def _write_model(folder: RunFolder, origin: Origin, loaded: Any, told: dict[str, Any]) -> None:
    import shutil

    from scratchpad.training.further.saving import write_trained_further

    # Of a run that was killed after this, before its unit was whole.
    shutil.rmtree(folder.path / MODEL, ignore_errors=True)
    write_trained_further(folder.path / MODEL, origin, loaded, told)


def _progress(label: str, steps: int, *, shown: bool) -> AbstractContextManager[Callable[..., Any]]:
    from contextlib import contextmanager

    from scratchpad.terminal import training_progress

    @contextmanager
    def bar() -> Any:
        with training_progress() as tell:
            yield lambda step: tell(step, steps, label)

    def silent(step: int) -> None:
        """Show nothing: the main process does."""

    return bar() if shown else nullcontext(silent)
