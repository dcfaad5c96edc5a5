"""An OpenAI-compatible server in a thread, whose model is a function."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Asked(NamedTuple):
    """A request as it came in."""

    path: str
    body: dict[str, Any]
    key: str | None


class Said(NamedTuple):
    """A reply as it goes out."""

    content: Any
    status: int = 200
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


Answer = Callable[[Asked], Said]


class FakeServer(NamedTuple):
    """Its address, and what it was asked so far."""

    url: str
    asked: list[Asked]


@contextmanager
def serving(answer: Answer) -> Iterator[FakeServer]:
    """Serve until the block ends."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            request = Asked(
                self.path.removeprefix("/v1/"),
                json.loads(self.rfile.read(length)),
                self.headers.get("Authorization"),
            )
            asked.append(request)
            said = answer(request)
            content = said.content if isinstance(said.content, str) else json.dumps(said.content)
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content.encode())))
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield FakeServer(f"http://127.0.0.1:{server.server_port}/v1", asked)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def completion(text: str, finish_reason: str = "stop", **more: Any) -> Said:
    """A reply of /v1/completions."""
    return Said({"choices": [{"text": text, "finish_reason": finish_reason, **more}]})


def turn(text: str | None, finish_reason: str = "stop") -> Said:
    """A reply of /v1/chat/completions."""
    message = {"role": "assistant", "content": text}
    return Said({"choices": [{"message": message, "finish_reason": finish_reason}]})


def pieces(text: str) -> list[str]:
    """The tokens of the fake model: words with the white space before them."""
    return re.findall(r"\s*\S+|\s+\Z", text)


def echoed(asked: Asked, begin: str = "<s>") -> Said:
    """A text with the log-probabilities of its tokens, as vLLM gives them: -.1 a character."""
    prompt = asked.body["prompt"]
    tokens = [begin, *pieces(prompt), " more"] if begin else [*pieces(prompt), " more"]
    values: list[float | None] = [None, *(-len(token) / 10 for token in tokens[1:])]
    starts = [len("".join(tokens[:k])) for k in range(len(tokens))]
    logprobs = {"tokens": tokens, "token_logprobs": values, "text_offset": starts}
    reply = completion(f"{prompt} more", "length", logprobs=logprobs)
    return Said({**reply.content, "usage": {"completion_tokens": 1}})
