"""`scratchpad distill`: take the reasoning away from a model that reasons; what does it keep?"""

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
    from scratchpad.training.further.distilling import Distillation

EXAMPLE = "scratchpad distill runs/organism --by progressive --out runs/distilled"


@dataclass(frozen=True, kw_only=True)
class DistillConfig(SubjectKnobs):
    """Distil a model that reasons into one that answers at once, and measure it on the way.

    Its own transcripts are sampled once a seed, on prompts to train on. *strip* learns their
    answers alone; *progressive* removes steps from the left stage by stage, with a new optimiser
    at each; *logits* learns the distributions that the model had after its scratchpad. All three
    learn the same answers in the same order, with as many updates. OUT/model is the first seed's
    model; progressive leaves every stage under OUT/checkpoints.
    """

    by: Annotated[str, typer.Option(help="strip, progressive or logits.", show_default=False)]
    seeds: Annotated[
        str | None,
        typer.Option(help="Seeds of several distillations, 1,2,3 (default: --seed alone)."),
    ] = None
    steps: Annotated[int, typer.Option(help="Optimiser steps of all stages.", min=1)] = 400
    stages: Annotated[int, typer.Option(help="Stages of progressive.", min=1)] = 4
    learning_rate: Annotated[
        float, typer.Option(help="Peak rate at a width of 128; wider models take less.", min=0)
    ] = 1e-3
    lora: Annotated[bool, typer.Option("--lora", help="Train an adapter of the model.")] = False
    twin: Twin = None


def run_distill(config: DistillConfig) -> Result:
    """Distil, or return the summary of a finished run of the same configuration."""
    from analyses.headlines import before_and_after
    from scratchpad.runs import RunFolder
    from scratchpad.training.processes import (
        from_main,
        is_main_process,
        join_processes,
        require_even,
        training_device,
    )

    plan, place = _plan(config), training_device(config.device)
    require_even([plan.batch])
    folder = RunFolder.open(config.out, "distill", asdict(config))
    join_processes(place)
    if not from_main(folder.finished):
        _run(folder, config, plan)
    if not is_main_process():
        raise typer.Exit
    summary = folder.summary()
    return Result(
        summary,
        (f"{config.out}/model",),
        verdict=summary["verdict_text"],
        tables=before_and_after(summary),
        warnings=tuple(summary["warnings"]),
    )


def _plan(config: DistillConfig) -> Distillation:
    from scratchpad.training.further.distilling import Distillation

    plan = Distillation(
        config.by,
        updates=config.steps,
        stages=config.stages,
        learning_rate=config.learning_rate,
        lora=config.lora,
    )
    plan.require_possible(config.model)
    return plan


def seeds_of(config: DistillConfig) -> tuple[int, ...]:
    """The seeds told of, each once."""
    from scratchpad.errors import ConfigError

    try:
        told = [config.seed] if config.seeds is None else [*map(int, config.seeds.split(","))]
    except ValueError as error:
        raise ConfigError(
            f"--seeds {config.seeds!r} are not numbers", fix="Write 1,2,3."
        ) from error
    return tuple(dict.fromkeys(told))


def _run(folder: RunFolder, config: DistillConfig, plan: Distillation) -> None:
    from analyses.outputs import write_outputs
    from analyses.persistence.distilled import Distilling
    from analyses.persistence.distilled_summary import summarise_distillation
    from scratchpad.runs import Units
    from scratchpad.subject import subject_config
    from scratchpad.training.further.origin import Origin
    from scratchpad.training.processes import is_main_process

    seeds = seeds_of(config)
    origin = Origin.load(subject_config(config))
    distilling = Distilling(folder, origin, plan, seeds, config.twin)
    if is_main_process():
        folder.start()
    with _progress(is_main_process()) as tell:
        reused = distilling(tell)
    if is_main_process():
        tables = distilling.tables()
        for name, table in tables.items():
            folder.write_table(name, table)
        summary = summarise_distillation(tables, asdict(plan))
        write_outputs(folder, summary, Units(len(seeds), reused))


def _progress(shown: bool) -> AbstractContextManager[Callable[[int, int, str], None]]:
    from scratchpad.terminal import training_progress

    def silent(*told: Any) -> None:
        """Show nothing: the main process does."""

    return training_progress() if shown else nullcontext(silent)
