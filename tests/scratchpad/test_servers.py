"""Asking OpenAI-compatible servers: patiently, never twice the same, and safely."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tenacity import wait_none

from fake_server import Answer, Asked, FakeServer, Said, completion, echoed, serving, turn
from scratchpad.cache import Reply
from scratchpad.errors import ConfigError, ServerError
from scratchpad.servers import (
    Address,
    Client,
    chat,
    connect,
    log_probabilities,
    posting,
    sample_texts,
)
from scratchpad.servers.client import IN_FLIGHT

Serve = Callable[[Answer], FakeServer]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(posting, "BACKOFF", wait_none())
    monkeypatch.setenv("SCRATCHPAD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def serve(request: pytest.FixtureRequest) -> Serve:
    def start(answer: Answer) -> FakeServer:
        context = serving(answer)
        request.addfinalizer(lambda: context.__exit__(None, None, None))
        return context.__enter__()

    return start


def client_of(server: FakeServer) -> Client:
    return connect(Address(server.url, "tiny"))


def seed_as_text(asked: Asked) -> Said:
    return completion(f" {asked.body['seed']}", "stop" if asked.body["seed"] % 2 else "length")


def test_every_prefix_is_continued_by_the_models_own_distribution(serve: Serve) -> None:
    server = serve(seed_as_text)
    first, second, again = sample_texts(
        client_of(server), ["I see", "I am", "I see"], draws=3, max_tokens=8, seed=1
    )
    texts = [reply.text for reply in (*first, *second, *again)]
    assert len(set(texts)) == 9
    assert all(reply.finished == bool(int(reply.text) % 2) for reply in first)
    by_text = {f" {asked.body['seed']}": asked.body for asked in server.asked}
    assert [by_text[text]["prompt"] for text in texts] == ["I see"] * 3 + ["I am"] * 3 + [
        "I see"
    ] * 3
    for body in by_text.values():
        assert (body["model"], body["max_tokens"]) == ("tiny", 8)
        assert (body["temperature"], body["top_p"], body["top_k"]) == (1, 1, -1)
        assert (body["min_p"], body["repetition_penalty"]) == (0, 1)


def test_nothing_is_asked_twice(serve: Serve) -> None:
    server = serve(seed_as_text)
    one = sample_texts(client_of(server), ["I see"], draws=3, max_tokens=8, seed=1)
    more = sample_texts(client_of(server), ["I see"], draws=5, max_tokens=8, seed=1)
    assert more[0][:3] == one[0]
    assert len(server.asked) == 5
    sample_texts(client_of(server), ["I see"], draws=1, max_tokens=8, seed=2)
    assert len(server.asked) == 6


def test_few_requests_are_in_flight_at_once(serve: Serve) -> None:
    open_now, most, lock = 0, 0, threading.Lock()

    def answer(asked: Asked) -> Said:
        nonlocal open_now, most
        with lock:
            open_now += 1
            most = max(most, open_now)
        time.sleep(0.01)
        with lock:
            open_now -= 1
        return seed_as_text(asked)

    sample_texts(client_of(serve(answer)), ["I"], draws=40, max_tokens=1, seed=0)
    assert 1 < most <= IN_FLIGHT


def test_a_busy_server_is_asked_again(serve: Serve) -> None:
    replies = iter([Said("busy", 503), Said("", 429, {"Retry-After": "0"}), Said("oops", 500)])
    server = serve(lambda asked: next(replies, completion(" it")))
    assert sample_texts(client_of(server), ["I see"], draws=1, max_tokens=1, seed=0) == [
        [Reply(" it", True)]
    ]
    assert len(server.asked) == 4


def test_the_pause_is_at_least_what_the_server_asks_for() -> None:
    assert [posting._seconds(text) for text in ("7", "", "soon", "9999")] == [7, 0, 0, 60]


def test_a_server_that_is_down_is_said_in_one_line(serve: Serve) -> None:
    with serving(seed_as_text) as server:
        pass
    with pytest.raises(ServerError) as error:
        sample_texts(client_of(server), ["I see"] * 20, draws=1, max_tokens=1, seed=0)
    assert str(error.value) == (
        f"The server {server.url} does not answer, asked 6 times: ConnectError [Errno 111]"
        " Connection refused. Start it or mend its address, and run the same command again:"
        " replies are kept."
    )


def test_what_was_answered_before_a_failure_is_kept(serve: Serve) -> None:
    answered: list[int] = []
    mended = threading.Event()

    def answer(asked: Asked) -> Said:
        if len(answered) >= 15 and not mended.is_set():
            return Said("down", 502)
        answered.append(asked.body["seed"])
        return seed_as_text(asked)

    client = client_of(serve(answer))
    with pytest.raises(ServerError, match=r"asked 6 times: HTTP 502 down\."):
        sample_texts(client, ["I see"], draws=30, max_tokens=1, seed=0)
    mended.set()
    (samples,) = sample_texts(client, ["I see"], draws=30, max_tokens=1, seed=0)
    assert len(samples) == len(answered) == len(set(answered)) == 30


def test_a_killed_process_goes_on_where_it_was(serve: Serve, tmp_path: Path) -> None:
    enough, killed = threading.Event(), threading.Event()

    def answer(asked: Asked) -> Said:
        if len(server.asked) > 20 and not killed.is_set():
            enough.set()
            killed.wait(20)
        return seed_as_text(asked)

    server = serve(answer)
    script = (
        "from scratchpad.servers import *\n"
        f"client = connect(Address({server.url!r}, 'tiny'))\n"
        "sample_texts(client, ['I see'], draws=40, max_tokens=1, seed=0)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script]) as process:
        assert enough.wait(60)
        kept = list((tmp_path / "cache").rglob("[!.]*.json"))
        process.kill()
    killed.set()
    assert len(kept) >= 20 - IN_FLIGHT
    time.sleep(0.1)
    server.asked.clear()
    (samples,) = sample_texts(client_of(server), ["I see"], draws=40, max_tokens=1, seed=0)
    assert len({sample.text for sample in samples}) == 40
    assert len(server.asked) <= 40 - len(kept)


def test_a_server_that_knows_other_names_is_asked_in_its_own(serve: Serve) -> None:
    def like_transformers(asked: Asked) -> Said:
        if "top_k" in asked.body:
            return Said({"detail": "Unexpected fields in the request: {'top_k'}"}, 422)
        assert '"do_sample": true' in asked.body["generation_config"]
        return seed_as_text(asked)

    server = serve(like_transformers)
    sample_texts(client_of(server), ["I see"], draws=4, max_tokens=1, seed=0)
    assert ["top_k" in asked.body for asked in server.asked] == [True] + [False] * 4


def test_a_refusal_says_why(serve: Serve) -> None:
    server = serve(lambda asked: Said({"detail": "Server is pinned to 'other'"}, 400))
    with pytest.raises(ServerError) as error:
        sample_texts(client_of(server), ["I see"], draws=4, max_tokens=1, seed=0)
    assert str(error.value) == (
        f"The server {server.url} refuses to ask 'tiny': HTTP 400"
        ' {"detail": "Server is pinned to \'other\'"}. Check the model\'s name, and that its'
        " context has room for the text."
    )


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (Said("Not Found", 404), "does not serve completions: HTTP 404 Not Found. Mend its addr"),
        (Said("<html>", 200), "does not serve completions: HTTP 200 <html>. Mend its address"),
        (Said({}, 200), "replied something else to completions: {}. Name an OpenAI-compatible"),
        (Said({"choices": []}), "replied something else to completions: {'choices': []}."),
    ],
)
def test_what_is_no_reply_is_said(serve: Serve, said: Said, message: str) -> None:
    server = serve(lambda asked: said)
    with pytest.raises(ServerError) as error:
        sample_texts(client_of(server), ["I see"], draws=1, max_tokens=1, seed=0)
    assert message in str(error.value)
    assert len(server.asked) == 1


def test_the_key_goes_to_the_server_and_nowhere_else(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    server = serve(seed_as_text)
    sample_texts(client_of(server), ["I see"], draws=1, max_tokens=1, seed=0)
    assert server.asked[0].key == "Bearer sk-secret"
    for file in (tmp_path / "cache").rglob("*.json"):
        assert "sk-secret" not in file.read_text()
    refusing = serve(lambda asked: Said(f"Incorrect key: {asked.key}", 401))
    with pytest.raises(ServerError) as error:
        sample_texts(client_of(refusing), ["I see"], draws=1, max_tokens=1, seed=0)
    assert "sk-secret" not in str(error.value)
    assert "HTTP 401 Incorrect key: Bearer ***. Mend" in str(error.value)


def test_chat(serve: Serve) -> None:
    def answer(asked: Asked) -> Said:
        if "max_tokens" in asked.body:
            return Said("Unsupported parameter: 'max_tokens'", 400)
        return turn(None if "quiet" in asked.body["messages"][0]["content"] else "Hello.")

    server = serve(answer)
    client = client_of(server)
    said = chat(client, "Hi", max_tokens=9, temperature=0.5, seed=3)
    assert said == Reply("Hello.", True)
    assert chat(client, "Be quiet", max_tokens=9, temperature=0.5, seed=3) == Reply("", True)
    first, *others = (set(asked.body) - {"model", "messages", "seed"} for asked in server.asked)
    assert first == {"max_tokens", "temperature", "chat_template_kwargs"}
    assert others == [{"max_tokens", "temperature"}] + [{"max_completion_tokens"}] * 2


def test_what_was_cut_short_is_asked_again_with_more_room(serve: Serve) -> None:
    server = serve(lambda asked: turn("x" * asked.body["max_tokens"]))
    client = client_of(server)
    lengths = [
        len(chat(client, "Hi", max_tokens=room, temperature=heat, seed=3).text)
        for room, heat in ((2, 0.5), (4, 0.5), (4, 1.0), (2, 0.5))
    ]
    assert lengths == [2, 4, 4, 2]
    assert len(server.asked) == 3


@pytest.mark.parametrize("begin", ["<s>", ""])
def test_log_probabilities_of_continuations(serve: Serve, begin: str) -> None:
    server = serve(lambda asked: echoed(asked, begin))
    texts = [("I see the", " red tag"), ("I see the ", "red tag"), ("I see th", "e red tag")]
    found = log_probabilities(client_of(server), texts)
    # A token belongs where its first letter lies: in the last text " the" is the prefix's.
    assert found == [(-0.4, -0.4)] * 3
    assert len(server.asked) == 2
    assert all(asked.body["echo"] for asked in server.asked)


def test_log_probabilities_that_are_not_given_are_missed_before_anything_is_paid_for(
    serve: Serve,
) -> None:
    server = serve(lambda asked: completion(" more", "length"))
    with pytest.raises(ServerError) as error:
        log_probabilities(client_of(server), [("I see", " it")] * 5)
    assert str(error.value) == (
        f"The server {server.url} gives no log-probabilities of text it is shown: it ignores"
        " `echo` and `logprobs`, as `transformers serve` does. Serve the model with vLLM, load it"
        " here by its folder, or judge sampled answers."
    )
    assert [asked.body["prompt"] for asked in server.asked] == ["One two three"]


def test_tokens_that_do_not_spell_the_text_are_refused(serve: Serve) -> None:
    def answer(asked: Asked) -> Said:
        reply = echoed(asked).content
        told = reply["choices"][0]["logprobs"]
        told["tokens"] = [token.replace("caf\u00e9", "caf\ufffd") for token in told["tokens"]]
        return Said(reply)

    client = client_of(serve(answer))
    assert log_probabilities(client, [("a caf\u00e9", " now")]) == [(-0.4,)]
    with pytest.raises(ServerError, match=r"tokens do not spell ' caf\u00e9' after 'a': a token"):
        log_probabilities(client, [("a", " caf\u00e9")])
    alone = client_of(serve(lambda asked: echoed(asked, "")))
    with pytest.raises(ServerError, match="do not spell 'I see' after ''"):
        log_probabilities(alone, [("", "I see")])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("localhost:8000/v1#m", "'localhost:8000/v1#m' is no address of a model on a server."),
        ("http://host/v1", "(the server lists its models under /v1/models)."),
        ("http://me:secret@host/v1#m", "address of 'm' holds more than an address: it would be"),
        ("http://host/v1?key=secret#m", "and put a key into $OPENAI_API_KEY."),
    ],
)
def test_an_address_names_server_and_model_and_nothing_else(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        Address.parse(text)
    assert message in str(error.value)
    assert "secret" not in str(error.value)
