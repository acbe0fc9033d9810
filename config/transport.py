"""kombu's Redis transport, for a worker that outlives the queue's server.

A worker that holds unacknowledged messages when the server dies tries to hand them back to it, fails, and takes that
for the end: the process exits. Here it forgets them instead. They are not lost: the server, if it kept them, delivers
them again after the visibility timeout.
"""

from __future__ import annotations

import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis

logger = logging.getLogger(__name__)


class QoS(redis.QoS):
    def restore_unacked(self, client: Any = None) -> None:
        try:
            super().restore_unacked(client)
        except Exception as error:  # whatever a connection makes of it that is being torn down
            logger.warning("unacknowledged messages are left to the visibility timeout: %s", error)
            (self._delivered or {}).clear()


class Channel(redis.Channel):
    QoS = QoS


class Transport(redis.Transport):
    Channel = Channel


def install() -> None:
    """For every connection to `redis://` from here on."""
    TRANSPORT_ALIASES["redis"] = TRANSPORT_ALIASES["rediss"] = f"{__name__}:{Transport.__name__}"
