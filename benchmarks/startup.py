"""How long `scratchpad --help` takes, beside a Python that does nothing. Goal: at most 0.5 s."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
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


if __name__ == "__main__":
    for name, command in COMMANDS.items():
        found = seconds(command)
        print(f"{name:26} median {statistics.median(found):.3f} s (of {len(found)} runs)")
