"""Whether an ablation of very many transcripts stays in bounded memory.

    .venv/bin/python benchmarks/soak.py MODEL [--transcripts 10000] [--with truncate,transplant]

MODEL is an organism's folder. Its transcripts are sampled first, as many draws of each held-out
question as are needed; then `scratchpad ablate MODEL --transcripts FILE` scores them in a process
of its own, whose resident set (its children's too) is looked at every second. It is printed when
10, 25, 50, 75 and 100 % of the units of work were done, with the highest before, while and after
the scoring. `growth` is what it rises from 25 % to 100 %.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import psutil
from rich.console import Console
from rich.table import Table

from scratchpad.tables import read_questions

MIB = 2**20
SHARES = (10, 25, 50, 75, 100)
SCRATCHPAD = (sys.executable, "-m", "scratchpad")


class Look(NamedTuple):
    """Seconds since the start, bytes of all processes, and units of work that are done."""

    seconds: float
    resident: int
    units: int


def sampled(model: Path, count: int, folder: Path) -> Path:
    """Transcripts of a model: clean and triggered, of as many questions and draws as it takes."""
    questions = len(read_questions(model / "questions.jsonl"))
    draws = -(-count // (2 * questions))
    limit = min(-(-count // (2 * draws)), questions)
    options = ("--limit", str(limit), "--draws", str(draws), "--out", str(folder), "--quiet")
    subprocess.run([*SCRATCHPAD, "sample", str(model), *options], check=True)
    table = pd.read_parquet(folder / "transcripts.parquet")
    # Given scratchpads have to hold something; of a pair both or none are kept.
    said = table["scratchpad"].fillna("").str.strip().ne("") & ~table["unterminated"]
    pair = [table["question_id"], table["meta"].map(lambda text: json.loads(text)["draw"])]
    kept = folder / "kept.parquet"
    table[said.groupby(pair).transform("all")].to_parquet(kept)
    return kept


def watched(command: list[str], out: Path) -> list[Look]:
    """Run a command and look at it every second."""
    started, process = time.monotonic(), psutil.Popen(command)
    looks = []
    while process.poll() is None:
        units = sum(1 for _ in (out / "units/outcomes").glob("[!.]*.parquet"))
        looks.append(Look(time.monotonic() - started, resident(process), units))
        time.sleep(1)
    if process.returncode:
        raise SystemExit(process.returncode)
    return looks


def resident(process: psutil.Process) -> int:
    """Bytes of a process and its children, as many of them as are still there."""
    found = 0
    try:
        for one in (process, *process.children(recursive=True)):
            found += one.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return found


def summary_of(looks: list[Look]) -> dict[str, float]:
    """MiB at shares of the units, and at most before, while and after they were worked on."""
    most = max(look.units for look in looks)
    assert most, "no unit was seen: too few transcripts for a look a second"
    first = next(n for n, look in enumerate(looks) if look.units)
    last = next(n for n, look in enumerate(looks) if look.units == most)
    at = {
        share: next(look.resident for look in looks if look.units * 100 >= share * most)
        for share in SHARES
    }
    phases = {"before": looks[:first], "scoring": looks[first : last + 1], "after": looks[last:]}
    highest = {
        f"highest_{name}": max((look.resident for look in part), default=0)
        for name, part in phases.items()
    }
    found = {f"at_{share}": value for share, value in at.items()} | highest
    found["growth"] = at[100] - at[25]
    return {name: value / MIB for name, value in found.items()} | {
        "units": most,
        "seconds": looks[-1].seconds,
    }


def main() -> None:
    """Print the resident sets, as a table or with `--json` as an object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--transcripts", type=int, default=10_000)
    parser.add_argument("--with", dest="edits", default="truncate,transplant")
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = sampled(told.model, told.transcripts, Path(folder, "sampled"))
        out = Path(folder, "ablated")
        options = ["--with", told.edits, "--transcripts", str(file), "--out", str(out), "--quiet"]
        looks = watched([*SCRATCHPAD, "ablate", str(told.model), *options], out)
    found = summary_of(looks)
    if told.json:
        print(json.dumps(found))
        return
    table = Table("", "MiB, units or seconds", title=f"Ablating {told.transcripts:,} transcripts")
    for name, value in found.items():
        table.add_row(name, f"{value:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
