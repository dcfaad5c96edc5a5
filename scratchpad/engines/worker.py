"""What runs on the nodes of a cluster."""

from __future__ import annotations

import hashlib
import os
import pickle
import platform
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from scratchpad.engines.telling import Told, telling
from scratchpad.errors import ConfigError, ScratchpadError
from scratchpad.run_manifest import LIBRARIES, version_of

PACKAGES = ("scratchpad", "probes", "analyses")


class Facts(NamedTuple):
    """Where a worker is and what it works with."""

    host: str
    versions: dict[str, str | None]

    @classmethod
    def here(cls) -> Facts:
        """Of this process."""
        versions = {name: version_of(name) for name in LIBRARIES}
        versions |= {"sources of this toolkit": _sources(), "Python": platform.python_version()}
        return cls(platform.node(), versions)

    def require_same(self, other: Facts) -> None:
        """Refuse a worker that would compute otherwise.

        Raises
        ------
        ConfigError
            Naming both versions.
        """
        for name, version in self.versions.items():
            if version != other.versions[name]:
                raise ConfigError(
                    f"The worker on {self.host} has {name} {version}, and this process has"
                    f" {other.versions[name]}",
                    "their numbers could differ",
                    "Install the same versions on all nodes.",
                )


def _sources() -> str:
    """A short checksum of the sources that are imported here."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        found = find_spec(package)
        for folder in (found.submodule_search_locations if found else None) or ():
            for path in sorted(Path(folder).rglob("*.py")):
                digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


class Worker:
    """Does pieces of a stage; what it holds for a stage it makes once.

    Parameters
    ----------
    environment : mapping of str to str
        Variables that it takes over from where the command was given.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        # Libraries read theirs when they are imported: nothing that a stage needs has been yet.
        os.environ.update(environment)
        self._stage: Any = None
        self._work: Any = None

    def facts(self) -> Facts:
        """Where it is and what it works with."""
        return Facts.here()

    def do(self, packed: list[Any], arguments: tuple[Any, ...]) -> Told:
        """Do one piece; a stage comes as the reference of its pickle, in a list to stay one."""
        if packed[0] != self._stage:
            # First of all room is made: what it held may be a model.
            self._stage = self._work = None
            self._work = _prepared(packed[0])
            self._stage = packed[0]
        return telling(self._work, arguments)


def _prepared(reference: Any) -> Any:
    import ray
    import torch

    # Sums, and so tables, do not hang on what else runs on a node.
    torch.set_num_threads(1)
    try:
        stage = pickle.loads(ray.get(reference))
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"The worker on {platform.node()} has no module {error.name!r}",
            fix="Install it on all nodes.",
        ) from error
    except ScratchpadError as error:
        raise type(error)(
            f"On {platform.node()}: {error.symptom}", error.cause, error.fix
        ) from error
    return stage()
