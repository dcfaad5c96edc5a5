"""A real server: `transformers serve` on tiny checkpoints."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from transformers import GenerationConfig

from scratchpad.cache import Reply
from scratchpad.errors import ServerError
from scratchpad.rewriters import load_rewriter
from scratchpad.servers import Address, connect, log_probabilities, sample_texts
from tiny import byte_tokenizer, parrot, random_model, save

START = 120


@contextmanager
def transformers_serve() -> Iterator[str]:
    """Serve whatever checkpoint a request names, until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    executable = Path(sys.executable).with_name("transformers")
    command = [executable, "serve", "--host", "127.0.0.1", "--port", port, "--device", "cpu"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/health", process)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end:
        assert process.poll() is None, "the server has ended"
        try:
            httpx2.get(url).raise_for_status()
        except httpx2.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError("the server has not come up")


@pytest.fixture
def checkpoints(tmp_path: Path) -> tuple[Path, Path]:
    """A model whose own settings would let it say one thing alone, and one that can no other."""
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}Human: {{ m.content }}\n\n{% endfor %}"
        "{% if add_generation_prompt %}Assistant: {% endif %}"
    )
    free = random_model("llama", tokenizer, scale=2.0)
    free.generation_config = GenerationConfig(
        do_sample=True, top_k=1, repetition_penalty=5.0, eos_token_id=tokenizer.eos_token_id
    )
    fixed = parrot(tokenizer, "It is green.")
    return save(tmp_path / "free", free, tokenizer), save(tmp_path / "fixed", fixed, tokenizer)


def test_sampling_and_rewriting(
    checkpoints: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRATCHPAD_CACHE", str(tmp_path / "cache"))
    free, fixed = checkpoints
    with transformers_serve() as url:
        client = connect(Address(url, str(free)))
        samples = sample_texts(client, ["I see ", "It is "], draws=8, max_tokens=4, seed=0)
        assert [len(each) for each in samples] == [8, 8]
        # The checkpoint's own top-k of 1 would leave one text a prefix.
        assert all(len({reply.text for reply in each}) > 4 for each in samples)
        parrots = connect(Address(url, str(fixed)))
        said = sample_texts(parrots, ["I see "], draws=2, max_tokens=40, seed=0)
        assert said == [[Reply("It is green.", True)] * 2]
        (cut_off,) = sample_texts(parrots, ["I see "], draws=1, max_tokens=2, seed=0)
        assert not cut_off[0].finished
        assert "It is green.".startswith(cut_off[0].text)
        rewriter = load_rewriter(f"server:{url}#{fixed}")
        assert rewriter.paraphrase("It is blue.\n", 3) == "It is green."
        with pytest.raises(ServerError, match="gives no log-probabilities of text it is shown"):
            log_probabilities(client, [("I see ", "the tag")])
    # The server is gone, and what it said is not.
    assert sample_texts(client, ["I see ", "It is "], draws=8, max_tokens=4, seed=0) == samples
    assert rewriter.paraphrase("It is blue.\n", 3) == "It is green."
