"""What the benchmarks found, in one shape: a file per script, and the page that is made of them.

    python benchmarks/measured.py        # write docs/benchmarks.md

Every script keeps its rows under `build/benchmarks/`, those of a GPU beside those of the CPU. What
was measured before on a device that is not at hand now is kept in `docs/benchmarks.json`.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "build/benchmarks"
PAGE, TABLE = ROOT / "docs/benchmarks.md", ROOT / "docs/benchmarks.json"
LIBRARIES = ("torch", "transformers", "scikit-learn", "transformer-lens", "numpy", "pandas")
ON_CPU = ("startup", "scoring", "training", "activations", "probes", "figures", "report", "engine")
# What a GPU has to show, by the command that does.
ON_GPU = {
    "scoring": "benchmarks/scoring.py --device cuda --dtype bfloat16",
    "activations": "benchmarks/activations.py --device cuda",
    "probes": "benchmarks/probes.py --device cuda --large",
    "training": "benchmarks/training.py --device cuda --size base",
}


@dataclass(frozen=True)
class Comparison:
    """One comparison.

    Parameters
    ----------
    what, against : str
        The two sides; without another side `against` is empty.
    value : float or None
        What was measured; `None`: undefined here.
    unit : str
        `times` (theirs / ours), `of` (a share of the other's speed), `s` or `MiB`.
    goal : float or None
        If one is stated.
    at_most : bool
        Whether the value has to stay below the goal, not to reach it.
    how : str
        What was measured, in a few words.
    """

    what: str
    against: str
    value: float | None
    unit: str = "times"
    goal: float | None = None
    at_most: bool = False
    how: str = ""


def keep(script: str, rows: Sequence[Comparison], device: str = "cpu") -> None:
    """Keep what a script has found on a device, with what it was found with."""
    kind = "gpu" if device.startswith("cuda") else "cpu"
    KEPT.mkdir(parents=True, exist_ok=True)
    found = {
        "script": script,
        "command": shlex.join([f"benchmarks/{script}.py", *sys.argv[1:]]),
        "device": _card() if kind == "gpu" else _processor(),
        "threads": os.environ.get("OMP_NUM_THREADS", str(os.cpu_count())),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": {name: version(name) for name in LIBRARIES},
        "rows": [asdict(row) for row in rows],
    }
    (KEPT / f"{script}-{kind}.json").write_text(json.dumps(found, indent=1) + "\n")


def _card() -> str:
    import torch

    return torch.cuda.get_device_name()


def _processor() -> str:
    """The name of the processor, and how many cores of it there are."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores"


def page(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The page in Markdown, of what was found by script and kind of device."""
    on_cpu = {one["script"]: one for name, one in found.items() if name.endswith("-cpu")}
    on_gpu = {one["script"]: one for name, one in found.items() if name.endswith("-gpu")}
    parts = [
        HEAD,
        "## CPU",
        *_section([*on_cpu.values()]),
        *(
            f"*{name}*: not measured in this form yet; by `python benchmarks/{name}.py`."
            for name in ON_CPU
            if name not in on_cpu
        ),
        "## GPU",
    ]
    parts += _section([*on_gpu.values()])
    parts += [f"*{name}*: not measured yet; by `python {command}`."
              for name, command in ON_GPU.items() if name not in on_gpu]  # fmt: skip
    return "\n\n".join(parts) + "\n"


HEAD = """# Benchmarks

Written by `make bench`: side by side on one machine, the sides in turns. *Times* is their time over
ours; a share *of* is ours over theirs in speed. Goals are stated where there are any. How each is
measured in full stands at the head of its script, under `benchmarks/`."""


def _section(found: Sequence[Mapping[str, Any]]) -> list[str]:
    if not found:
        return []
    lines = ["| what | against | ratio | goal | how |", "|---|---|---|---|---|"]
    lines += [_line(Comparison(**row)) for one in found for row in one["rows"]]
    with_what = [f"- `python {one['command']}`: {one['device']}, {one['threads']} threads,"
                 f" {one['date']}; {_versions(one)}" for one in found]  # fmt: skip
    return ["\n".join(lines), "\n".join(with_what)]


def _line(row: Comparison) -> str:
    goal = "" if row.goal is None else f"{'at most' if row.at_most else 'at least'} {row.goal:g}"
    if row.goal is not None and row.value is not None:
        met = row.value <= row.goal if row.at_most else row.value >= row.goal
        goal += "" if met else " (missed)"
    value = "undefined" if row.value is None else f"{row.value:.3g} {row.unit}"
    return f"| {row.what} | {row.against} | {value} | {goal} | {row.how} |"


def _versions(one: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {number}" for name, number in one["versions"].items())


def main() -> None:
    """Write the page of what was measured now, and before where nothing was now."""
    before = json.loads(TABLE.read_text()) if TABLE.is_file() else {}
    now = {path.stem: json.loads(path.read_text()) for path in sorted(KEPT.glob("*.json"))}
    found = dict(sorted({**before, **now}.items()))
    TABLE.write_text(json.dumps(found, indent=1) + "\n")
    PAGE.write_text(page(found))
    print(PAGE.relative_to(ROOT))


if __name__ == "__main__":
    main()
