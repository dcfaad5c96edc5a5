"""Where a model is served, as one text: `http://host:8000/v1#model-name`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from scratchpad.errors import ConfigError

KEY_VARIABLE = "OPENAI_API_KEY"
FIX = "Write the address as http://host:8000/v1#model-name"


@dataclass(frozen=True)
class Address:
    """One model of one server.

    Parameters
    ----------
    url : str
        What stands before `/completions` and `/chat/completions`; usually it ends in `/v1`.
    model : str
        The name under which the server has the model.
    """

    url: str
    model: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address.

        Raises
        ------
        ConfigError
            If it is none, or holds a key or password, which manifests would then show.

        Examples
        --------
        >>> Address.parse("http://localhost:8000/v1#owner/model")
        Address(url='http://localhost:8000/v1', model='owner/model')
        """
        url, _, model = text.partition("#")
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError as error:
            raise ConfigError(
                f"{text!r} is no address of a model on a server", str(error), f"{FIX}."
            ) from error
        if parts.username or parts.password or parts.query:
            raise ConfigError(
                f"The server address of {model!r} holds more than an address",
                "it would be written into manifests",
                f"{FIX}, and put a key into ${KEY_VARIABLE}.",
            )
        if parts.scheme not in ("http", "https") or not parts.hostname or not model:
            raise ConfigError(
                f"{text!r} is no address of a model on a server",
                fix=f"{FIX} (the server lists its models under /v1/models).",
            )
        return cls(url.rstrip("/"), model)


def key() -> str:
    """The key for servers that want one; it is read from the environment alone."""
    return os.environ.get(KEY_VARIABLE, "")
