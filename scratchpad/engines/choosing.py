"""Which engine a command was told to use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from scratchpad.engines.base import HERE, Engine
from scratchpad.errors import ConfigError, unknown_name

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
