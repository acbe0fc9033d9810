from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from config.access.models import ApiKey
from overrides.client.decision_ids import decision_id
from overrides.client.local_engine import Decided, compute, read_engine
from overrides.client.questions import read_question
from overrides.core.engine.definitions.formats import FORMATS
from overrides.core.engine.definitions.holdback import is_held_back
from overrides.monitoring.replaying.replay import replay_one
from overrides.serving.clients.local_decisions import _Past
from overrides.serving.clients.snapshot import SNAPSHOTS
from overrides.serving.engine import ENGINE_ROOM
from overrides.serving.engine_cache import past_engines
from overrides.serving.holdback import holdback_secret
from telemetry.core.trades import parse_trade
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import Decision
from telemetry.recording.record_trades import record_trades
from tests.api_clients import client_of
from tests.builders import KEY, NOW, SCOPE, action_payload, make_spec, publish, set_mode, trade_payload
from tests.shared_world import Shared

pytestmark = pytest.mark.django_db

URL = "/api/v1/decisions/"
ASKED = {"module": "pm", "pattern_key": KEY, "action_category": "entry", "scope": SCOPE, "at": utc_text(NOW)}


@pytest.fixture
def api() -> Iterator[APIClient]:
    yield client_of("evaluate")
    ENGINE_ROOM.close()


def furnish() -> None:
    publish(make_spec(), make_spec({"size_mult": 1.05}, scope={"bucket": "micro"}))
    set_mode("on")


@pytest.fixture(scope="module", autouse=True)
def world(shared: Shared) -> Iterator[None]:
    with shared(furnish):
        yield


def decided(asked: dict[str, Any] = ASKED, *, stale_seconds: float = 0.0, **over: Any) -> dict[str, Any]:
    """Return a decision as a client makes it now from the newest snapshot."""
    ENGINE_ROOM.refresh()
    state = ENGINE_ROOM.state("pm")
    assert state is not None
    snapshot = SNAPSHOTS.of(*state)
    engine = read_engine(snapshot.header + snapshot.body.content, "pm")
    now = datetime.now(UTC)
    question = read_question(asked, now)
    found = compute(engine, question, stale_seconds, 300.0)
    made = Decided(
        decision_id(now), question, engine.version, engine.mode_revision, now, found.levers, found.reason.value,
        stale_seconds, 40.0,
    )  # fmt: skip
    return made.document() | over


def ago(sent: dict[str, Any], **units: float) -> dict[str, Any]:
    """Return a decision with the time so long ago, and an id that says so too."""
    at = datetime.now(UTC) - timedelta(**units)
    return sent | {"evaluated_at": at.isoformat(), "decision_id": str(decision_id(at))}


def report(api: APIClient, *decisions: Any) -> list[dict[str, Any]]:
    response = api.post(f"{URL}?client=bot", list(decisions), format="json")
    assert response.status_code == 200, response.content
    results: list[dict[str, Any]] = response.json()["results"]
    return results


class TestReport:
    def test_stores_a_decision_as_the_server_computes_it(self, api: APIClient) -> None:
        sent = decided(ASKED | {"current": {"size_mult": 1.03}, "rollout_key": "BTC"})

        (result,) = report(api, sent)

        assert result == {"index": 0, "decision_id": sent["decision_id"], "status": "new", "errors": []}
        row = Decision.objects.get(pk=sent["decision_id"])
        assert (row.version, row.mode, row.reason, row.latency_us) == (1, "on", "COMBINED", 40.0)
        assert row.request["evaluated_by"] == "bot"
        assert row.key == ApiKey.objects.get().prefix
        assert row.request["current"] == {"size_mult": 1.03}
        assert {name: each["served"] for name, each in row.levers.items()} == sent["levers"]

    def test_takes_a_decision_of_the_release_before_without_the_levers_that_came_since(self, api: APIClient) -> None:
        sent = decided()
        told = {name: value for name, value in sent["levers"].items() if name in FORMATS[-2].levers}
        assert told.keys() < sent["levers"].keys()

        (result,) = report(api, sent | {"levers": told})

        assert result["status"] == "new"
        row = Decision.objects.get(pk=sent["decision_id"])
        assert {name: each["served"] for name, each in row.levers.items()} == sent["levers"]

    def test_refuses_one_in_which_such_a_lever_was_moved(self, api: APIClient) -> None:
        publish(make_spec({"max_edx_for_add": 0.75}, type="pm_tuning"))
        sent = decided()
        told = {name: value for name, value in sent["levers"].items() if name != "max_edx_for_add"}
        told.pop("min_dx_for_add")
        assert sent["levers"]["max_edx_for_add"] == 0.75

        (result,) = report(api, sent | {"levers": told})

        assert [each["field"] for each in result["errors"]] == ["[0].levers"]

    def test_refuses_levers_for_a_position_that_is_held_back(self, api: APIClient) -> None:
        """A client that computes by itself while a holdback runs does not escape it."""
        set_mode("on", holdback_percent=20)
        keys = [f"BTC/USDT {day}" for day in range(60)]
        sent = [decided(ASKED | {"position_key": key}) for key in keys]

        results = report(api, *sent)

        held = [is_held_back(holdback_secret(), key, 20) for key in keys]
        assert [each["status"] for each in results] == ["refused" if each else "new" for each in held]
        assert {True, False} == set(held)
        words = {each["errors"][0]["message"] for each in results if each["status"] == "refused"}
        assert words == {"is COMBINED, but this version answers HOLDBACK"}
        row = Decision.objects.get(pk=sent[held.index(False)]["decision_id"])
        assert row.request["holdback"]["percent"] == 20

    def test_changes_nothing_the_second_time(self, api: APIClient) -> None:
        sent = decided()

        results = [*report(api, sent), *report(api, sent, sent)]

        assert [each["status"] for each in results] == ["new", "unchanged", "unchanged"]
        assert Decision.objects.count() == 1

    def test_refuses_an_id_that_names_another_question(self, api: APIClient) -> None:
        sent = decided()
        other = decided(ASKED | {"scope": {}}) | {name: sent[name] for name in ("decision_id", "evaluated_at")}

        results = report(api, sent, other)

        assert [each["status"] for each in results] == ["new", "refused"]
        assert results[1]["errors"][0]["field"] == "[1].decision_id"

    def test_refuses_levers_that_the_version_does_not_answer(self, api: APIClient) -> None:
        sent = decided()

        results = report(
            api,
            sent | {"levers": sent["levers"] | {"size_mult": 1.019999}},
            sent | {"levers": {"size_mult": 1.02}},
            sent | {"reason": "SINGLE"},
            sent,
        )

        assert [each["status"] for each in results] == ["refused", "refused", "refused", "new"]
        assert [each["errors"][0]["field"] for each in results[:3]] == [
            "[0].levers.size_mult",
            "[1].levers",
            "[2].reason",
        ]

    @pytest.mark.parametrize(
        ("over", "field"),
        [
            ({"version": 2}, "version"),
            ({"version": None}, "version"),
            ({"mode_revision": 2}, "mode_revision"),
            ({"mode_revision": 0}, "mode_revision"),
            ({"decision_id": "018f3c1e-7b2a-4c3d-8e4f-5a6b7c8d9e0f"}, "decision_id"),
            ({"evaluated_at": "2026-01-01T00:00:00"}, "evaluated_at"),
            ({"question": {}}, "question.module"),
            ({"latency_us": -1}, "latency_us"),
            ({"more": 1}, "more"),
        ],
    )
    def test_refuses_what_never_was(self, api: APIClient, over: dict[str, Any], field: str) -> None:
        (result,) = report(api, decided() | over)

        assert result["status"] == "refused"
        assert f"[0].{field}" in [each["field"] for each in result["errors"]]
        assert Decision.objects.count() == 0

    @pytest.mark.parametrize("hours", [-24.1, 0.1])
    def test_refuses_times_that_cannot_be(self, api: APIClient, hours: float) -> None:
        at = datetime.now(UTC) + timedelta(hours=hours)

        (result,) = report(api, decided() | {"evaluated_at": at.isoformat(), "decision_id": str(decision_id(at))})

        assert [each["field"] for each in result["errors"]] == ["[0].evaluated_at"]

    def test_takes_a_decision_of_a_version_and_mode_that_are_past(self, api: APIClient) -> None:
        early = decided()
        publish(make_spec({"size_mult": 1.2}, scope={"timeframe": "4h"}), at=datetime.now(UTC))
        set_mode("shadow", at=datetime.now(UTC))
        late = decided()

        assert [each["status"] for each in report(api, early, late)] == ["new", "new"]
        rows = {str(row.pk): (row.version, row.mode, row.reason) for row in Decision.objects.all()}
        assert rows == {early["decision_id"]: (1, "on", "COMBINED"), late["decision_id"]: (2, "shadow", "SHADOW")}

    def test_takes_what_a_client_answered_that_had_lost_the_server(self, api: APIClient) -> None:
        fresh, old = decided(stale_seconds=20.0), decided(stale_seconds=400.0)

        assert [each["status"] for each in report(api, fresh, old)] == ["new", "new"]
        rows = {str(row.pk): (row.reason, row.flags[-1:]) for row in Decision.objects.all()}
        assert rows == {
            fresh["decision_id"]: ("COMBINED", ["STALE_VERSION"]),
            old["decision_id"]: ("STALE", ["STALE_VERSION"]),
        }

    def test_is_replayed_like_any_other(self, api: APIClient) -> None:
        report(api, decided(), decided(ASKED | {"current": {"size_mult": 1.1}}), decided(stale_seconds=400.0))
        engines = past_engines()

        assert [found for row in Decision.objects.all() for found in replay_one(row, engines)] == []

    @pytest.mark.parametrize("body", [{}, [], "x", [{}] * 1001])
    def test_refuses_a_body_that_is_no_list(self, api: APIClient, body: Any) -> None:
        response = api.post(URL, body, format="json")

        assert response.status_code == 400

    def test_is_refused_to_who_may_not_resolve(self) -> None:
        assert client_of("read").post(URL, [decided()], format="json").status_code == 403
        assert client_of("read").get(URL).status_code == 200
        assert client_of("evaluate").get(URL).status_code == 403


class TestForged:
    """A client that knows which answer would have earned, and reports it as its own decision of that time."""

    @staticmethod
    def _refused(api: APIClient, *sent: dict[str, Any]) -> list[str]:
        return [each["errors"][0]["field"].partition("].")[2] for each in report(api, *sent) if each["errors"]]

    def test_names_no_version_before_its_time(self, api: APIClient) -> None:
        published = datetime.now(UTC)
        publish(make_spec({"size_mult": 1.2}, scope={"timeframe": "4h"}), at=published)

        assert self._refused(api, ago(decided(), minutes=10)) == ["version"]

    def test_names_no_version_after_its_time(self, api: APIClient) -> None:
        early = decided()
        publish(make_spec({"size_mult": 1.2}, scope={"timeframe": "4h"}), at=datetime.now(UTC) - timedelta(hours=2))

        assert self._refused(api, ago(early, minutes=110), ago(early, hours=3)) == ["version"]

    def test_names_no_mode_that_was_off_then(self, api: APIClient) -> None:
        begun = decided()
        set_mode("off", at=datetime.now(UTC) - timedelta(hours=2))
        set_mode("on", at=datetime.now(UTC) - timedelta(hours=1))
        anew = decided()

        assert self._refused(api, ago(begun, minutes=90), ago(anew, minutes=90)) == ["mode_revision", "mode_revision"]
        assert self._refused(api, ago(begun, hours=3), ago(anew, minutes=30)) == []

    def test_is_no_server_that_nobody_confirmed(self, api: APIClient) -> None:
        """STALE is neutral whatever the state; it may be a day old."""
        stale = decided(stale_seconds=400.0)
        publish(make_spec({"size_mult": 1.2}, scope={"timeframe": "4h"}), at=datetime.now(UTC) - timedelta(hours=26))

        assert self._refused(api, ago(stale, hours=3), ago(stale, minutes=30)) == ["version"]

    def test_bears_the_time_at_which_it_arrived(self, api: APIClient) -> None:
        before = datetime.now(UTC)
        sent = ago(decided(), hours=5)

        assert report(api, sent)[0]["status"] == "new"

        row = Decision.objects.get(pk=sent["decision_id"])
        assert before <= datetime.fromisoformat(row.request["reported_at"]) <= datetime.now(UTC)
        assert report(api, sent)[0]["status"] == "unchanged"

    @pytest.mark.parametrize(("minutes", "fit"), [(0.0, "fits"), (0.5, "fits"), (2.0, "misfit"), (600.0, "misfit")])
    def test_earns_nothing_once_the_outcome_may_be_known(self, api: APIClient, minutes: float, fit: str) -> None:
        sent = ago(decided(), minutes=minutes)
        at = sent["evaluated_at"]
        sent["question"] = sent["question"] | {"at": at}
        sent |= {name: decided(sent["question"])[name] for name in ("levers", "reason")}
        assert report(api, sent)[0]["status"] == "new"
        with connection.cursor() as cursor:  # let the clock of the database alone count
            cursor.execute("DELETE FROM simulated_time")
        action = action_payload(at=at, decision_ids=[sent["decision_id"]])
        now = datetime.now(UTC)
        payload = trade_payload(actions=[action], book="live", opened_at=at, closed_at=utc_text(now))

        (receipt,) = record_trades([parse_trade(payload, now=now)], now=now)

        assert [str(each.status) for each in receipt.decisions] == [fit]

    def test_of_too_many_versions_is_not_compiled(self, api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("overrides.serving.clients.local_decisions.MOST_STATES", 1)
        now = datetime.now(UTC)
        first = decided()
        publish(make_spec({"size_mult": 1.2}, scope={"timeframe": "4h"}), at=now)
        second = decided()
        publish(make_spec({"size_mult": 1.3}, scope={"timeframe": "4h"}), at=now)

        assert self._refused(api, first, second, decided()) == ["version"]

    def test_does_not_wait_while_another_report_has_a_version_compiled(
        self, api: APIClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever names one past version after the other must not take the threads that answer."""
        past = _Past()
        monkeypatch.setattr("overrides.serving.clients.local_decisions._PAST", past)
        early = ago(decided(), seconds=1)
        publish(make_spec({"size_mult": 1.2}, scope={"timeframe": "4h"}), at=datetime.now(UTC))
        ENGINE_ROOM.refresh()

        with past._lock:
            response = api.post(URL, [early], format="json")
        assert (response.status_code, response["Retry-After"]) == (503, "5")
        assert "another report" in response.json()["detail"]

        assert report(api, early)[0]["status"] == "new"
        with past._lock:
            assert report(api, early)[0]["status"] == "unchanged"

    def test_keeps_the_version_that_others_still_name_when_the_next_is_served(
        self, api: APIClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        report(api, decided())
        early = decided()
        publish(make_spec({"size_mult": 1.2}, scope={"timeframe": "4h"}), at=datetime.now(UTC))
        ENGINE_ROOM.refresh()
        monkeypatch.setattr("overrides.serving.clients.local_decisions.build_engine", None)  # nothing is compiled

        assert report(api, early)[0]["status"] == "new"
