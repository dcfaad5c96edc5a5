"""Text that a served model writes: after a prefix as it stands, or as its turn of a chat."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

from scratchpad.cache import Reply
from scratchpad.servers.client import Client, Form, ask_each

# Servers fill what a request leaves open from the checkpoint's generation_config.json (top-k 20
# and a repetition penalty are common), and `transformers serve` decodes greedily unless that file
# or the request says otherwise. On-policy means the model's own distribution.
_OWN = {"min_p": 0.0, "repetition_penalty": 1.0}
FREE_FORMS: tuple[Form, ...] = (
    # vLLM, SGLang, llama.cpp; a delimiter that is a special token must not be cut out.
    {**_OWN, "top_k": -1, "skip_special_tokens": False},
    # `transformers serve` refuses the names above and takes them like this.
    {"generation_config": json.dumps({**_OWN, "top_k": 0, "do_sample": True})},
    {},
)


class _Wanted(NamedTuple):
    prefix: str
    draw: int


def sample_texts(
    client: Client, prefixes: Sequence[str], *, draws: int, max_tokens: int, seed: int
) -> list[list[Reply]]:
    """Continue every prefix `draws` times, from the model's own distribution.

    Temperature 1, top-p 1, no top-k. One request a sample, a few at a time, since some servers
    know no `n`; each has a seed of its own, which a server may ignore. A sample that has come is
    kept, so that a call that was interrupted goes on where it was.

    Parameters
    ----------
    prefixes : sequence of str
        As the model reads them, but without the beginning of text, which servers put before.
        One that stands here twice is sampled twice.
    max_tokens : int
        The longest continuation. A shorter one has finished by itself.

    Raises
    ------
    ServerError
        If the server is down or cannot do it.
    """
    seen: Counter[str] = Counter()
    wanted = []
    for prefix in prefixes:
        wanted += [_Wanted(prefix, seen[prefix] + draw) for draw in range(draws)]
        seen[prefix] += draws

    def one(each: _Wanted) -> Reply:
        question = {
            "prompt": each.prefix,
            "max_tokens": max_tokens,
            "temperature": 1.0,
            "top_p": 1.0,
            # Two requests with one seed would be the same sample.
            "seed": Random(f"{seed}/{each.draw}/{each.prefix}").getrandbits(31),
        }
        return Reply(*client.ask("completions", question, _completion, FREE_FORMS))

    replies = ask_each(one, wanted)
    return [replies[first : first + draws] for first in range(0, len(replies), draws)]


def chat(client: Client, message: str, *, max_tokens: int, temperature: float, seed: int) -> Reply:
    """Give what the model says to one message, without thinking first where it can be told so."""
    question = {"messages": [{"role": "user", "content": message}], "seed": seed}
    short = {"max_tokens": max_tokens, "temperature": temperature}
    forms: tuple[Form, ...] = (
        {**short, "chat_template_kwargs": {"enable_thinking": False}},
        short,
        # Models that think before they speak know neither; their thoughts count as tokens.
        {"max_completion_tokens": 16 * max_tokens},
    )
    return Reply(*client.ask("chat/completions", question, _turn, forms, short))


def _completion(reply: Any) -> Reply:
    choice = reply["choices"][0]
    return Reply(str(choice["text"]), choice["finish_reason"] == "stop")


def _turn(reply: Any) -> Reply:
    choice = reply["choices"][0]
    return Reply(choice["message"].get("content") or "", choice["finish_reason"] == "stop")
