"""A key of the role bot reads the trades that its owner's keys recorded, and the answers that they received."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from config.access.keys import revoke_key
from overrides.serving.engine import ENGINE_ROOM
from telemetry.models import Decision, Trade
from tests.api_clients import RecordingQueue, bearer, client_of, new_key
from tests.builders import KEY, trade_payload
from tests.people import make_person

if TYPE_CHECKING:
    from django.contrib.auth.models import User

pytestmark = pytest.mark.django_db

TRADES, DECISIONS = "/api/v1/trades/", "/api/v1/decisions/"
RESOLVE = "/api/v1/levers/resolve/?durable=true"
QUESTION = {"module": "pm", "pattern_key": KEY, "action_category": "entry", "scope": {"bucket": "micro"}}


@pytest.fixture
def owner() -> User:
    return make_person("owner")


@pytest.fixture
def other() -> User:
    return make_person("other")


@pytest.fixture(autouse=True)
def engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the engines, and write decisions in the transaction of the test."""
    monkeypatch.setattr("overrides.serving.decisions.decision_queue.QUEUE", RecordingQueue())
    ENGINE_ROOM.refresh()


def names(api: Any) -> list[str]:
    return [each["external_id"] for each in api.get(TRADES).json()["results"]]


def ids(api: Any) -> list[str]:
    return [each["decision_id"] for each in api.get(DECISIONS).json()["results"]]


class TestTrades:
    def test_of_the_bot_alone_are_listed(self, owner: User, other: User) -> None:
        bot = client_of("bot", owner)
        bot.post(TRADES, trade_payload("mine"), format="json")
        client_of("record", other).post(TRADES, trade_payload("theirs"), format="json")

        assert names(bot) == ["mine"]
        assert set(names(client_of("read", owner))) == {"mine", "theirs"}

    def test_of_others_are_not_there_for_it(self, owner: User, other: User) -> None:
        client_of("record", other).post(TRADES, trade_payload("theirs"), format="json")
        bot = client_of("bot", owner)
        bot.post(TRADES, trade_payload("mine"), format="json")

        assert bot.get(f"{TRADES}mine/").json()["external_id"] == "mine"
        assert bot.get(f"{TRADES}theirs/").status_code == 404

    def test_stay_its_own_when_its_key_is_replaced(self, owner: User) -> None:
        old = new_key("record", owner)
        bearer(old).post(TRADES, trade_payload("mine"), format="json")
        revoke_key(prefix=old.split("_")[1], by=None, at=datetime.now(UTC))

        assert names(client_of("bot", owner)) == ["mine"]

    def test_that_no_key_recorded_are_nobodys_own(self, owner: User) -> None:
        client_of("record", owner).post(TRADES, trade_payload("mine"), format="json")
        Trade.objects.update(recorded_by="")

        assert names(client_of("bot", owner)) == []


class TestDecisions:
    def test_of_the_bot_alone_are_listed(self, owner: User, other: User) -> None:
        bot = client_of("bot", owner)
        mine = bot.post(RESOLVE, QUESTION, format="json").json()["decision_id"]
        theirs = client_of("evaluate", other).post(RESOLVE, QUESTION, format="json").json()["decision_id"]

        assert ids(bot) == [mine]
        assert set(ids(client_of("read", owner))) == {mine, theirs}

    def test_of_others_are_not_there_for_it(self, owner: User, other: User) -> None:
        theirs = client_of("evaluate", other).post(RESOLVE, QUESTION, format="json").json()["decision_id"]
        bot = client_of("bot", owner)
        mine = bot.post(RESOLVE, QUESTION, format="json").json()["decision_id"]

        assert bot.get(f"{DECISIONS}{mine}/").json()["decision_id"] == mine
        assert bot.get(f"{DECISIONS}{theirs}/").status_code == 404
        assert Decision.objects.count() == 2
