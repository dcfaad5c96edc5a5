"""What is no cluster is said within seconds; what is one is shared out whole."""

from __future__ import annotations

import socket
from threading import Thread

import pytest

from scratchpad.engines import cluster
from scratchpad.engines.base import Engine
from scratchpad.engines.choosing import chosen_engine
from scratchpad.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "address", "said"),
    [
        ("rya", None, "Unknown engine 'rya'. Did you mean 'ray'? Known: local, ray."),
        (
            "local",
            "10.0.0.1:6379",
            "--address 10.0.0.1:6379 is of a cluster, and the engine is local. Add --engine ray.",
        ),
        (
            "ray",
            "ray://head:10001",
            "--address 'ray://head:10001' is not HOST:PORT. Give what `ray start --head` printed, "
            "or auto; run the command on a node.",
        ),
    ],
)
def test_an_engine_that_is_none_is_refused(name: str, address: str | None, said: str) -> None:
    with pytest.raises(ConfigError) as raised, chosen_engine(name, address):
        pass
    assert str(raised.value) == said


def test_an_address_where_nothing_answers_is_found_out_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused by the system
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError) as raised, chosen_engine("ray", address):
            pass
    assert str(raised.value).startswith(f"No Ray cluster can be reached at {address}: ")
    assert str(raised.value).endswith(
        "Start one with `ray start --head`, and give the HOST:PORT that it prints."
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "what answers there is no cluster's head"),
        (b"", "timed out"),
    ],
)
def test_an_address_of_something_else_is_found_out_at_once(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, reason: str
) -> None:
    monkeypatch.setattr(cluster, "SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        taken: list[socket.socket] = []

        def serve() -> None:
            taken.append(server.accept()[0])
            taken[0].sendall(answer)

        thread = Thread(target=serve)
        thread.start()
        with pytest.raises(ConfigError) as raised, chosen_engine("ray", address):
            pass
        thread.join()
        taken[0].close()
    assert str(raised.value) == (
        f"No Ray cluster can be reached at {address}: {reason}. "
        "Start one with `ray start --head`, and give the HOST:PORT that it prints."
    )


def test_a_clusters_head_is_known_by_its_greeting(ray: Engine) -> None:
    from ray import get_runtime_context

    address = get_runtime_context().gcs_address
    cluster._require_answer(address)
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), 5) as connection:
        assert cluster._greeted(connection)[3] == cluster.SETTINGS[3]


def test_gpus_are_given_out_whole_and_missed_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [
        {"Alive": True, "Resources": {"CPU": 16.0, "GPU": 8.0}},
        {"Alive": True, "Resources": {"CPU": 16.0, "GPU": 4.0}},
        {"Alive": True, "Resources": {"CPU": 4.0}},
        {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
    ]
    monkeypatch.setattr(cluster, "library", lambda: type("Library", (), {"nodes": lambda: nodes}))
    assert cluster.resources_of("cpu") == (36, {"num_cpus": 1})
    assert cluster.resources_of("auto") == (12, {"num_cpus": 1, "num_gpus": 1})
    assert cluster.resources_of("all") == (3, {"num_cpus": 1, "num_gpus": 4})
    del nodes[:2]
    assert cluster.resources_of("auto") == (4, {"num_cpus": 1})
    with pytest.raises(ConfigError) as raised:
        cluster.resources_of("cuda")
    said = "The cluster has no GPU for --device cuda. Use --device auto or cpu."
    assert str(raised.value) == said
