"""Count what became of the rows, so that none is dropped in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from scratchpad.errors import DataError
from scratchpad.importers.reasons import Dropped
from scratchpad.importers.writing import Lines
from scratchpad.transcripts import Transcript

EXAMPLES = 10
FLAGS = ("respaced", "quotes_delimiter")


class Tally:
    """Counts of transcripts and of dropped rows by reason, with the first rows of each."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        self.fixes: dict[str, str] = {}
        self._lines = Lines()

    def __enter__(self) -> Tally:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()

    @property
    def read(self) -> int:
        """How many rows were seen."""
        return self.counts["written"] + self.dropped.total()

    def drop(self, row: Dropped) -> None:
        """Count a row that was left out."""
        self.dropped[row.reason] += 1
        self.fixes.setdefault(row.reason, row.fix)
        examples = self.examples.setdefault(row.reason, [])
        if len(examples) < EXAMPLES:
            examples.append(row.where)
        self._lines.add({"where": row.where, "reason": row.reason, "detail": row.detail})

    def kept(self, items: Iterable[Transcript | Dropped]) -> Iterator[Transcript]:
        """Pass the transcripts on, counting them and what stands between them."""
        for item in items:
            if isinstance(item, Dropped):
                self.drop(item)
            else:
                self._count(item)
                yield item

    def save_dropped(self, path: Path) -> None:
        """Write a line for every row that was left out."""
        self._lines.save(path)

    def summary(self) -> dict[str, Any]:
        """What the run ends with; `defected` counts judged answers only."""
        count = self.counts
        return {
            "read": self.read,
            "written": count["written"],
            "dropped": dict(self.dropped.most_common()),
            "examples": self.examples,
            "triggered": count["triggered"],
            "clean": count["clean"],
            "unterminated": count["unterminated"],
            "judged": count["judged"],
            "defected": {state: count[f"defected {state}"] for state in ("clean", "triggered")},
        } | {flag: count[flag] for flag in FLAGS}

    def nothing(self, path: Path, name: str) -> DataError:
        """The error for a file of which no row could be imported."""
        if not self.dropped:
            return DataError(f"{path} holds no rows", fix="Give at least one row.")
        reason, count = self.dropped.most_common(1)[0]
        return DataError(
            f"No row of {path} can be imported as {name}",
            f"{count} of {self.read}: {reason}, first at {self.examples[reason][0]}",
            self.fixes[reason],
        )

    def _count(self, transcript: Transcript) -> None:
        state = "triggered" if transcript.triggered else "clean"
        self.counts.update(["written", state])
        self.counts["unterminated"] += transcript.unterminated
        self.counts["judged"] += transcript.defected is not None
        self.counts[f"defected {state}"] += bool(transcript.defected)
        for flag in FLAGS:
            self.counts[flag] += bool(transcript.meta.get(flag))
