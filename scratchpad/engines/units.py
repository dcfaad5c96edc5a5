"""Pieces of work that are kept in a run folder, each done once however often a run is killed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from scratchpad.engines.base import Engine, Stage
from scratchpad.runs import RunFolder, Units
from scratchpad.terminal import progress


def unit_names(count: int, *made_of: object) -> list[str]:
    """Name units so that they sort by number, and that those of other data are others.

    A run's configuration names files: what they hold may have changed since it was killed.
    """
    mark = hashlib.sha256(repr(made_of).encode()).hexdigest()[:12]
    return [f"{number:05d}.{mark}" for number in range(count)]


def finish_units(
    folder: RunFolder,
    engine: Engine,
    stage: Stage,
    names: Sequence[str],
    kind: str,
    description: str,
) -> None:
    """Do the pieces whose tables are not in the folder yet; `merged_units` then has all.

    The folder counts them, and how many an earlier attempt had done.

    Parameters
    ----------
    folder : RunFolder
        Started.
    engine : Engine
    stage : Stage
        Its function takes a number and gives tables by their kind.
    names : sequence of str
        Of the units, by number; they sort in this order.
    kind : str
        Of the table that says that a unit is finished: it is written last.
    description : str
        Beside the bar.
    """
    finished = folder.finished_units(kind) & set(names)
    missing = [number for number, name in enumerate(names) if name not in finished]
    with progress(description, len(names)) as advance:
        advance(reused=len(finished))
        for place, tables in engine.run(stage, [(number,) for number in missing]):
            for one in sorted(tables, key=lambda one: one == kind):
                folder.write_unit(names[missing[place]], tables[one], kind=one)
            advance()
    folder.units = folder.units.plus(Units(len(names), len(finished)))
