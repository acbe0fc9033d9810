from __future__ import annotations

import pytest
from devkit import services


class TestExports:
    @pytest.mark.parametrize("name", ["SECRET_KEY", "STATIC_ROOT", "CELERY_BEAT_SCHEDULE_FILENAME"])
    def test_leave_what_a_deployment_sets(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(name, "of the deployment")

        assert services._exports({}, {}, secret_key="ours")[name] == "of the deployment"

    def test_name_the_servers_that_are_ours_alone(self) -> None:
        passwords = dict.fromkeys(("counterweight_app", "valkey"), "secret")

        found = services._exports({"valkey": 6379}, passwords, secret_key="ours")

        assert found["REDIS_URL"] == "redis://:secret@127.0.0.1:6379/0"
        assert "DATABASE_URL" not in found
