"""The page of a trade: when outcomes were known, which decisions it names, and why it does not count."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.html import strip_tags
from pytest_django import DjangoAssertNumQueries

from telemetry.admin.trade_legs import NO_DECISION, SHARED
from telemetry.core.decision_fit import REASONS, Misfit
from telemetry.core.trades import Trade
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.attributed_trades import NEUTRAL
from telemetry.decisions.decision_log import record_decisions
from telemetry.foundation.admin.formatting import MISSING
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.recording.record_trades import record_trades, trade_id
from tests.admin_pages import page
from tests.builders import DAY, NOW, SCOPE, action_payload, decision_ids, make_decision, make_trade

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


class TestRecorder:
    def test_is_the_key_that_recorded_it_by_which_the_list_is_narrowed(self, browser: Client) -> None:
        trade = make_trade("by key")
        record_trades([trade], now=NOW, key="12ab34cd")
        record_trades([make_trade("by import")], now=NOW)

        shown = strip_tags(page(browser, f"/admin/telemetry/trade/{trade_id(trade.external_id, 1)}/change/"))
        listed = page(browser, "/admin/telemetry/trade/?key=cw_12ab34cd")

        assert "key cw_12ab34cd…" in shown
        assert "by key" in listed
        assert "by import" not in listed


class TestDecisions:
    @pytest.fixture
    def shown(self, browser: Client) -> str:
        """The page of a trade that names a decision made for its entry, and that decision for its exit, too."""
        lever = {"m0": 1.0, "m": 1.02, "parts": {"o" * 64: 0.0198}}
        decision = make_decision({"size_mult": lever}, levers={"size_mult": {"served": 1.02}})
        wrong = make_decision(pattern_key="rsi.long.dip")
        record_decisions([decision, wrong])
        sent = SCOPE | {"bucket": "large", "hour": "9"}
        entry = action_payload(scope=sent, decision_ids=decision_ids(decision), applied={"size_mult": 1.0})
        leave = action_payload(action_category="exit", rr_after=0.1, decision_ids=decision_ids(wrong))
        record_trades([make_trade(actions=[entry, leave]), make_trade("t2")], now=NOW)
        attribute_trades(now=NOW)
        text = strip_tags(page(browser, f"/admin/telemetry/trade/{trade_id('t1', 1)}/change/"))
        return re.sub(r"\s+", " ", text)

    def test_are_shown_with_what_was_applied_instead(self, shown: str) -> None:
        assert "size_mult: served 1.0200, applied 1.0000" in shown
        assert "applied: size_mult 1.0000" in shown

    def test_are_shown_with_the_scope_that_was_asked(self, shown: str) -> None:
        assert "bucket: asked as micro, sent with the trade as large; learned from as asked" in shown
        assert "hour: not asked, sent with the trade as 9; not learned from" in shown

    def test_are_shown_with_what_their_levers_scale(self, browser: Client) -> None:
        """An entry, an add of half the position, a trim, and an exit that names no decision; the add came too late."""
        entry, add = make_decision(), make_decision(action_category="add")
        trim = make_decision({}, action_category="trim")
        record_decisions([entry, trim])
        legs = [
            action_payload(decision_ids=decision_ids(entry)),
            action_payload(action_category="add", fraction=0.5, leg_rr=3.0, decision_ids=decision_ids(add)),
            action_payload(action_category="trim", decision_ids=decision_ids(trim)),
            action_payload(action_category="exit"),
        ]
        record_trades([make_trade("legs", actions=legs)], now=NOW)
        address = f"/admin/telemetry/trade/{trade_id('legs', 1)}/change/"

        waits = strip_tags(page(browser, address))
        attribute_trades(now=NOW + DAY)
        text = re.sub(r"\s+", " ", strip_tags(page(browser, address)).replace("\xa0", " "))

        assert waits.count("It has not been attributed yet.") == 3
        assert "the whole trade" in text
        assert "its leg: 0.50 of the position, which made +3.000 R" in text
        assert text.count("nothing, because it sells") == 2
        for reason in (SHARED, NO_DECISION, "No such decision was recorded.", f"{NEUTRAL[0].upper()}{NEUTRAL[1:]}."):
            assert reason in text, reason

    def test_are_listed_though_they_do_not_fit(self, shown: str) -> None:
        assert f"named wrongly {REASONS[Misfit.PATTERN][0].upper()}{REASONS[Misfit.PATTERN][1:]}." in shown

    def test_that_are_named_wrongly_are_a_list_of_their_own(self, browser: Client, shown: str) -> None:
        listed = page(browser, "/admin/telemetry/trade/?decisions=wrong")

        assert ("t1" in strip_tags(listed), ">t2<" in listed) == (True, False)
        assert ">t2<" in page(browser, "/admin/telemetry/trade/")


class TestUnattributed:
    def test_says_why_nothing_was_attributed(self, browser: Client) -> None:
        decision = make_decision()
        named = [action_payload(decision_ids=decision_ids(decision))]
        record_trades(
            [
                make_trade("bare"),
                make_trade("waits", actions=named),
                make_trade("unmeasured", actions=named, rr=None, excluded_reason="no unit of risk: no stop"),
            ],
            now=NOW,
        )

        sentences = {
            "bare": "Nothing is attributed: the trade names no decision.",
            "waits": "Nothing has been attributed yet: it names 1 decision, and is attributed within minutes",
            "unmeasured": "Nothing is attributed: it names 1 decision, but has no outcome in R.",
        }
        for external_id, sentence in sentences.items():
            assert sentence in page(browser, f"/admin/telemetry/trade/{trade_id(external_id, 1)}/change/")

    def test_counts_actions_from_one_on_both_pages(self, browser: Client) -> None:
        decision = make_decision()
        record_decisions([decision])
        actions = [action_payload(), action_payload(action_category="add", decision_ids=decision_ids(decision))]
        record_trades([make_trade(actions=actions)], now=NOW)
        attribute_trades(now=NOW)

        for address in (f"trade/{trade_id('t1', 1)}", f"decision/{decision.decision_id}"):
            assert "<td>2</td>" in page(browser, f"/admin/telemetry/{address}/change/")


class TestState:
    def test_says_that_a_trade_has_no_unit_of_risk(self, browser: Client) -> None:
        record_trades([make_trade(rr=None, excluded_reason="no unit of risk: no stop")], now=NOW)

        for where in ("", f"{trade_id('t1', 1)}/change/"):
            assert "no unit of risk" in page(browser, f"/admin/telemetry/trade/{where}")

    def test_names_the_trade_of_the_better_book(self, browser: Client) -> None:
        twice = [make_trade(book, book=book, entry_id="BTC:long:10h") for book in ("backtest", "live")]
        record_trades(twice, now=NOW)

        assert "counted in a better book" in page(browser, "/admin/telemetry/trade/")
        counted = f'<a href="/admin/telemetry/trade/{trade_id("live", 1)}/change/">the same position in book live</a>'
        assert counted in page(browser, f"/admin/telemetry/trade/{trade_id('backtest', 1)}/change/")
        assert "live" in page(browser, f"/admin/telemetry/trade/{trade_id('backtest', 1)}/change/")
