"""What a cluster's workers give or raise, and what it means when they are gone."""

from __future__ import annotations

from typing import Any, Final

from scratchpad.engines.cluster import library
from scratchpad.engines.telling import heard
from scratchpad.errors import ConfigError, ScratchpadError

TRIES: Final = 3
"""Workers that may be lost over a piece, or before they begin, until something else is wrong."""


def result_of(ready: Any) -> Any:
    """What a worker gives, or raises."""
    try:
        return heard(library().get(ready))
    except library().exceptions.RayTaskError as error:
        raise error.cause if error.cause is not None else error from None


def lost() -> tuple[type[Exception], ...]:
    """What says that a worker is gone, or what it gave before that was fetched."""
    raised = library().exceptions
    return raised.RayActorError, raised.ObjectLostError


def require_others(count: int, error: Exception) -> None:
    """Refuse to give a piece to yet another worker, if too many were lost over it.

    Raises
    ------
    ScratchpadError
        With what Ray says of the last one.
    """
    if count >= TRIES:
        raise ScratchpadError(
            f"{count} workers were lost over one piece of work",
            " ".join(str(error).split())[:300],
            "Look into the logs of the cluster; with too little memory, use a smaller"
            " --memory-budget or workers with more.",
        ) from error


def never_begins(error: Exception) -> bool:
    """Whether another worker in the place of one that did not begin would not begin either."""
    raised = library().exceptions
    return isinstance(error, raised.RayTaskError) or getattr(error, "actor_init_failed", False)


def cannot_begin(error: Exception) -> ConfigError:
    """Build the error for workers that end before they say where they are."""
    told = str(error).strip().splitlines() or [type(error).__name__]
    return ConfigError(
        "A worker of the cluster cannot begin",
        told[-1].strip()[:300],
        "Install this toolkit on all nodes, in the same version; the cluster's logs say more.",
    )
