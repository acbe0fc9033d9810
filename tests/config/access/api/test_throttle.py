from __future__ import annotations

import time
from typing import Any

import pytest

from config.access.api import throttle
from config.access.api.rate_counters import Rate, RateCounters
from tests.api_clients import bearer, client_of, faults, new_key

URL = "/api/v1/modes/"
AT = 1_800_000_030.0  # half a minute into a minute


@pytest.fixture
def counters(monkeypatch: pytest.MonkeyPatch) -> RateCounters:
    """Return the counters of a process that has counted nothing yet."""
    fresh = RateCounters()
    monkeypatch.setattr(throttle, "RATE_COUNTERS", fresh)
    return fresh


@pytest.fixture
def limits(settings: Any) -> dict[str, int]:
    settings.API_REQUESTS_PER_MINUTE = {"evaluate": 5, "record": 5, "bot": 4, "propose": 2, "read": 3}
    return dict(settings.API_REQUESTS_PER_MINUTE)


def name() -> str:
    """Return a counter name that no other test uses, because Redis is not cleared."""
    return f"test-{time.monotonic_ns()}"


def taken(counters: RateCounters, counter: str, limit: int, tries: int, at: float = AT) -> int:
    return sum(counters.take(counter, limit=limit, at=at).is_allowed for _ in range(tries))


@pytest.mark.django_db
@pytest.mark.usefixtures("counters", "in_one_minute")
class TestKeyRate:
    def test_answers_429_with_the_time_to_come_back(self, limits: dict[str, int]) -> None:
        api = client_of("read")
        for _ in range(limits["read"]):
            api.get(URL)

        response = api.get(URL)

        assert (response.status_code, faults(response)) == (429, [])
        assert 1 <= int(response["Retry-After"]) <= 60

    def test_tells_every_answer_where_the_key_stands(self, limits: dict[str, int]) -> None:
        api = client_of("read")

        answers = [api.get(f"{URL}?colour=red" if number == 1 else URL) for number in range(4)]

        assert [each.status_code for each in answers] == [200, 400, 200, 429]
        assert {each["RateLimit-Policy"] for each in answers} == {'"key";q=3;w=60'}
        standing = [each["RateLimit"].split(";") for each in answers]
        assert [left for _, left, _ in standing] == ["r=2", "r=1", "r=0", "r=0"]
        assert all(name == '"key"' and 1 <= int(until.removeprefix("t=")) <= 60 for name, _, until in standing)
        assert answers[3]["RateLimit"].endswith(f"t={answers[3]['Retry-After']}")

    def test_counts_a_question_once_on_either_way(self, limits: dict[str, int]) -> None:
        api = client_of("evaluate")

        usual = api.post("/api/v1/levers/resolve/", {}, format="json")
        unusual = api.post("/api/v1/levers/resolve/", {}, format="json", HTTP_ACCEPT="application/json, */*")

        assert [each.status_code for each in (usual, unusual)] == [400, 400]
        assert [each["RateLimit"].split(";")[1] for each in (usual, unusual)] == ["r=4", "r=3"]

    def test_says_nothing_to_whom_it_does_not_count(self) -> None:
        assert "RateLimit" not in bearer(None).get("/api/v1/schema/")

    def test_is_of_each_key_alone(self, limits: dict[str, int]) -> None:
        busy, quiet = client_of("read"), client_of("read")

        statuses = [busy.get(URL).status_code for _ in range(4)]

        assert statuses == [200, 200, 200, 429]
        assert quiet.get(URL).status_code == 200

    @pytest.mark.parametrize("role", ["evaluate", "record", "bot", "propose", "read"])
    def test_is_as_large_as_the_role_has_it(self, limits: dict[str, int], role: str) -> None:
        api = bearer(new_key(role))

        statuses = [api.get(URL).status_code for _ in range(7)]

        assert statuses.count(200) == limits[role]

    def test_counts_what_is_refused_too(self, limits: dict[str, int]) -> None:
        api = client_of("read")

        assert [api.get(f"{URL}?colour=red").status_code for _ in range(4)] == [400, 400, 400, 429]


class TestAllowances:
    def test_hold_over_all_processes_together(self) -> None:
        counter, processes = name(), [RateCounters(), RateCounters(), RateCounters()]

        answered = [taken(process, counter, 200, 150) for process in processes]

        assert sum(answered) == 200

    def test_begin_anew_each_minute(self) -> None:
        counter, process = name(), RateCounters()

        assert taken(process, counter, 3, 5) == 3
        assert process.take(counter, limit=3, at=AT) == Rate(3, 0, 30.0, False)
        assert taken(process, counter, 3, 5, at=AT + 60) == 3

    def test_are_counted_per_process_while_redis_is_away(self, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        counter, processes = name(), [RateCounters(), RateCounters()]

        assert [taken(process, counter, 20, 30) for process in processes] == [20, 20]
        assert caplog.text.count("counted per process while Redis is away") == 2

    def test_ask_redis_for_a_hundredth_at_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        process, reserved = RateCounters(), list[int]()
        count = process._count

        def noted(counter: str, block: int) -> int | None:
            reserved.append(block)
            return count(counter, block)

        monkeypatch.setattr(process, "_count", noted)

        assert taken(process, name(), 1000, 1000) == 1000
        assert reserved == [10] * 100
