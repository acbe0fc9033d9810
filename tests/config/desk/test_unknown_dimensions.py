"""The dimensions that bots send and no module knows, on one page, as CSV and by the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from overrides.models import ChangeRequest
from overrides.versions.unknown_dimensions import sent_and_unknown
from telemetry.core.trades import parse_trade
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.recording.record_trades import record_trades
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.api_clients import client_of
from tests.builders import action_payload, trade_payload
from tests.conftest import make_user

pytestmark = pytest.mark.django_db

PAGE = "/admin/coverage/unknown/"


@pytest.fixture
def proposer(db: None) -> User:
    return make_user("proposer", "overrides.add_changerequest", "overrides.propose_parameters")


def record(*scopes: dict[str, object], days_ago: int = 1) -> None:
    now = datetime.now(UTC)
    closed = now - timedelta(days=days_ago)
    opened = utc_text(closed - timedelta(hours=1))
    for number, scope in enumerate(scopes):
        actions = [action_payload(scope=scope, at=opened)]
        payload = trade_payload(f"{days_ago} {number}", opened_at=opened, closed_at=utc_text(closed), actions=actions)
        record_trades([parse_trade(payload, now=now)], now=now)


class TestUnknownDimensions:
    def test_count_shares_and_values_of_what_no_parameters_name(self) -> None:
        record({"volume_z": 1.5, "bucket": "micro"}, {"volume_z": 1.5}, {"volume_z": 2}, {"session": "asia"})

        first, second = sent_and_unknown(datetime.now(UTC))

        assert (first.dimension, first.actions, first.n_actions, first.share_of_actions) == ("volume_z", 3, 4, 0.75)
        assert (first.n_values, first.most_frequent) == (2, (("1.5", 2), ("2", 1)))
        assert (second.dimension, second.decisions, second.n_decisions) == ("session", 0, 0)

    def test_leave_out_known_ones_and_the_label_of_a_universe(self) -> None:
        record({"bucket": "micro", "A_mode": "x", "universe": "majors@000000000000"})

        assert sent_and_unknown(datetime.now(UTC)) == []

    def test_are_those_of_the_last_90_days(self) -> None:
        record({"session": "asia"}, days_ago=91)
        record({"session": "europe"}, {}, days_ago=2)

        [found] = sent_and_unknown(datetime.now(UTC))

        assert (found.actions, found.n_actions, found.most_frequent) == (1, 2, (("europe", 1),))


class TestPage:
    def test_shows_them_with_few_queries_and_a_way_to_add_them(
        self, proposer: User, django_assert_max_num_queries: Any
    ) -> None:
        record({"session": "asia"}, {"session": "europe"})
        browser = browser_of(proposer)

        with django_assert_max_num_queries(MOST_QUERIES):
            text = page(browser, PAGE)

        assert "<code>session</code>" in text
        assert "/admin/overrides/parameterset/pm/propose/?add=session" in text

    def test_offers_no_way_to_those_who_may_not_request_parameters(self, author: User) -> None:
        record({"session": "asia"})

        text = page(browser_of(author), PAGE)

        assert "<code>session</code>" in text
        assert "?add=" not in text

    def test_prefills_the_form_that_drafts_the_request(self, proposer: User) -> None:
        text = page(browser_of(proposer), "/admin/overrides/parameterset/pm/propose/?add=session")

        assert "session | category | learned | Say in a sentence what it means." in text
        assert ChangeRequest.objects.count() == 0

    def test_writes_the_same_as_csv(self, proposer: User) -> None:
        record({"session": "asia"})

        answer: Any = browser_of(proposer).get("/admin/coverage/unknown.csv")

        lines = b"".join(answer.streaming_content).decode().splitlines()
        assert lines[0].startswith("module,dimension,actions,n_actions")
        assert lines[1].startswith("pm,session,1,1,0,0,1,asia (1),")

    def test_needs_the_permission(self, author: User) -> None:
        client = Client()
        client.force_login(author)

        assert {client.get(address).status_code for address in (PAGE, "/admin/coverage/unknown.csv")} == {403}


class TestApi:
    def test_lists_the_same(self) -> None:
        record({"session": "asia"})

        answer = client_of("read").get("/api/v1/dimensions/unknown/")

        [row] = answer.json()["results"]
        assert (row["dimension"], row["most_frequent"]) == ("session", [{"value": "asia", "n": 1}])
