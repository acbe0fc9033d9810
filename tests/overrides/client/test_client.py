from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from overrides.client import Client, Journal, Position
from overrides.core.engine.definitions.levers import levers_of
from tests.overrides.client.server import Reply, Stub, stub_server

KEY = "cw_0123456789"
QUESTION = {"module": "pm", "pattern_key": "rsi.long.dip", "action_category": "entry", "scope": {}}
NEUTRAL = {lever.name: lever.neutral for lever in levers_of("pm", "entry")}
BAR = datetime(2026, 11, 1, 10, tzinfo=UTC)
POSITION = Position("BTC/USDT", "long", "Dip", "1h", BAR)


def answer(size: Any = 1.02, number: int = 0) -> dict[str, Any]:
    return {"decision_id": f"id {number}", "reason": "SINGLE", "levers": NEUTRAL | {"size_mult": size}}


def all_answered(path: str, body: Any) -> Reply:
    return 200, [answer(number=index) for index, _ in enumerate(body)]


@pytest.fixture
def server() -> Iterator[Stub]:
    with stub_server(all_answered) as stub:
        yield stub


@pytest.fixture
def client(server: Stub) -> Client:
    return Client(server.url, KEY, timeout=5.0)


class TestResolve:
    def test_returns_the_levers_and_the_decision_of_one_question(self, server: Stub, client: Client) -> None:
        found = client.resolve(QUESTION)

        assert (found.lever("size_mult"), found.decision_id, found.reason, found.fault) == (1.02, "id 0", "SINGLE", "")
        path, body, headers = server.requests[0]
        assert (path, body) == ("/api/v1/levers/resolve/", [QUESTION])
        assert headers["Authorization"] == f"Bearer {KEY}"

    def test_sends_times_as_text_with_their_offset(self, server: Stub, client: Client) -> None:
        client.resolve(QUESTION | {"at": BAR})

        assert server.requests[0][1][0]["at"] == "2026-11-01T10:00:00+00:00"

    def test_returns_an_answer_for_each_question_of_a_list_in_order(self, client: Client) -> None:
        found = client.resolve([QUESTION, QUESTION])

        assert [each.decision_id for each in found] == ["id 0", "id 1"]
        assert client.counters == {"answered": 2}
        assert client.resolve([]) == []

    def test_of_more_questions_than_a_request_holds_sends_several(self, server: Stub, client: Client) -> None:
        assert len(client.resolve([QUESTION] * 1001)) == 1001
        assert [len(body) for _, body, _ in server.requests] == [1000, 1]

    @pytest.mark.parametrize(
        ("reply", "kind"),
        [
            ((503, {"detail": "the database is away"}), "unavailable"),
            ((500, b"<html>"), "unavailable"),
            ((403, {"detail": "this key's role does not allow it"}), "refused"),
            ((400, {"detail": "no"}), "refused"),
            ((307, {}), "refused"),
            ((200, b"<html>no JSON</html>"), "unreadable"),
            ((200, {"levers": {}}), "unreadable"),
            ((200, []), "unreadable"),
            ((200, [None]), "unreadable"),
            ((200, [answer() | {"decision_id": None}]), "unreadable"),
            ((200, [answer("1.02")]), "unreadable"),
            ((200, [answer(True)]), "unreadable"),
            ((200, [answer(1.4)]), "unreadable"),
            ((200, b'[{"decision_id": "a", "reason": "SINGLE", "levers": {"size_mult": NaN}}]'), "unreadable"),
        ],
    )
    def test_is_neutral_and_says_why_if_there_is_no_usable_answer(
        self, server: Stub, client: Client, reply: Reply, kind: str
    ) -> None:
        server.reply = lambda path, body: reply

        found = client.resolve(QUESTION)

        assert (dict(found.levers), found.reason, found.decision_id) == (NEUTRAL, "ERROR", None)
        assert found.is_neutral
        assert client.counters == {kind: 1}
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        ("reply", "fault"),
        [
            (
                (404, b"<html>"),
                "HTTP 404: Not Found, which is no answer of Counterweight's API; is this the server's addr",
            ),
            ((403, {"detail": "no role"}), "HTTP 403: no role"),
            ((429, b"<html>"), "HTTP 429: Too Many Requests"),  # of a front server
            ((301, b""), "HTTP 301: Moved Permanently to 'http://127.0.0.1:"),
        ],
    )
    def test_says_of_an_answer_that_is_not_the_apis_that_the_address_may_be_wrong(
        self, server: Stub, client: Client, reply: Reply, fault: str
    ) -> None:
        server.reply = lambda path, body: reply

        assert client.resolve(QUESTION).fault.startswith(fault)

    def test_is_neutral_for_a_question_that_is_no_json(self, server: Stub, client: Client) -> None:
        assert client.resolve(QUESTION | {"scope": {1, 2}}).is_neutral
        assert client.resolve(QUESTION | {"current": {"size_mult": float("nan")}}).is_neutral
        assert server.requests == []

    def test_keeps_the_allocation_of_a_neutral_answer_at_its_base(self, server: Stub, client: Client) -> None:
        server.reply = lambda path, body: (503, {})
        asked = {"module": "dm", "action_category": "allocation", "base_allocation": 250.0}

        assert client.resolve(asked).allocation == 250.0
        assert client.resolve(QUESTION).allocation is None

    def test_is_neutral_for_a_question_whose_problem_stands_in_the_list(self, server: Stub, client: Client) -> None:
        errors = [{"field": "[1].module", "message": "'xx' is unknown", "pointer": "/1/module"}]
        server.reply = lambda path, body: (200, [answer(), {"status": 400, "detail": "no", "errors": errors}])

        one, other = client.resolve([QUESTION, QUESTION])

        assert (one.fault, other.fault, other.reason) == ("", "module: 'xx' is unknown", "ERROR")
        assert client.counters == {"answered": 1, "refused": 1}

    def test_asks_the_rest_of_a_list_again_where_the_server_names_refused_questions(
        self, server: Stub, client: Client
    ) -> None:
        def reply(path: str, body: Any) -> Reply:
            if any(each["module"] == "xy" for each in body):
                return 400, {"detail": "no", "errors": [{"field": "[1].module", "message": "unknown"}]}
            return all_answered(path, body)

        server.reply = reply
        found = client.resolve([QUESTION, QUESTION | {"module": "xy"}, QUESTION])

        assert [each.fault for each in found] == ["", "module: unknown", ""]
        assert [each.decision_id for each in found] == ["id 0", None, "id 1"]
        assert client.counters == {"answered": 2, "refused": 1}

    def test_ends_as_a_local_client_does(self, server: Stub) -> None:
        with Client(server.url, KEY) as client:
            assert client.resolve(QUESTION).fault == ""
            client.close()


class TestProxies:
    def test_of_the_environment_are_not_asked_for_a_server_on_this_machine(
        self, server: Stub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

        assert Client(server.url, KEY).resolve(QUESTION).decision_id == "id 0"


class TestOutage:
    def test_costs_one_timeout_and_then_nothing_until_the_pause_is_over(self, server: Stub) -> None:
        server.delay = 0.5
        client = Client(server.url, KEY, timeout=0.1, pause=60.0)

        faults = [client.resolve(QUESTION).fault for _ in range(3)]

        assert faults == ["no answer within 0.1 s", *["the server could not be reached a moment ago"] * 2]
        assert client.counters == {"timeout": 1, "paused": 2}

    def test_ends_with_the_first_answer_after_the_pause(self, server: Stub) -> None:
        client = Client(server.url, KEY, timeout=0.2, pause=0.0)
        server.delay = 0.5
        assert client.resolve(QUESTION).is_neutral
        server.delay = 0.0

        assert client.resolve(QUESTION).lever("size_mult") == 1.02

    def test_of_a_server_that_is_not_there_is_told_in_words(self) -> None:
        with stub_server(all_answered) as gone:
            pass

        found = Client(gone.url, KEY).resolve(QUESTION)

        assert "no connection" in found.fault
        assert dict(found.levers) == NEUTRAL


class TestRecord:
    TRADES = [{"external_id": "a"}, {"external_id": "b"}]

    def test_returns_a_receipt_for_each_trade(self, server: Stub, client: Client) -> None:
        errors = [{"field": "[1].rr", "message": "missing"}]
        results = [{"external_id": "a", "status": "new", "errors": []}, {"status": "refused", "errors": errors}]
        server.reply = lambda path, body: (200, {"results": results})

        first, second = client.record(self.TRADES)

        assert (first.external_id, first.status, first.errors) == ("a", "new", ())
        assert (second.external_id, second.status, second.errors) == ("b", "refused", tuple(errors))
        assert (server.requests[0][:2], client.counters) == (("/api/v1/trades/", self.TRADES), {"recorded": 2})

    @pytest.mark.parametrize("reply", [(503, {}), (200, {"results": []}), (200, []), (200, {"results": [1, 2]})])
    def test_says_which_trades_are_unsent(self, server: Stub, client: Client, reply: Reply) -> None:
        server.reply = lambda path, body: reply

        assert [(each.external_id, each.status) for each in client.record(self.TRADES)] == [
            ("a", "unsent"),
            ("b", "unsent"),
        ]

    def test_of_episodes_names_them_by_their_own_id(self, server: Stub, client: Client) -> None:
        errors = [{"field": "[1].windows", "message": "missing"}]
        results = [{"episode_id": "e1", "status": "corrected", "errors": []}, {"status": "refused", "errors": errors}]
        server.reply = lambda path, body: (200, {"results": results})
        episodes = [{"episode_id": "e1"}, {"episode_id": "e2"}]

        first, second = client.record_episodes(episodes)

        assert (first.external_id, first.status, first.errors) == ("e1", "corrected", ())
        assert (second.external_id, second.status, second.errors) == ("e2", "refused", tuple(errors))
        assert server.requests[0][:2] == ("/api/v1/telemetry/episodes/", episodes)
        server.reply = lambda path, body: (503, {"detail": "the database is away"})
        [unsent] = client.record_episodes({"episode_id": "e3"})
        assert (unsent.external_id, unsent.status) == ("e3", "unsent")
        assert "the database is away" in unsent.errors[0]["message"]
        assert client.counters == {"recorded": 2, "unavailable": 1}

    def test_of_one_trade_returns_one_receipt(self, server: Stub, client: Client) -> None:
        server.reply = lambda path, body: (200, {"results": [{"external_id": "a", "status": "new", "errors": []}]})

        assert [each.status for each in client.record({"external_id": "a"})] == ["new"]


class TestJournal:
    def test_holds_the_decisions_of_questions_whose_position_is_given(self, server: Stub, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "decisions.jsonl")
        client = Client(server.url, KEY, journal=journal)

        client.resolve([QUESTION | {"at": BAR}, QUESTION], [POSITION, None])
        journal.close()

        (line,) = map(json.loads, journal.path.read_text().splitlines())
        assert (line["decision_id"], line["pair"], line["entry_bar"]) == ("id 0", "BTC/USDT", BAR.isoformat())

    def test_that_cannot_be_written_costs_no_answer(self, server: Stub, tmp_path: Path) -> None:
        client = Client(server.url, KEY, journal=Journal(tmp_path / "no such folder" / "decisions.jsonl"))

        assert client.resolve(QUESTION, POSITION).lever("size_mult") == 1.02
        assert client.counters == {"answered": 1, "journal failed": 1}


class TestAddress:
    @pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "file:///etc/passwd"])
    def test_that_is_none_is_refused_when_the_client_is_made(self, url: str) -> None:
        with pytest.raises(ValueError, match="is no address"):
            Client(url, KEY)

    @pytest.mark.parametrize("key", ["", " cw_1", "cw_1\nX: y"])
    def test_and_a_key_that_is_none_is_refused_as_well(self, key: str) -> None:
        with pytest.raises(ValueError, match="the key"):
            Client("http://127.0.0.1:1", key)

    def test_with_a_slash_at_its_end_is_the_same(self, server: Stub) -> None:
        assert Client(f"{server.url}/", KEY).resolve(QUESTION).decision_id == "id 0"
        assert server.requests[0][0] == "/api/v1/levers/resolve/"
