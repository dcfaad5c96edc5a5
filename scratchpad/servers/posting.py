"""One request to a server, put again for as long as the server is only busy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import finalize

import httpx2
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_random_exponential

from scratchpad.errors import ServerError
from scratchpad.servers.address import KEY_VARIABLE, Address, key

ATTEMPTS = 6
BACKOFF = wait_random_exponential(multiplier=1, max=30)
LONGEST_PAUSE = 60.0
# A model that is loaded on its first request, or writes a long text, is slow and not down.
TIMEOUT = httpx2.Timeout(600, connect=10)
BUSY = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
REFUSED = frozenset({400, 422})
LONGEST_REASON = 200


class NotNow(Exception):  # noqa: N818 - a reason to ask again
    """The server did not answer this time; it may have said for how many seconds to wait."""

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


class Refused(Exception):  # noqa: N818 - a reason to ask in another form
    """The server does not take the request as it was put."""


class Post:
    """Posts requests to one server, by any number of threads at once."""

    def __init__(self, address: Address) -> None:
        self._url, self._key = address.url, key()
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        self._http = httpx2.Client(base_url=self._url, headers=headers, timeout=TIMEOUT)
        finalize(self, self._http.close)

    def __call__(self, path: str, body: Mapping[str, Any]) -> Any:
        """Post a request and give the reply (JSON).

        Raises
        ------
        Refused
            If the server does not take the request as it is put.
        ServerError
            If it stays down or busy, does not let us in, or is not what it should be.
        """
        asking = Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=_pause,
            retry=retry_if_exception_type(NotNow),
            reraise=True,
        )
        try:
            return asking(self._once, path, body)
        except NotNow as error:
            raise ServerError(
                f"The server {self._url} does not answer, asked {ATTEMPTS} times",
                str(error),
                "Start it or mend its address, and run the same command again: replies are kept.",
            ) from error

    def shown(self, text: str) -> str:
        """What a server said, as a short line; some repeat the key they were sent."""
        safe = text.replace(self._key, "***") if self._key else text
        return " ".join(safe.split())[:LONGEST_REASON]

    def _once(self, path: str, body: Mapping[str, Any]) -> Any:
        try:
            response = self._http.post(path, json=dict(body))
        except httpx2.TransportError as error:
            raise NotNow(f"{type(error).__name__} {error}".strip()) from error
        told = self.shown(f"HTTP {response.status_code} {response.text}")
        if response.status_code in BUSY:
            raise NotNow(told, _seconds(response.headers.get("Retry-After", "")))
        if response.status_code in REFUSED:
            raise Refused(told)
        try:
            return response.raise_for_status().json()
        except (httpx2.HTTPStatusError, ValueError) as error:
            raise ServerError(
                f"The server {self._url} does not serve {path}",
                told,
                f"Mend its address (it usually ends in /v1), the model's name or ${KEY_VARIABLE}.",
            ) from error


def _pause(state: RetryCallState) -> float:
    """Back off, but at least for as long as the server asked for."""
    error = state.outcome.exception() if state.outcome else None
    return max(BACKOFF(state), error.pause if isinstance(error, NotNow) else 0.0)


def _seconds(text: str) -> float:
    return min(float(text), LONGEST_PAUSE) if text.strip().isdigit() else 0.0
