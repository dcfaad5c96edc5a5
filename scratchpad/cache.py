"""What was paid for once is kept: the cache folder, and models' replies in it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from scratchpad.files import atomic_write

CACHE_VARIABLE = "SCRATCHPAD_CACHE"


def cache_folder() -> Path:
    """Where costly things are kept: `$SCRATCHPAD_CACHE`, or a folder in the user's cache."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else Path.home() / ".cache" / "scratchpad-faithfulness"


class Reply(NamedTuple):
    """What a model wrote; `finished` says whether it ended by itself."""

    text: str
    finished: bool


@dataclass(frozen=True)
class Kept:
    """Values on disk, each under all that was asked to get it.

    One file a value, written whole or not at all, so that a run that is killed loses nothing it
    had, and processes that share the folder do not disturb each other.

    Parameters
    ----------
    folder : Path
        Where the files are.
    """

    folder: Path

    def get(self, asked: Mapping[str, Any], find: Callable[[], Any]) -> Any:
        """Give the value (JSON) that is kept for what was asked, or find it out and keep it."""
        text = json.dumps(dict(asked), sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()
        path = self.folder / name[:2] / f"{name}.json"
        if path.is_file():
            return json.loads(path.read_text(encoding="utf-8"))["value"]
        value = find()
        content = json.dumps({"asked": dict(asked), "value": value}, indent=1)
        atomic_write(path, content.encode())
        return value


def kept_replies() -> Kept:
    """The replies of models, as they were written: whatever is made of them is made anew."""
    return Kept(cache_folder() / "replies")
