"""The page of a trade: when the outcome of each action was known."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.html import strip_tags
from pytest_django import DjangoAssertNumQueries

from telemetry.core.trades import Trade
from telemetry.foundation.admin.formatting import MISSING
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.recording.record_trades import record_trades, trade_id
from tests.admin_pages import page
from tests.builders import DAY, NOW, action_payload, make_trade

pytestmark = pytest.mark.django_db
KNOWN = re.compile(r'<td class="field-known">(.*?)</td>', re.DOTALL)


@pytest.fixture
def browser(client: Client, admin_user: User) -> Client:
    client.force_login(admin_user)
    return client


def known_of(browser: Client, trade: Trade) -> list[str]:
    record_trades([trade], now=NOW)
    content = page(browser, f"/admin/telemetry/trade/{trade_id(trade.external_id, 1)}/change/")
    return [strip_tags(cell).strip() for cell in KNOWN.findall(content)]


class TestKnown:
    def test_is_the_close_or_what_the_action_says(self, browser: Client) -> None:
        """Closed on March 1 at noon; the exit was judged twelve hours later, and nobody judged the trim."""
        sales = [
            action_payload(action_category="trim"),
            action_payload(action_category="exit", rr_after=0.5, known_at=utc_text(NOW - DAY / 2)),
        ]

        shown = known_of(browser, make_trade(actions=[action_payload(), *sales]))

        assert shown == ["2026-03-01 12:00 UTC", strip_tags(MISSING), "2026-03-02 00:00 UTC"]

    def test_replays_stand_beside_the_arm_that_was_taken(self, browser: Client) -> None:
        replays = {"entry_delay_bars": {"10": -0.25, "2": 0.75, "0": 0.5}}
        trade = make_trade(actions=[action_payload(replays=replays, taken_arms={"entry_delay_bars": "0"})])
        record_trades([trade], now=NOW)

        shown = page(browser, f"/admin/telemetry/trade/{trade_id(trade.external_id, 1)}/change/")

        text = " ".join(strip_tags(shown).split())
        minus = "\N{MINUS SIGN}"
        assert f"entry delay bars 0 (taken) +0.500 R 2 +0.750 R 10 {minus}0.250 R" in text.replace("\xa0", " ")

    def test_takes_no_query_per_action(
        self, browser: Client, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        trade = make_trade(actions=[action_payload(), *(action_payload(action_category="add") for _ in range(9))])
        record_trades([trade], now=NOW)

        with django_assert_max_num_queries(12):
            shown = page(browser, f"/admin/telemetry/trade/{trade_id(trade.external_id, 1)}/change/")

        assert len(KNOWN.findall(shown)) == 10
        assert "Nothing that was learned before then rests on it." in shown
