"""Folders that all nodes of a cluster have to share."""

from __future__ import annotations

import platform
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scratchpad.errors import ConfigError
from scratchpad.files import atomic_write


def require_shared(ray: Any, folders: Sequence[Path]) -> None:
    """Refuse a cluster on one of whose nodes a file that is written here does not show.

    Raises
    ------
    ConfigError
        Naming the node and the folder.
    """
    marks = [folder.resolve() / f".shared-{uuid.uuid4().hex}" for folder in folders]
    try:
        for mark in marks:
            atomic_write(mark, b"")
        asked = [_looked(ray, node["NodeID"], marks) for node in ray.nodes() if node["Alive"]]
        for host, missing in ray.get(asked):
            if missing:
                raise ConfigError(
                    f"The node {host} does not see {missing[0].parent}",
                    "what is trained on one node is measured on others",
                    "Put --out and SCRATCHPAD_CACHE on storage that all nodes share.",
                )
    finally:
        for mark in marks:
            mark.unlink(missing_ok=True)


def _looked(ray: Any, node: str, marks: Sequence[Path]) -> Any:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    there = NodeAffinitySchedulingStrategy(node, soft=False)
    return ray.remote(_missing).options(num_cpus=0, scheduling_strategy=there).remote(marks)


def _missing(marks: Sequence[Path]) -> tuple[str, list[Path]]:
    return platform.node(), [mark for mark in marks if not mark.exists()]
