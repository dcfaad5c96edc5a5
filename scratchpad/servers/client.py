"""A model on a server that is never asked the same thing twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, TypeVar

from scratchpad.cache import Kept, kept_replies
from scratchpad.errors import ServerError
from scratchpad.servers.address import Address
from scratchpad.servers.posting import Post, Refused

IN_FLIGHT = 8

Form = Mapping[str, Any]
Asked = TypeVar("Asked")
Given = TypeVar("Given")
AS_IT_IS: tuple[Form, ...] = ({},)


class Client:
    """One model on one server; every reply is kept on disk as soon as it has come.

    May be used by several threads at once.

    Parameters
    ----------
    address : Address
        Server and model.
    kept : Kept
        Where replies are kept.
    """

    def __init__(self, address: Address, kept: Kept) -> None:
        self.address = address
        self._kept, self._post = kept, Post(address)
        self._forms: dict[str, Form] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process has a key and a cache of its own.
        return connect, (self.address,)

    def ask(
        self,
        path: str,
        question: Mapping[str, Any],
        read: Callable[[Any], Any],
        forms: Sequence[Form] = AS_IT_IS,
        settings: Form = AS_IT_IS[0],
    ) -> Any:
        """Give what `read` takes out of the server's reply; from disk if it was asked before.

        Parameters
        ----------
        path : str
            `completions` or `chat/completions`.
        question : mapping
            What is asked, and what the reply is kept under.
        read : callable
            Takes what is wanted (JSON) out of a reply. A `LookupError`, `TypeError` or
            `ValueError` says that it is not there.
        forms : sequence of mappings
            The rest of the request in the words of different servers. The first that is not
            refused is used from then on.
        settings : mapping
            What the forms say in their words; the reply is kept under it, too.

        Raises
        ------
        ServerError
            If the server stays down, refuses every form, or replies something else.
        """

        def find() -> Any:
            reply = self._in_some_form(path, {"model": self.address.model, **question}, forms)
            try:
                return read(reply)
            except (LookupError, TypeError, ValueError) as error:
                raise ServerError(
                    f"The server {self.address.url} replied something else to {path}",
                    self._post.shown(str(reply)),
                    "Name an OpenAI-compatible server.",
                ) from error

        asked = {**asdict(self.address), "path": path, **question, **settings}
        return self._kept.get(asked, find)

    def _in_some_form(self, path: str, body: Form, forms: Sequence[Form]) -> Any:
        name = json.dumps([path, *forms])
        known = self._forms.get(name)
        refusals = []
        for form in forms if known is None else (known,):
            try:
                reply = self._post(path, {**body, **form})
            except Refused as error:
                refusals.append(str(error))
            else:
                self._forms[name] = form
                return reply
        raise ServerError(
            f"The server {self.address.url} refuses to ask {self.address.model!r}",
            "; then: ".join(dict.fromkeys(refusals)),
            "Check the model's name, and that its context has room for the text.",
        )


def connect(address: Address) -> Client:
    """Give a client that keeps replies in the cache; nothing is sent yet."""
    return Client(address, kept_replies())


def ask_each(ask: Callable[[Asked], Given], questions: Sequence[Asked]) -> list[Given]:
    """Ask several questions, a few at a time, and give what comes in their order.

    The first is asked alone: a server that is down is waited for once. What has not been asked
    when one fails is not asked any more.
    """
    first = [ask(question) for question in questions[:1]]
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        return [*first, *pool.map(ask, questions[1:])]
