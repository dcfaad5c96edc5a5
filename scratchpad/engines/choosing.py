"""Which engine a command was told to use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from scratchpad.cache import cache_folder
from scratchpad.engines.base import HERE, Engine, Shares
from scratchpad.engines.processes import Processes
from scratchpad.errors import ConfigError, unknown_name
from scratchpad.runs import RunFolder

ENGINES = ("local", "ray")


@contextmanager
def chosen_engine(
    name: str, address: str | None, *, device: str = "cpu", local: Engine = HERE
) -> Iterator[Engine]:
    """Give the engine of a name.

    Parameters
    ----------
    name : str
        `local` or `ray`.
    address : str or None
        Of a Ray cluster; one is started on this machine if none is told.
    device : str
        What each worker of a cluster gets.
    local : Engine
        What `local` stands for.

    Raises
    ------
    ConfigError
        If there is no such engine, or no such cluster.
    """
    if name not in ENGINES:
        raise unknown_name("engine", name, ENGINES)
    if name == "local":
        if address is not None:
            raise ConfigError(
                f"--address {address} is of a cluster, and the engine is local",
                fix="Add --engine ray.",
            )
        yield local
        return
    from scratchpad.engines.ray_engine import ray_engine

    with ray_engine(address, device) as engine:
        yield engine


@contextmanager
def sharing_engine(
    name: str, address: str | None, workers: int, folder: RunFolder
) -> Iterator[Engine]:
    """Give the engine of work that is handed on in files: those of the folder and the cache.

    Parameters
    ----------
    name, address
        As `chosen_engine` takes them.
    workers : int
        Processes of the local engine.
    folder : RunFolder
        It is begun, since nodes are asked whether they see it.

    Raises
    ------
    ConfigError
        If a node of the cluster does not see the folders.
    """
    with chosen_engine(name, address, local=Processes(workers)) as engine:
        folder.start()
        if isinstance(engine, Shares):
            engine.require_shared([folder.path, cache_folder()])
        yield engine
