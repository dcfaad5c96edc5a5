"""A finished run, opened: its tables, its transcripts and what it found.

`analyses.open_run("runs/ablation")` gives one; then `run.table("outcomes")`,
`run.estimate("cells.f01")`, `run.transcripts()[0]`. In a notebook a run shows its verdict and its
headline numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyses.headlines import headlines
from scratchpad.errors import DataError, unknown_name
from scratchpad.estimates import Estimate, leaves
from scratchpad.notebook import table_html, text_html
from scratchpad.parsing import read_json
from scratchpad.run_manifest import MANIFEST, check_schema
from scratchpad.runs import SUMMARY

if TYPE_CHECKING:
    from pandas import DataFrame

    from scratchpad.transcripts import Transcript

TRANSCRIPTS = "transcripts"


@dataclass(frozen=True)
class Run:
    """A finished run.

    Parameters
    ----------
    folder : Path
    manifest : mapping
        What run.json holds: command, configuration, versions.
    summary : mapping
        What summary.json holds.
    """

    folder: Path
    manifest: Mapping[str, Any]
    summary: Mapping[str, Any]

    @property
    def command(self) -> str:
        """The command that made it."""
        return str(self.manifest.get("command", ""))

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables."""
        return tuple(sorted(path.stem for path in self.folder.glob("[!.]*.parquet")))

    def table(self, name: str) -> DataFrame:
        """Read a table.

        Raises
        ------
        ConfigError
            If the run has no such table.
        DataError
            If it cannot be read.
        """
        from scratchpad.tables import read_frame

        if name not in self.tables:
            raise unknown_name(f"table of {self.folder}", name, self.tables)
        return read_frame(self.folder / f"{name}.parquet")

    def transcripts(self) -> list[Transcript]:
        """What the model wrote; none where the run kept none."""
        from scratchpad.tables import read_transcripts

        if TRANSCRIPTS not in self.tables:
            return []
        return read_transcripts(self.folder / f"{TRANSCRIPTS}.parquet")

    def estimates(self) -> dict[str, Estimate]:
        """Every estimate of the summary by its dotted path."""
        return {
            key: Estimate.from_json(value)
            for key, value in leaves(self.summary)
            if isinstance(value, Mapping)
        }

    def estimate(self, key: str) -> Estimate:
        """An estimate by its dotted path, such as `cells.f01`.

        Raises
        ------
        ConfigError
            If there is none.
        """
        found = self.estimates()
        if key not in found:
            raise unknown_name(f"estimate of {self.folder}", key, found)
        return found[key]

    def _repr_html_(self) -> str:
        verdict = text_html(str(self.summary.get("verdict_text", "")))
        tables = "".join(map(table_html, headlines(self.command, self.summary)))
        name = text_html(f"{self.command} {self.folder}")
        return f"<div><strong>{name}</strong><p>{verdict}</p>{tables}</div>"


def open_run(folder: Path | str) -> Run:
    """Open the folder of a finished run.

    Raises
    ------
    DataError
        If it is none.
    RunFolderError
        If a newer version wrote it.
    """
    folder = Path(folder)
    manifest, summary = (read_json(folder / name, {}) for name in (MANIFEST, SUMMARY))
    check_schema(folder, manifest)
    if not manifest.get("finished"):
        raise DataError(
            f"{folder} is not a finished run",
            f"it holds no {MANIFEST} that says so",
            "Name a folder that a command wrote with --out, once it has come to its end.",
        )
    return Run(folder, manifest, summary)
