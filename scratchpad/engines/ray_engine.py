"""The workers of a Ray cluster: each holds what a stage needs, and does pieces until none is left.

Every worker has one piece in hand and one waiting, so that results are taken as fast as they can be
kept and no faster. A piece whose worker is lost is given to another one.
"""

from __future__ import annotations

import logging
import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from scratchpad.cache import CACHE_VARIABLE, cache_folder
from scratchpad.engines.base import HERE, Done, Engine, Stage
from scratchpad.engines.cluster import connected, library, require_room, resources_of
from scratchpad.engines.losses import (
    TRIES,
    cannot_begin,
    lost,
    never_begins,
    require_others,
    result_of,
)
from scratchpad.engines.worker import Facts, Worker
from scratchpad.errors import ConfigError

IN_HAND: Final = 2
"""Pieces that a worker has at a time: the one it does, and the next."""

PATIENCE: Final = 300.0
"""Seconds that a cluster may take to give the first worker, or one in place of the last."""

OFFLINE: Final = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")

_log = logging.getLogger(__name__)


@dataclass
class RayEngine:
    """Does pieces by the workers of the cluster that this process is connected to.

    Parameters
    ----------
    device : str
        As `--device`: a worker has a GPU of its own, or all of its node (`all`), where there are
        any and it is not `cpu`; else a core.
    """

    device: str
    elsewhere: bool = True
    _joined: dict[Any, int] = field(default_factory=dict)
    _joining: dict[Any, Any] = field(default_factory=dict)
    _failed: int = 0

    def __reduce__(self) -> tuple[Any, ...]:
        # To a worker, it is itself who does the work.
        return _here, ()

    def run(self, stage: Stage, arguments: Sequence[tuple[Any, ...]]) -> Iterator[Done]:
        """Do a stage with every tuple of arguments; gives each as it gets done.

        Raises
        ------
        ConfigError
            If the cluster gives no worker, or one with other versions than this process.
        ScratchpadError
            What a worker raises, with the name of its node where it could not begin.
        """
        if not arguments:
            return
        packed = [library().put(_cloudpickle().dumps(stage))]
        self._hire(stage, len(arguments))
        queue, running = deque(range(len(arguments))), dict[Any, tuple[int, Any]]()
        losses: Counter[int] = Counter()
        try:
            while queue or running:
                for worker in self._idle(len(queue)):
                    place = queue.popleft()
                    running[worker.do.remote(packed, arguments[place])] = place, worker
                    self._joined[worker] += 1
                for ready in self._next([*running]):
                    if ready in self._joining:
                        self._join(ready, stage)
                        continue
                    place, worker = running.pop(ready)
                    try:
                        done = Done(place, result_of(ready))
                    except lost() as error:
                        self._replace(worker, stage)
                        losses[place] += 1
                        require_others(losses[place], error)
                        queue.appendleft(place)
                        continue
                    if worker in self._joined:
                        self._joined[worker] -= 1
                    yield done
        finally:
            # Of a run that failed, nobody waits for what workers have in hand.
            self._joined = dict.fromkeys(self._joined, 0)

    def require_shared(self, folders: Sequence[Path]) -> None:
        """Refuse a cluster whose nodes do not all see the folders of this one.

        Raises
        ------
        ConfigError
            Naming the node and the folder.
        """
        from scratchpad.engines.shared_folders import require_shared

        require_shared(library(), folders)

    def _hire(self, stage: Stage, pieces: int) -> None:
        """Ask for as many workers as the cluster has room for and there are pieces."""
        # One at least: processors may be taken, or nodes still to come.
        wanted = min(max(resources_of(self.device).workers, 1), pieces)
        for _ in range(wanted - len(self._joined) - len(self._joining)):
            self._ask(stage)

    def _ask(self, stage: Stage) -> None:
        needs = resources_of(self.device).needs
        if size := getattr(stage, "worker_bytes", 0):
            require_room(size)
            needs = needs | {"memory": size}
        worker = library().remote(Worker).options(**needs).remote(_environment())
        self._joining[worker.facts.remote()] = worker

    def _idle(self, most: int) -> list[Any]:
        """Workers that can take a piece, those with fewer in hand first, at most so many."""
        free = sorted((n, number, w) for number, (w, n) in enumerate(self._joined.items()))
        return [worker for count, _, worker in free if count < IN_HAND][:most]

    def _next(self, running: list[Any]) -> list[Any]:
        waited = None if self._joined else PATIENCE
        ready, _ = library().wait([*running, *self._joining], num_returns=1, timeout=waited)
        if not ready:
            raise ConfigError(
                f"No worker of the cluster began within {PATIENCE:.0f} seconds",
                "its processors or its memory are taken",
                "Wait for other jobs to end, or add nodes; what is finished is kept.",
            )
        found: list[Any] = ready
        return found

    def _join(self, ready: Any, stage: Stage) -> None:
        worker = self._joining.pop(ready)
        try:
            facts: Facts = library().get(ready)
        except library().exceptions.RayError as error:
            self._failed += 1
            if never_begins(error) or not (self._failed < TRIES or self._joined or self._joining):
                raise cannot_begin(error) from error
            if self._failed < TRIES:
                self._ask(stage)
            return
        facts.require_same(Facts.here())
        self._joined[worker], self._failed = 0, 0

    def _replace(self, worker: Any, stage: Stage) -> None:
        """Ask for another worker in the place of a lost one, once."""
        if self._joined.pop(worker, None) is not None:
            _log.warning("A worker was lost; another one is asked for, and its work done again.")
            self._ask(stage)


@contextmanager
def ray_engine(address: str | None, device: str) -> Iterator[RayEngine]:
    """Connect to a cluster, or start one of this machine; it is left when the work is done.

    Raises
    ------
    ConfigError
        If Ray is not installed, or nothing answers at the address.
    """
    with connected(address):
        yield RayEngine(device)


def _here() -> Engine:
    return HERE


def _environment() -> dict[str, str]:
    """What workers take over: where things are, and whether the network may be used; no keys."""
    from scratchpad.organisms.passphrases import KEY_VARIABLE

    told = {name: os.environ[name] for name in OFFLINE if name in os.environ}
    if named := os.environ.get(KEY_VARIABLE):
        told[KEY_VARIABLE] = str(Path(named).resolve())
    return told | {CACHE_VARIABLE: str(cache_folder().resolve())}


def _cloudpickle() -> Any:
    import ray.cloudpickle

    return ray.cloudpickle
