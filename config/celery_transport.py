"""kombu's Redis transport, for a worker that outlives the queue's server.

A task that ends after the server died is acknowledged, or handed back, on a channel that is closed already. kombu then
fails with an AttributeError, which Celery takes for the end of the worker; a lost connection, which this is, it
survives. The message is not lost either: the server, if it kept it, delivers it again after the visibility timeout.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ConnectionError


class Channel(redis.Channel):
    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.connection is None or self.connection.client is None:
            raise ConnectionError("the channel is closed: its connection to the queue was lost")
        parameters: dict[str, Any] = super()._connparams(asynchronous=asynchronous)  # type: ignore[misc]  # no stub
        return parameters


class Transport(redis.Transport):
    Channel = Channel


def install() -> None:
    """For every connection to `redis://` from here on."""
    TRANSPORT_ALIASES["redis"] = TRANSPORT_ALIASES["rediss"] = f"{__name__}:{Transport.__name__}"
