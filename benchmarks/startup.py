"""How long `scratchpad --help` takes, beside a Python that does nothing. Goal: at most 0.5 s."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from measured import Comparison, keep

EMPTY = "python -c pass"
COMMANDS = {
    EMPTY: [sys.executable, "-c", "pass"],
    "scratchpad --help": [sys.executable, "-m", "scratchpad", "--help"],
    "scratchpad ablate --help": [sys.executable, "-m", "scratchpad", "ablate", "--help"],
}


def seconds(command: list[str], runs: int = 7) -> list[float]:
    """Wall seconds of whole processes, after one that is not counted."""
    found = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        found.append(time.perf_counter() - start)
    return found[1:]


def main() -> None:
    rows = []
    for name, command in COMMANDS.items():
        found = seconds(command)
        middle = statistics.median(found)
        print(f"{name:26} median {middle:.3f} s (of {len(found)} runs)")
        goal = None if name == EMPTY else 0.5
        rows.append(
            Comparison(name, "", middle, "s", goal, at_most=True, how="wall, a whole process")
        )
    keep("startup", rows)


if __name__ == "__main__":
    main()
