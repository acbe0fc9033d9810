"""The list and the pages of decisions: found by what moved them, split into parts, exported as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.utils.html import strip_tags

from overrides.admin.decisions import decision_search
from overrides.admin.decisions.decision_search import moved_by
from overrides.core.engine.definitions.holdback import is_held_back
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.models import Line
from overrides.monitoring.scoring.contributions import CONTRIBUTION_COLUMNS, contribution_rows
from overrides.serving.clients.local_decisions import EVALUATED_BY
from overrides.serving.engine import load_engine
from overrides.serving.holdback import holdback_secret
from overrides.serving.resolve import resolve_one
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import DecisionRecord, record_decisions
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import Decision
from telemetry.models.decision_constants import keys_of_line
from telemetry.recording.record_trades import record_trades
from tests.admin_pages import page
from tests.builders import NOW, action_payload, make_question, make_spec, make_trade, publish, set_mode
from tests.people import settled
from tests.shared_world import Shared

pytestmark = pytest.mark.django_db

DECISIONS = "/admin/telemetry/decision/"
WIDE = make_spec({"size_mult": 1.2})
NARROW = make_spec({"size_mult": 1.1, "entry_aggression_mult": 1.05}, scope={"macro_phase": "Good"})


@pytest.fixture
def browser(client: Client, admin_user: User) -> Client:
    client.force_login(admin_user)
    return client


def furnish() -> None:
    set_mode("on")
    publish(WIDE, NARROW)


@pytest.fixture(scope="class")
def version(shared: Shared) -> Iterator[None]:
    with shared(furnish):
        yield


def decide(*scopes: dict[str, str], **question: Any) -> list[DecisionRecord]:
    """Store one answer per scope, a minute apart."""
    engine = load_engine("pm")
    records = [
        resolve_one(make_question(scope=scope, at=utc_text(at), **question), engine, now=at).record
        for scope, at in zip(scopes, (NOW + place * timedelta(minutes=1) for place in range(len(scopes))), strict=True)
    ]
    record_decisions(records)
    return records


def close(decision: DecisionRecord, rr: float = 1.5) -> None:
    """Record and attribute a closed trade that names the decision."""
    action = action_payload(at=utc_text(decision.at), decision_ids=[str(decision.decision_id)])
    times = {"opened_at": utc_text(decision.at), "closed_at": utc_text(decision.at)}
    record_trades([make_trade(f"of {decision.decision_id}", rr=rr, actions=[action], **times)], now=NOW)
    attribute_trades(now=NOW)


def found(identity: str) -> set[object]:
    return set(moved_by(Decision.objects.all(), identity).values_list("pk", flat=True))


def ids(records: Sequence[DecisionRecord]) -> set[object]:
    return {record.decision_id for record in records}


BOTH, ONLY_NARROW, NEITHER = {"macro_phase": "Good", "bucket": "micro"}, {"macro_phase": "Good"}, {"bucket": "nano"}


@pytest.mark.usefixtures("version")
class TestMovedBy:
    @pytest.mark.parametrize("seldom", [0, 2_000])
    @pytest.mark.parametrize(("spec", "count"), [(WIDE, 1), (NARROW, 2)])
    def test_finds_by_line_and_by_override_whether_many_or_few(
        self, monkeypatch: pytest.MonkeyPatch, seldom: int, spec: OverrideSpec, count: int
    ) -> None:
        records = decide(BOTH, ONLY_NARROW, NEITHER)
        monkeypatch.setattr(decision_search, "SELDOM", seldom)

        assert found(spec.line) == found(spec.content_id) == ids(records[:count])

    def test_finds_an_override_s_own_decisions_and_its_line_s_before_it(self) -> None:
        before = decide(ONLY_NARROW)
        revised = make_spec({"size_mult": 1.15}, scope={"macro_phase": "Good"})
        publish(revised)
        after = decide(ONLY_NARROW)

        assert found(revised.content_id) == ids(after)
        assert found(revised.line) == ids(before) | ids(after)

    def test_finds_nothing_by_an_id_that_nobody_has(self) -> None:
        decide(BOTH)

        assert found("0" * 64) == set()

    def test_uses_the_index_on_lines(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("EXPLAIN " + decision_search.FOUND, [keys_of_line(WIDE.line), WIDE.line, 5])
            plan = "\n".join(line for (line,) in cursor.fetchall())

        assert "Bitmap Index Scan" in plan
        assert "Seq Scan" not in plan


@pytest.mark.usefixtures("version")
class TestList:
    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("", 3),
            ("moved=yes", 2),
            ("reason=NO_MATCH", 1),
            ("mode=on", 3),
            ("mode=shadow", 0),
            ("module=pm&action_category=entry", 3),
            ("module=dm", 0),
            ("version=1", 3),
            ("version=2", 0),
            ("pattern=donchian.long.breakout", 3),
            ("pattern=ema.long.cross", 0),
            ("q=donchian", 3),
            ("q=breakout", 3),
            ("q=LONG+entry", 3),
            ("q=nowhere", 0),
            ("since=2026-03-02T12:01", 2),
            ("until=2026-03-02T12:01", 1),
            ("since=2026-03-02&until=2026-03-03", 3),
            (f"moved_by={WIDE.content_id}", 1),
            (f"moved_by={NARROW.line}&since=2026-03-02T12:01", 1),
        ],
    )
    def test_is_narrowed_by_each_filter(self, browser: Client, query: str, count: int) -> None:
        decide(BOTH, ONLY_NARROW, NEITHER)

        response = browser.get(f"{DECISIONS}?{query}")

        assert response.status_code == 200
        assert response.context["cl"].result_count == count

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            (
                "since=yesterday",
                "Time asked for, from (UTC): &#x27;yesterday&#x27; is no date or time; give one such as",
            ),
            ("until=1999-01-01", "Time asked for, before (UTC): &#x27;1999-01-01 00:00:00+00:00&#x27; is out of range"),
            ("version=three", "Version: &#x27;three&#x27; is no whole number; give one such as 12"),
            ("version=99999999999", "is no whole number"),
            ("moved_by=abc", "Override or line: &#x27;abc&#x27; does not fit; send the whole id, 64 digits"),
            ("pattern=donchian", "Pattern: &#x27;donchian&#x27; does not fit; send family.state.motif"),
        ],
    )
    def test_names_the_filter_that_it_cannot_read_and_shows_nothing(
        self, browser: Client, query: str, words: str
    ) -> None:
        decide(BOTH)

        response = browser.get(f"{DECISIONS}?{query}")

        assert words in response.content.decode()
        assert response.context["cl"].result_count == 0

    def test_says_who_moved_each_lever_most_and_what_the_trade_made(self, browser: Client) -> None:
        [decision] = decide(BOTH)
        close(decision, rr=1.25)

        text = browser.get(DECISIONS).content.decode()

        assert f'href="/admin/overrides/override/{WIDE.content_id}/change/"' in text  # has the larger part of size
        assert "and 1 more" in text
        assert f'href="/admin/overrides/override/{NARROW.content_id}/change/"' in text  # the only one on aggression
        assert "+1.250" in text


@pytest.mark.usefixtures("version")
class TestPage:
    def test_shows_parts_that_add_up_and_what_each_earned(self, browser: Client) -> None:
        [decision] = decide(BOTH)
        close(decision)

        response = browser.get(f"{DECISIONS}{decision.decision_id}/change/")

        panels = {panel.movement.lever: panel for panel in response.context["panels"]}
        assert panels.keys() == {"size_mult", "entry_aggression_mult"}
        size = panels["size_mult"]
        assert size.rows[-1].running == pytest.approx(size.sum_of_parts, abs=1e-12)
        cuts = size.movement.step_cut + size.movement.bounds_cut
        assert size.sum_of_parts + cuts == pytest.approx(size.movement.total, abs=1e-12)
        earned = sum(row.share for row in size.rows) + sum(share for _, share in size.others)
        assert earned == pytest.approx((size.served - 1) * 1.5, abs=1e-9)
        assert response.content.decode().count('class="cw-part"') == 3

    def test_says_who_was_left_out(self, browser: Client) -> None:
        publish(make_spec(scope={"bucket": "micro"}, stats={"updated_at": "2020-01-01T00:00:00Z"}))
        [decision] = decide(BOTH)

        text = browser.get(f"{DECISIONS}{decision.decision_id}/change/").content.decode()

        assert "left out:" in text
        assert "BELOW FLOOR" in text

    def test_sets_the_challenger_beside_what_was_served(self, browser: Client) -> None:
        publish(make_spec({"size_mult": 1.01}), withdraw=[NARROW.line])
        set_mode("on", challenger=1)
        [decision] = decide(BOTH)

        [panel] = browser.get(f"{DECISIONS}{decision.decision_id}/change/").context["panels"]

        assert (panel.served, panel.challenger) == (1.01, 1.02)

    def test_says_nothing_of_a_value_that_was_served_but_for_its_rounding(self, browser: Client) -> None:
        publish(make_spec({"size_mult": 1.0 + 1 / 81}), withdraw=[NARROW.line])
        [decision] = decide(BOTH)

        response = browser.get(f"{DECISIONS}{decision.decision_id}/change/")

        [panel] = response.context["panels"]
        assert panel.served != panel.movement.value
        assert "computed" not in response.content.decode()

    def test_says_that_shadow_served_neutral(self, browser: Client) -> None:
        set_mode("shadow")
        [decision] = decide(BOTH)

        text = browser.get(f"{DECISIONS}{decision.decision_id}/change/").content.decode()

        assert "neutral was served; computed" in text

    def test_says_what_a_position_held_back_would_have_received(self, browser: Client) -> None:
        set_mode("on", holdback_percent=20)
        keys = (f"BTC/USDT {number}" for number in range(200))
        key = next(key for key in keys if is_held_back(holdback_secret(), key, 20))
        [decision] = decide(BOTH, position_key=key)

        text = browser.get(f"{DECISIONS}{decision.decision_id}/change/").content.decode()

        assert "neutral was served; computed" in text
        assert "neutral levers were served; what the position would have received is below" in text
        assert f"{key} <span" in text
        assert "draws below 20 are held back" in text


@pytest.mark.usefixtures("version")
class TestWhoAsked:
    @pytest.fixture
    def decision(self) -> DecisionRecord:
        """An answer of this server, and the one returned, which a local client reported with a key."""
        [own] = decide(ONLY_NARROW)
        engine, at = load_engine("pm"), NOW + timedelta(hours=1)
        made = resolve_one(make_question(scope=BOTH, at=utc_text(at)), engine, now=at).record
        reported = replace(made, key="12ab34cd", request={**made.request, EVALUATED_BY: "bot-7"})
        record_decisions([reported])
        assert own.key is None
        return reported

    def test_stands_on_the_page_and_in_the_list(self, browser: Client, decision: DecisionRecord) -> None:
        text = " ".join(strip_tags(page(browser, f"{DECISIONS}{decision.decision_id}/change/")).split())

        assert "local client bot-7 and computed again here" in text
        assert "Reported withkey cw_12ab34cd…" in text
        assert page(browser, DECISIONS).count("by local client bot-7") == 1

    @pytest.mark.parametrize("typed", ["cw_12ab34cd", "12ab34cd", "cw_12ab34cd%E2%80%A6"])
    def test_narrows_the_list(self, browser: Client, decision: DecisionRecord, typed: str) -> None:
        response = browser.get(f"{DECISIONS}?key={typed}")

        assert [row.pk for row in response.context["cl"].result_list] == [decision.decision_id]

    def test_is_no_whole_key(self, browser: Client, decision: DecisionRecord) -> None:
        response = browser.get(f"{DECISIONS}?key=cw_12ab34cd_secret")

        assert "the beginning of a key is cw_ and 8 digits" in response.content.decode()
        assert response.context["cl"].result_count == 0


@pytest.mark.usefixtures("version")
class TestExport:
    def test_gives_a_row_per_contribution_and_lever_of_the_decisions_listed(self, browser: Client) -> None:
        closed, *_ = decide(BOTH, ONLY_NARROW, NEITHER)
        close(closed)

        response = browser.get(f"{DECISIONS}contributions.csv?until=2026-03-02T12:01")

        assert response["Content-Type"] == "text/csv; charset=utf-8"
        assert "attachment" in response["Content-Disposition"]
        rows = list(csv.DictReader(response.getvalue().decode().splitlines()))
        assert list(rows[0]) == list(CONTRIBUTION_COLUMNS)
        assert {(row["override"], row["lever"]) for row in rows} == {
            (WIDE.content_id, "size_mult"),
            (NARROW.content_id, "size_mult"),
            (NARROW.content_id, "entry_aggression_mult"),
        }
        size = [row for row in rows if row["lever"] == "size_mult"]
        assert {row["decision_id"] for row in rows} == {str(closed.decision_id)}
        assert {float(row["rr"]) for row in rows} == {1.5}
        assert sum(float(row["share"]) for row in size) == pytest.approx(0.02 * 1.5)

    def test_reads_the_requested_newest_ones_in_chunks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        records = decide(*[ONLY_NARROW] * 7)
        monkeypatch.setattr("overrides.monitoring.scoring.contributions.CHUNK", 2)

        rows = list(contribution_rows(Decision.objects.all(), most=5))

        newest = [str(record.decision_id) for record in reversed(records)][:5]
        assert list(dict.fromkeys(row["decision_id"] for row in rows)) == newest

    def test_needs_the_permission_to_look(self, reviewer: User) -> None:
        client = Client()
        client.force_login(reviewer)

        assert client.get(f"{DECISIONS}contributions.csv").status_code == 403

        with settled():
            reviewer.user_permissions.add(Permission.objects.get(codename="view_decision"))
        assert client.get(f"{DECISIONS}contributions.csv").status_code == 200

    def test_refuses_as_the_list_does_what_it_cannot_read(self, browser: Client) -> None:
        decide(BOTH)

        response = browser.get(f"{DECISIONS}contributions.csv?version=three")

        assert response.getvalue().decode().count("\n") == 1  # only the header


@pytest.mark.usefixtures("version")
def test_the_override_s_page_leads_to_all_it_moved(browser: Client) -> None:
    decide(*[BOTH] * 3)

    text = browser.get(f"/admin/overrides/override/{WIDE.content_id}/change/").content.decode()

    assert f"{DECISIONS}?moved_by={WIDE.content_id}" in text
    assert f"{DECISIONS}?moved_by={Line.objects.get(pk=WIDE.line).pk}" in text
