"""Hostile and broken bots at the doors for bots: OpenFeature, local decisions, lists, own rows, rates."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from config.access.keys import revoke_key
from overrides.client.decision_ids import decision_id
from overrides.serving.answer_metrics import count_answers
from overrides.serving.engine import ENGINE_ROOM
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import Decision
from tests.api_clients import RecordingQueue, bearer, client_of, faults, new_key
from tests.builders import KEY, NOW, SCOPE, action_payload, make_spec, publish, set_mode, trade_payload
from tests.overrides.serving.test_answer_metrics import value
from tests.people import make_person
from tests.test_hostile_requests import BODIES, VALUES, changed, dumped, places, stored

pytestmark = pytest.mark.django_db

RESOLVE, DECISIONS, TRADES = "/api/v1/levers/resolve/", "/api/v1/decisions/", "/api/v1/trades/"
FLAG, FLAGS = "/ofrep/v1/evaluate/flags/size_mult", "/ofrep/v1/evaluate/flags"
QUESTION = {"module": "pm", "pattern_key": KEY, "action_category": "entry", "scope": SCOPE, "at": utc_text(NOW)}
CONTEXT = {"context": {"targetingKey": "BTC/USDT", "colour": "red", **QUESTION, "current": {"size_mult": 1.0}}}
CODES = {"PARSE_ERROR", "INVALID_CONTEXT", "TARGETING_KEY_MISSING", "GENERAL", "TYPE_MISMATCH"}


@pytest.fixture(autouse=True)
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordingQueue]:
    kept = RecordingQueue()
    monkeypatch.setattr("overrides.serving.decisions.decision_queue.QUEUE", kept)
    yield kept
    ENGINE_ROOM.close()


@pytest.fixture
def api() -> APIClient:
    return client_of("evaluate")


def post(api: APIClient, address: str, raw: Any, **headers: Any) -> Any:
    return api.generic("POST", address, raw, content_type="application/json", **headers)


def local() -> dict[str, Any]:
    """Return a decision of a client, made now while nothing is published."""
    at = datetime.now(UTC)
    return {
        "decision_id": str(decision_id(at)), "question": QUESTION, "version": None, "mode_revision": 0,
        "evaluated_at": at.isoformat(), "reason": "MODULE_OFF", "stale_seconds": 0.0, "latency_us": 40.0,
        "levers": {
            "size_mult": 1.0, "entry_aggression_mult": 1.0, "phase1_frac_mult": 1.0, "entry_delay_bars": 0.0,
            "min_ts_for_add": 0.6,
            "min_dx_for_add": 0.6,
            "max_edx_for_add": 0.7,
        },
    }  # fmt: skip


class TestContexts:
    @pytest.mark.parametrize("path", list(places(CONTEXT)))
    @pytest.mark.parametrize("address", [FLAG, FLAGS])
    def test_of_any_content_are_evaluated_or_refused_in_words(self, api: APIClient, address: str, path: str) -> None:
        for sent in VALUES:
            response = post(api, address, dumped(changed(CONTEXT, path, sent)))

            shown = repr(sent)[:60]
            assert response.status_code in (200, 400), shown
            if response.status_code == 400:
                assert response.json()["errorCode"] in CODES, shown
            assert len(response.content) < 60_000, shown

    @pytest.mark.parametrize("what", BODIES)
    def test_that_no_endpoint_takes_are_refused(self, api: APIClient, what: str) -> None:
        raw, content_type, headers, _ = BODIES[what]

        response = api.generic("POST", FLAGS, raw, content_type=content_type, **headers)  # type: ignore[arg-type]

        assert 400 <= response.status_code < 500
        assert len(response.content) < 2000

    def test_with_many_unknown_attributes_are_answered_briefly(self, api: APIClient) -> None:
        many = {f"{'x' * 50}{n}": n for n in range(20_000)}

        response = post(api, FLAGS, dumped({"context": CONTEXT["context"] | many}))

        assert response.status_code == 200
        assert len(gzip.decompress(response.content) if "Content-Encoding" in response else response.content) < 60_000


class TestLocalDecisions:
    @pytest.mark.parametrize("path", list(places(local())))
    def test_of_any_content_are_stored_or_refused_one_by_one(self, api: APIClient, path: str) -> None:
        for sent in VALUES:
            before = stored()
            response = post(api, DECISIONS, dumped([changed(local(), path, sent)]))

            shown = repr(sent)[:60]
            assert response.status_code in (200, 400), shown
            if response.status_code == 400:
                assert faults(response) == [], shown
                continue
            (result,) = response.json()["results"]
            assert (result["status"] == "refused") == bool(result["errors"]), shown
            assert stored() - before == (result["status"] == "new"), shown

    @pytest.mark.parametrize("what", BODIES)
    def test_that_are_no_list_of_them_are_refused(self, api: APIClient, what: str) -> None:
        raw, content_type, headers, status = BODIES[what]

        response = api.generic("POST", DECISIONS, raw, content_type=content_type, **headers)  # type: ignore[arg-type]

        assert (response.status_code, faults(response)) == (status, [])

    def test_of_a_list_are_judged_each_for_itself(self, api: APIClient) -> None:
        good = local()
        other = changed(good, "question.scope", {})
        bad: list[Any] = [None, [], "x", {}, {"decision_id": ["x"]}, local() | {"decision_id": "\ud800"}]

        response = post(api, DECISIONS, dumped([*bad, good, good, *bad, other]))

        statuses = [each["status"] for each in response.json()["results"]]
        assert statuses == ["refused"] * 6 + ["new", "unchanged"] + ["refused"] * 7
        assert Decision.objects.count() == 1

    def test_of_an_id_that_another_key_holds_change_nothing(self, api: APIClient) -> None:
        sent = local()
        post(api, DECISIONS, dumped([sent]))
        owner = Decision.objects.get().key

        forger = client_of("bot", make_person("forger"))
        (same,) = post(forger, DECISIONS, dumped([sent])).json()["results"]
        (other,) = post(forger, DECISIONS, dumped([changed(sent, "question.scope", {})])).json()["results"]

        assert (same["status"], other["status"]) == ("unchanged", "refused")
        assert Decision.objects.get().key == owner
        assert forger.get(DECISIONS).json()["results"] == []

    def test_with_an_id_ahead_of_its_answer_do_not_hold_up_the_log(self, api: APIClient) -> None:
        """The bot takes the id of an answer that waits for the log, and reports another question under it."""
        from telemetry.decisions.decision_log import RECORDS, write_batch
        from tests.builders import make_decision

        sent = local()
        post(api, DECISIONS, dumped([sent]))
        waiting = [make_decision(), make_decision(decision_id=Decision.objects.get().pk), make_decision()]

        assert write_batch(waiting, RECORDS) == (2, 0)
        assert Decision.objects.count() == 3

    def test_in_the_name_of_a_client_that_cannot_be_stored_are_refused(self, api: APIClient) -> None:
        for name in ("%00", "", "%20", "x" * 101):
            response = post(api, f"{DECISIONS}?client={name}", dumped([local()]))
            assert (response.status_code, faults(response)) == (400, []), name


class TestLists:
    def test_of_a_thousand_bad_questions_are_answered_in_their_order(
        self, api: APIClient, queue: RecordingQueue
    ) -> None:
        body: list[Any] = [{"module": "pm", "pattern_key": n} for n in range(1000)]
        body[500] = QUESTION

        response = post(api, RESOLVE, dumped(body))

        found = response.json()
        assert (response.status_code, len(found), len(queue.records)) == (200, 1000, 1)
        assert [n for n, each in enumerate(found) if "levers" in each] == [500]
        assert all(each["status"] == 400 for n, each in enumerate(found) if n != 500)
        assert all(error["field"].startswith("[999]") for error in found[999]["errors"])

    def test_of_equal_questions_are_decisions_each(self, api: APIClient, queue: RecordingQueue) -> None:
        found = post(api, RESOLVE, dumped([QUESTION] * 1000)).json()

        assert len({each["decision_id"] for each in found}) == len(queue.records) == 1000

    @pytest.mark.parametrize("body", [[QUESTION] * 1001, [], [[QUESTION]], [[[]]], [{"": QUESTION}]])
    def test_of_another_shape_decide_nothing(self, api: APIClient, queue: RecordingQueue, body: Any) -> None:
        response = post(api, RESOLVE, dumped(body))

        assert response.status_code == 400 or [each["status"] for each in response.json()] == [400]
        assert queue.records == []


class TestDryAnswers:
    def test_serve_nothing_and_cannot_be_named(self, api: APIClient, queue: RecordingQueue) -> None:
        publish(make_spec())
        set_mode("on")
        ENGINE_ROOM.refresh()
        count_answers()
        names = ("exposure_raised_total", "exposure_lowered_total")
        before = [value(name, module="pm") for name in names]

        answer = post(api, f"{RESOLVE}?dry=true", dumped(QUESTION)).json()
        count_answers()

        assert (answer["decision_id"], answer["levers"]["size_mult"] != 1.0) == (None, True)
        assert [value(name, module="pm") for name in names] == before
        assert (queue.records, Decision.objects.count()) == ([], 0)


class TestOwnRows:
    """A key of the role bot, and what another owner's bot has recorded and been answered."""

    @pytest.fixture
    def theirs(self) -> str:
        other = client_of("bot", make_person("other"))
        answer = post(other, f"{RESOLVE}?durable=true", dumped(QUESTION)).json()
        action = action_payload(decision_ids=[answer["decision_id"]])
        assert post(other, TRADES, dumped(trade_payload("theirs", actions=[action]))).status_code == 200
        decision: str = answer["decision_id"]
        return decision

    @pytest.fixture
    def bot(self) -> APIClient:
        return client_of("bot", make_person("owner"))

    @pytest.mark.parametrize(
        "query",
        [
            "", "limit=1000", f"pattern_key={KEY}", "module=pm", "action_category=entry", "reason=MODULE_OFF",
            "mode=off", "since=2000-01-01T00:00:00Z", "until=2100-01-01T00:00:00Z", "book=paper", "symbol=BTC/USDT",
            "key=theirs", "recorded_by=theirs", "owner=other", "external_id=theirs",
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("address", [DECISIONS, TRADES, "/api/v1/outcomes/"])
    def test_of_others_are_in_no_list(self, bot: APIClient, theirs: str, address: str, query: str) -> None:
        response = bot.get(f"{address}?{query}")

        assert response.status_code in (200, 400, 403)
        if response.status_code == 200:
            assert response.json() == {"next": None, "results": []}

    def test_of_others_are_behind_no_cursor(self, bot: APIClient, theirs: str) -> None:
        reader = client_of("read")
        for address in (DECISIONS, TRADES):
            other = client_of("bot", make_person(f"more {len(address)}"))
            post(other, f"{RESOLVE}?durable=true", dumped(QUESTION))
            post(other, TRADES, dumped(trade_payload(f"more {len(address)}")))
            cursor = reader.get(f"{address}?limit=1").json()["next"]

            assert cursor is not None
            assert bot.get(cursor).json()["results"] == []

    def test_of_others_are_at_no_address(self, bot: APIClient, theirs: str) -> None:
        for address in (f"{DECISIONS}{theirs}/", f"{TRADES}theirs/", f"{DECISIONS}{theirs.upper()}/"):
            assert bot.get(address).status_code == 404, address
        for address in ("overrides/", "cells/", "requests/", "lessons/", "coefficients/", "outcomes/", "scorecards/"):
            assert bot.get(f"/api/v1/{address}").status_code == 403, address

    def test_of_others_are_not_shown_by_a_trade_that_names_them(self, bot: APIClient, theirs: str) -> None:
        action = action_payload(decision_ids=[theirs])
        assert post(bot, TRADES, dumped(trade_payload("mine", actions=[action]))).status_code == 200

        assert bot.get(f"{DECISIONS}{theirs}/").status_code == 404
        assert "theirs" not in json.dumps(bot.get(f"{TRADES}mine/").json())

    def test_are_closed_to_a_revoked_key(self, theirs: str) -> None:
        key = new_key("bot", make_person("revoked"))
        assert bearer(key).get(DECISIONS).status_code == 200
        revoke_key(prefix=key.split("_")[1], by=None, at=datetime.now(UTC) - timedelta(seconds=1))
        from config.access.api.authentication import KEY_RING

        KEY_RING.forget()
        for address in (DECISIONS, TRADES, "/api/v1/snapshot/?module=pm"):
            assert bearer(key).get(address).status_code == 401
        assert post(bearer(key), FLAGS, dumped(CONTEXT)).status_code == 401


@pytest.mark.usefixtures("in_one_minute")
class TestRates:
    @pytest.mark.parametrize(
        ("method", "address"),
        [("GET", "/api/v1/snapshot/?module=pm"), ("POST", DECISIONS), ("POST", FLAGS), ("POST", FLAG)],
    )
    def test_hold_at_every_door_of_bots(self, settings: Any, method: str, address: str) -> None:
        settings.API_REQUESTS_PER_MINUTE = settings.API_REQUESTS_PER_MINUTE | {"evaluate": 2}
        api = client_of("evaluate")
        bodies = {DECISIONS: [local()], FLAGS: CONTEXT, FLAG: CONTEXT}

        answers = [api.generic(method, address, dumped(bodies.get(address)), content_type="application/json")
                   for _ in range(3)]  # fmt: skip

        assert [each.status_code for each in answers] == [200, 200, 429]
        assert answers[-1]["RateLimit"].startswith('"key";r=0;t=')
        assert 0 < int(answers[-1]["Retry-After"]) <= 60
