"""How long `scratchpad figures` takes per kind of figure. Goal: under 2 s for each figure.

The whole command is timed with a process of its own; a figure is its values, its picture in three
formats and its caption, on the tables of the runs given.

.venv/bin/python benchmarks/figures.py runs/demo runs/calibration
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measured import Comparison, keep

from analyses.figures import FIGURES, draw_figures
from analyses.figures.saved import read_runs


def command(run: str, folder: str) -> float:
    """CPU seconds of the whole command on one run."""
    words = [sys.executable, "-m", "scratchpad", "figures", run, "--out", folder]
    before = children()
    subprocess.run(words, capture_output=True, check=True)
    return children() - before


def children() -> float:
    """CPU seconds of all processes waited for."""
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def figures(folders: list[Path], out: Path) -> dict[str, float]:
    """CPU seconds of every figure that one of the runs allows."""
    found: dict[str, float] = {}
    for run in read_runs(folders):
        for name, figure in FIGURES.items():
            start = time.process_time()
            if draw_figures({name: figure}, run.tables, out).names:
                found[name] = max(found.get(name, 0.0), time.process_time() - start)
    return found


def main() -> None:
    runs = sys.argv[1:] or [str(path.parent) for path in sorted(Path("runs").glob("*/run.json"))]
    if not runs:
        print("No run under runs/ to draw the figures of: `make demo` leaves some.")
        return
    with tempfile.TemporaryDirectory() as scratch:
        for run in runs:
            print(f"{'scratchpad figures ' + Path(run).name:44} {command(run, scratch):6.2f} s")
        found = figures([Path(run) for run in runs], Path(scratch))
    for name, seconds in found.items():
        print(f"{name:44} {seconds:6.2f} s")
    slowest = max(found, key=lambda name: found[name])
    how = f"{slowest}, the slowest of {len(found)}; CPU time, three formats"
    keep("figures", [Comparison("a figure", "", found[slowest], "s", 2.0, at_most=True, how=how)])


if __name__ == "__main__":
    main()
