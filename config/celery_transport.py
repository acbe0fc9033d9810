"""kombu's Redis transport, changed so that a worker survives a restart of the queue's server.

A task that ends after the server died is acknowledged or returned on a channel that is already closed. kombu then
raises an AttributeError, which ends the worker; a ConnectionError, the correct error, does not. The message is not
lost: if the server kept it, it is delivered again after the visibility timeout.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ConnectionError


class Channel(redis.Channel):
    """A channel that raises ConnectionError once its connection is gone."""

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.connection is None or self.connection.client is None:
            raise ConnectionError("the channel is closed: its connection to the queue was lost")
        parameters: dict[str, Any] = super()._connparams(asynchronous=asynchronous)  # type: ignore[misc]  # no stub
        return parameters


class Transport(redis.Transport):
    """The transport that uses this channel."""

    Channel = Channel


def install() -> None:
    """Use this transport for all later connections to `redis://`."""
    TRANSPORT_ALIASES["redis"] = TRANSPORT_ALIASES["rediss"] = f"{__name__}:{Transport.__name__}"
