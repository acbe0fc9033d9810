"""One installation for all outages; each test finds it intact and may leave it broken for the next to repair."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from devkit import services

from tests.builders import wait_until
from tests.outages.callers import Bot, Reviewer
from tests.outages.deployment import PROCESSES, SERVERS, Deployment

# A burst is one run: a pending message of an earlier test would otherwise stand for the next one too.
TO_COME = "SELECT task FROM telemetry_outboxmessage WHERE sent_at IS NULL OR due_at > now()"


@dataclass(frozen=True)
class Installation:
    """The deployment, and what is known about it from outside."""

    deployment: Deployment
    record_key: str
    read_key: str
    password: str
    waiting_request: int


@pytest.fixture(scope="package")  # its processes work as long as they stand: they end with the last outage
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    if sys.platform != "linux":
        pytest.skip("processes are told apart by /proc, which Linux alone has")
    with services.throw_away_home() as home:
        deployment = Deployment(home, tmp_path_factory.mktemp("logs"))
        try:
            deployment.start(*SERVERS)
            deployment.migrate()
            secrets = deployment.run("tests.outages.furnish")
            deployment.start(*PROCESSES)
            yield Installation(deployment, secrets["record"], secrets["read"], secrets["password"], secrets["request"])
        finally:
            deployment.close()


@pytest.fixture
def deployment(installation: Installation) -> Deployment:
    """All servers up, and the web processes serving the same version."""
    deployment = installation.deployment
    down = [name for name in (*SERVERS, *PROCESSES) if deployment.children[name].poll() is not None]
    deployment.start(*down)
    asking = Bot(deployment.address, installation.record_key)
    wait_until(lambda: _is_whole(deployment, asking), "the installation to be whole", seconds=90)
    wait_until(lambda: deployment.query(TO_COME) == [], "earlier work to be done", seconds=90)
    return deployment


@pytest.fixture
def bot(installation: Installation, deployment: Deployment) -> Bot:
    return Bot(deployment.address, installation.record_key)


@pytest.fixture
def reader(installation: Installation, deployment: Deployment) -> Bot:
    return Bot(deployment.address, installation.read_key)


@pytest.fixture
def reviewer(installation: Installation, deployment: Deployment) -> Reviewer:
    browser = Reviewer(deployment.address)
    browser.log_in("reviewer", installation.password)
    return browser


def _is_whole(deployment: Deployment, asking: Bot) -> bool:
    try:
        report = asking.call("GET", "/readyz").body
        return report["status"] != "down" and report["queue"] == "ok" and "STALE" not in str(asking.ask())
    except (OSError, AssertionError):
        return False
