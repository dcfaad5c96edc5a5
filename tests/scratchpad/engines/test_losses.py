"""A cluster that has no room, or loses workers before they begin or after they are done."""

from __future__ import annotations

from typing import Any

import pytest

import staged
from scratchpad.engines import losses, ray_engine
from scratchpad.engines.base import Engine
from scratchpad.engines.cluster import Resources
from scratchpad.engines.ray_engine import RayEngine
from scratchpad.errors import ConfigError

NUMBERS = [(number,) for number in range(4)]
SQUARES = {number: number**2 for number in range(4)}


@pytest.fixture
def idle(ray: Engine, monkeypatch: pytest.MonkeyPatch) -> RayEngine:
    """An engine on the same cluster, whose workers ask for nothing."""
    monkeypatch.setattr(ray_engine, "resources_of", lambda _: Resources(2, {"num_cpus": 0}))
    return RayEngine("cpu")


def _squares(engine: Engine) -> dict[int, int]:
    return {place: square for place, (square, _) in engine.run(staged.Squares(), NUMBERS)}


@pytest.mark.parametrize("room", [0, 2])
def test_a_cluster_without_room_is_waited_for_so_long_and_no_longer(
    ray: Engine, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    monkeypatch.setattr(ray_engine, "resources_of", lambda _: Resources(room, {"num_cpus": 10**6}))
    monkeypatch.setattr(ray_engine, "PATIENCE", 1.0)
    with pytest.raises(ConfigError) as raised:
        _squares(RayEngine("cpu"))
    assert str(raised.value) == (
        "No worker of the cluster began within 1 seconds: its processors or its memory are taken. "
        "Wait for other jobs to end, or add nodes; what is finished is kept."
    )


def test_a_node_that_lacks_the_toolkit_ends_the_run(
    idle: RayEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_engine, "Worker", staged.Unborn)
    with pytest.raises(ConfigError) as raised:
        _squares(idle)
    assert str(raised.value) == (
        "A worker of the cluster cannot begin: ModuleNotFoundError: No module named 'scratchpad'. "
        "Install this toolkit on all nodes, in the same version; the cluster's logs say more."
    )


def test_workers_that_die_before_they_begin_are_not_asked_for_without_end(
    idle: RayEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_engine, "Worker", staged.Stillborn)
    with pytest.raises(ConfigError, match="A worker of the cluster cannot begin"):
        _squares(idle)


def test_what_is_lost_on_its_way_is_done_again(
    idle: RayEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray.exceptions import ObjectLostError

    given: list[Any] = []

    def result_of(ready: Any) -> Any:
        given.append(ready)
        if len(given) == 1:
            raise ObjectLostError("00", None, "")
        return losses.result_of(ready)

    monkeypatch.setattr(ray_engine, "result_of", result_of)
    assert _squares(idle) == SQUARES
    assert len(given) == 1 + len(NUMBERS)
