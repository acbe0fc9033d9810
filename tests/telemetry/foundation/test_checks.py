"""System checks: what a misconfigured deployment is refused for, and the way out."""

from __future__ import annotations

from typing import Any

import pytest

from telemetry.foundation.checks import check_queue

OPEN = ["redis://10.0.0.5:6379/0", "redis://queue.example/0", "rediss://queue:6379", "redis://[2001:db8::5]:6379/1"]
CLOSED = [
    "redis://:secret@queue.example:6379/0",
    "redis://user:secret@10.0.0.5/0",
    "redis://10.0.0.5/0?password=secret",
    "redis://127.0.0.1:6379/0",
    "redis://localhost/0",
    "redis://[::1]:6379/0",
    "redis+socket:///run/redis/redis.sock",
    "unix:///run/redis/redis.sock",
]


class TestQueue:
    @pytest.mark.parametrize("url", OPEN)
    def test_without_a_password_on_another_machine_is_refused_with_the_way_out(self, url: str, settings: Any) -> None:
        settings.REDIS_URL = settings.CELERY_BROKER_URL = url

        (error,) = check_queue(None)

        assert error.is_serious()
        assert error.id == "telemetry.E002"
        assert error.msg.startswith("REDIS_URL: the queue on ")
        assert "requirepass" in str(error.hint)

    @pytest.mark.parametrize("url", CLOSED)
    def test_with_a_password_or_on_this_machine_alone_is_accepted(self, url: str, settings: Any) -> None:
        settings.REDIS_URL = settings.CELERY_BROKER_URL = url

        assert check_queue(None) == []

    def test_of_celery_is_named_where_it_is_another_than_the_counters(self, settings: Any) -> None:
        settings.REDIS_URL, settings.CELERY_BROKER_URL = CLOSED[0], OPEN[0]

        (error,) = check_queue(None)

        assert error.msg.startswith("CELERY_BROKER_URL: the queue on 10.0.0.5 ")

    def test_tells_no_password_of_another_address(self, settings: Any) -> None:
        settings.REDIS_URL, settings.CELERY_BROKER_URL = CLOSED[0], OPEN[0]

        assert "secret" not in repr(check_queue(None))
