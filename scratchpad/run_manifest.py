"""What stands in the manifest of a run: what it was told, and what it was made with."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from scratchpad.errors import RunFolderError

LIBRARIES = ("scratchpad-faithfulness", "torch", "transformers", "numpy", "pandas", "scikit-learn")
MANIFEST = "run.json"
SCHEMA = 1
"""Of run folders. 0 had no number in its manifest, and is read as it is."""
SPLITS = "out_of_memory_splits"
# What says where results go and who finds them, not what they are.
NOT_CONFIG = ("out", "engine", "address")


def config_hash(command: str, config: Mapping[str, Any]) -> str:
    """Name a command with its configuration."""
    known = {key: value for key, value in config.items() if key not in NOT_CONFIG}
    text = json.dumps({"command": command, "config": known}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def check_schema(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Refuse a run folder that a newer version wrote.

    Raises
    ------
    RunFolderError
        If its schema is not one of those known here.
    """
    schema = manifest.get("schema", 0)
    if schema not in range(SCHEMA + 1):
        raise RunFolderError(
            f"{folder} was written by a newer version of this toolkit",
            f"its {MANIFEST} has schema {schema}, and {SCHEMA} is the newest known here",
            "Upgrade scratchpad-faithfulness.",
        )


def require_same_versions(path: Path, manifest: Mapping[str, Any]) -> None:
    """Refuse to go on with what other versions began: units of both would stand in one table.

    Raises
    ------
    RunFolderError
        Naming both versions.
    """
    told = manifest.get("versions")
    for name, version in told.items() if isinstance(told, dict) else ():
        if name in LIBRARIES and version != version_of(name):
            raise RunFolderError(
                f"{path} was begun with {name} {version}, and this process has {version_of(name)}",
                "what is finished there and what is missing could differ",
                "Use the same version again, or begin anew in another --out.",
            )


def new_manifest(command: str, config: Mapping[str, Any], wanted: str) -> dict[str, Any]:
    """The manifest of a run that begins; `wanted` is the hash of its configuration."""
    return {
        "schema": SCHEMA,
        "command": command,
        "config": json.loads(json.dumps(dict(config), default=str)),
        "config_hash": wanted,
        "seeds": {"seed": config.get("seed")},
        "versions": {name: version_of(name) for name in LIBRARIES},
        "git_commit": _git_commit(),
        "host": platform.node(),
        "device": config.get("device"),
        "seconds": None,
        "units": {"total": 0, "reused": 0},
        SPLITS: 0,
        "finished": False,
    }


def version_of(library: str) -> str | None:
    """The version of a library that is installed here."""
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    folder = Path(__file__).parent
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
