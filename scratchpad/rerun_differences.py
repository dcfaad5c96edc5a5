"""What two runs of one command differ in: their tables, and what they were made with."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from scratchpad.parsing import UNREADABLE, parsed_json
from scratchpad.run_manifest import MANIFEST, NOT_CONFIG

if TYPE_CHECKING:
    import pyarrow as pa

TOLERANCE: Final = 1e-5
"""The largest difference of equal numbers; of numbers beyond 1 the relative one."""
SAME, EQUAL, DIFFERS = "same bytes", "equal", "differs"
# The results of a run. What is drawn or written of them follows from them.
_RESULTS = ("*.parquet", "*.jsonl", "*.csv", "*.json", "figures/*.csv")
_LACKING: Final = object()


class Difference(NamedTuple):
    """How far two values are apart (infinitely: they are no numbers), and where."""

    size: float = 0.0
    where: str = ""


class Compared(NamedTuple):
    """What became of a file: one of `SAME`, `EQUAL` and `DIFFERS`, and its largest difference."""

    outcome: str
    difference: Difference = Difference()

    def to_json(self) -> dict[str, Any]:
        """The comparison as a record; the size is null where no number says it."""
        size, where = self.difference
        known = size if math.isfinite(size) else None
        return {"outcome": self.outcome, "largest_difference": known, "where": where}


def compare_runs(was: Path, now: Path) -> dict[str, Compared]:
    """Compare the files that hold the results of two runs, by name."""
    names = {
        str(path.relative_to(folder))
        for folder in (was, now)
        for pattern in _RESULTS
        for path in folder.glob(pattern)
    }
    return {name: compare_files(was / name, now / name) for name in sorted(names - {MANIFEST})}


def compare_files(was: Path, now: Path) -> Compared:
    """Compare two files by their bytes, then by the values that they hold."""
    for path, lacking in ((was, "only the rerun has it"), (now, "the rerun lacks it")):
        if not path.is_file():
            return Compared(DIFFERS, Difference(math.inf, lacking))
    if was.read_bytes() == now.read_bytes():
        return Compared(SAME)
    try:
        found = max(_differences(_content(was), _content(now), ""), default=Difference())
    except UNREADABLE as error:
        found = Difference(math.inf, f"cannot be read: {error}")
    return Compared(EQUAL if found.size <= TOLERANCE else DIFFERS, found)


def compare_manifests(was: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What explains differences: versions, commit, host, device and configuration, then and now."""
    told = [_made_with(manifest) for manifest in (was, now)]
    names = dict.fromkeys(name for one in told for name in one)
    pairs = {name: [one.get(name) for one in told] for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def difference_said(one: Difference) -> str:
    """Say a difference in a few words; nothing if there is none."""
    if not one.size:
        return ""
    return f"{one.size:.1g} in {one.where}" if math.isfinite(one.size) else one.where


def _made_with(manifest: Mapping[str, Any]) -> dict[str, Any]:
    parts = [manifest.get(name) for name in ("versions", "config")]
    told = {k: v for part in parts if isinstance(part, dict) for k, v in part.items()}
    told |= {name: manifest.get(name) for name in ("git_commit", "host", "device")}
    return {name: value for name, value in told.items() if name not in NOT_CONFIG}


def _content(path: Path) -> Any:
    """The values of a file; those of a table by column."""
    if path.suffix == ".json":
        return parsed_json(path.read_text(encoding="utf-8"))
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
    return {name: column.to_pylist() for name, column in _columns(path)}


def _columns(path: Path) -> Iterator[tuple[str, pa.ChunkedArray]]:
    import pyarrow.csv
    import pyarrow.parquet

    read = pyarrow.csv.read_csv if path.suffix == ".csv" else pyarrow.parquet.read_table
    table = read(path)
    yield from zip(table.column_names, table.columns, strict=True)


def _differences(was: Any, now: Any, where: str) -> Iterator[Difference]:
    """Differences of two values that JSON or a table may hold, one per number or text."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*was, *now]):
            below = f"{where}.{key}" if where else str(key)
            yield from _differences(was.get(key, _LACKING), now.get(key, _LACKING), below)
    elif isinstance(was, list) and isinstance(now, list):
        for place, pair in enumerate(zip_longest(was, now, fillvalue=_LACKING)):
            yield from _differences(*pair, f"{where}[{place}]")
    elif _is_number(was) and _is_number(now):
        yield Difference(_apart(float(was), float(now)), where)
    elif was != now:
        yield Difference(math.inf, where)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _apart(was: float, now: float) -> float:
    if was == now or (math.isnan(was) and math.isnan(now)):
        return 0.0
    size = abs(was - now) / max(1.0, abs(was))
    return math.inf if math.isnan(size) else size
