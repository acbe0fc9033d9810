"""A served installation with a bot's key, and the wheel of the client, for the examples of `docs/examples`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from devkit import wheel
from pytest_django.live_server_helper import LiveServer

from telemetry.foundation.core.canonical_json import utc_text
from tests.api_clients import new_key
from tests.builders import make_spec, publish, set_mode

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
PLAIN = "plain.long.dip"


@dataclass(frozen=True)
class Served:
    """The address of a server where a size of 1.1 is in force for the plain bot, the key of a bot, and the wheel."""

    url: str
    key: str
    wheel: Path

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run an example with the client's wheel on its path, and none of this repository's modules."""
        told = {"COUNTERWEIGHT_URL": self.url, "COUNTERWEIGHT_KEY": self.key, "PYTHONPATH": str(self.wheel)}
        env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")} | told
        return subprocess.run(
            command, env=env, cwd=self.wheel.parent, capture_output=True, text=True, timeout=120, check=False
        )


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel.build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def served(transactional_db: None, live_server: LiveServer, built: Path) -> Iterator[Served]:
    from overrides.serving.decisions.decision_queue import QUEUE
    from overrides.serving.engine import ENGINE_ROOM

    fresh = {"updated_at": utc_text(datetime.now(UTC))}  # the examples ask as of now
    publish(make_spec(pattern_key=PLAIN, scope={"bucket": "big"}, stats=fresh))
    set_mode("on")
    ENGINE_ROOM.refresh()
    yield Served(live_server.url, new_key("record"), built)
    QUEUE.close()  # its thread would go on without a database
