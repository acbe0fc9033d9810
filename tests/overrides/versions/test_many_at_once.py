"""Many people and machines at once, in several processes: one effect, every audit entry, and no deadlock."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connection

from overrides.models import ChangeRequest, LineHold, Mandate, Membership, ModuleMode, Quarantine, Version, Vote
from overrides.requests.review import approve, schedule
from overrides.versions.verify_hashes import Recheck
from telemetry.audit.audit_log import verify_audit
from telemetry.models import AuditEntry
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, NOW, draft, make_spec, make_trades, publish, set_mode
from tests.overrides.process_pool import FORTY_TRADES, Call, ProcessPool, process_pool
from tests.people import make_person, settled, somebody

pytestmark = pytest.mark.django_db(transaction=True)

N = 50
LINE = make_spec().line


@pytest.fixture(scope="module")
def processes(django_db_setup: None) -> Iterator[ProcessPool]:
    with process_pool(str(connection.settings_dict["NAME"])) as several:
        yield several


@pytest.fixture
def crowd(transactional_db: None) -> list[str]:
    people = [User(username=f"chief{index}", is_superuser=True, is_staff=True) for index in range(N)]
    with settled():
        User.objects.bulk_create(people)
    return [person.username for person in people]


def approved(**over: object) -> ChangeRequest:
    request = draft(**{"lines": []} | over) if "kind" in over else draft(make_spec({"size_mult": 1.2}), **over)  # type: ignore[arg-type]
    return approve(request_id=request.pk, by=somebody(), at=NOW)


def delegated() -> None:
    """Put a line in force whose evidence claims no more trades than there are, as its mandate asks."""
    record_trades(make_trades([1.0] * 40), now=NOW)
    publish(make_spec({"size_mult": 1.2}, stats=FORTY_TRADES))


def done(results: list[str]) -> int:
    """Return how many calls took effect; all others must have been refused by a gate, none by the database."""
    unexpected = [each for each in results if each and not each.startswith(("GateError:", "RaisesEffectError:"))]
    assert unexpected == []
    return results.count("")


def entries(action: str) -> list[str]:
    contents = (json.loads(content) for content in AuditEntry.objects.order_by("seq").values_list("content", flat=True))
    return [content["object"] for content in contents if content["action"] == action]


def assert_whole() -> None:
    """Assert that the chain holds, that every effect has its audit entries, and that hashes match what is stored."""
    assert verify_audit() == []
    versions = Version.objects.order_by("published_at", "pk")
    assert sorted(entries("publish")) == sorted(f"version {each.module}/{each.number}" for each in versions)
    applied = ChangeRequest.objects.filter(state="applied")
    assert sorted(entries("apply")) == sorted(f"request {each.pk}" for each in applied)
    assert len(entries("approve")) == Vote.objects.filter(decision="approve").count()
    assert len(entries("mode")) == sum(ModuleMode.objects.values_list("revision", flat=True))
    assert list(Recheck().everything()) == []


class TestFiftyAtOnce:
    def test_approve_once(self, processes: ProcessPool, crowd: list[str]) -> None:
        request = draft(make_spec())

        results = processes.at_once([("approve", {"request_id": request.pk, "who": who}) for who in crowd])

        assert (done(results), Vote.objects.count()) == (1, 1)
        assert_whole()

    def test_apply_once(self, processes: ProcessPool, crowd: list[str]) -> None:
        publish(make_spec())
        request = approved()

        results = processes.at_once([("apply", {"request_id": request.pk, "who": who}) for who in crowd])

        assert (done(results), Version.objects.count(), Mandate.objects.filter(revoked_at=None).count()) == (1, 2, 1)
        assert_whole()

    def test_switch_modes_while_a_request_does(self, processes: ProcessPool, crowd: list[str]) -> None:
        for module in ("dm", "pm"):
            set_mode("on", module=module)
        request = approved(kind="mode", content={"mode": "on", "rollout_percent": 50})
        calls: list[Call] = []
        for index, who in enumerate(crowd):
            module = ("dm", "pm")[index % 2]
            calls.append(
                [
                    ("apply", {"request_id": request.pk, "who": who}),
                    ("lower", {"module": module, "to": "shadow", "reason": "harm", "who": who}),
                    ("off", {"reason": "harm", "who": who}),
                ][index % 3]  # type: ignore[arg-type]  # verbs take what they take
            )

        results = processes.at_once(calls)

        assert done(results) >= 2
        assert (
            sum(not each for each in results)
            >= ChangeRequest.objects.filter(pk=request.pk, state="applied").count()
            == 1
        )
        assert_whole()

    def test_decide_and_apply_while_the_beat_does(self, processes: ProcessPool, crowd: list[str]) -> None:
        """The beat handles many requests in one transaction while people handle each of them one by one."""
        person = User.objects.get(username=crowd[0])
        requests = []
        for index in range(6):
            request = draft(make_spec(scope={"bucket": f"b{index}"}), at=NOW - DAY)
            approve(request_id=request.pk, by=person, at=NOW - DAY)
            schedule(request_id=request.pk, by=person, due=NOW - DAY / 2, at=NOW - DAY)
            requests.append(request.pk)
        calls: list[Call] = []
        for index, who in enumerate(crowd):
            choice = {"request_id": requests[-1 - index % 6], "who": who}
            calls.append(("due", {}) if index % 5 == 0 else ("apply", choice))

        done(processes.at_once(calls))
        done(processes.at_once([("due", {})]))

        assert set(ChangeRequest.objects.values_list("state", flat=True)) == {"applied"}
        assert Version.objects.count() == 6
        assert_whole()


class TestAgainstEachOther:
    def test_edit_and_approve(self, processes: ProcessPool, crowd: list[str]) -> None:
        author = make_person("author")
        request = draft(kind="mode", content={"mode": "shadow"}, author=author)
        edit = {"request_id": request.pk, "who": "author", "content": {"mode": "on"}}
        calls: list[Call] = [("approve", {"request_id": request.pk, "who": who}) for who in crowd[:10]]

        done(processes.at_once([("edit", edit), *calls]))

        request.refresh_from_db()
        counting = Vote.objects.filter(content_hash=request.content_hash).count()
        assert (request.content, request.state) == ({"mode": "on"}, "approved" if counting else "in_review")
        assert_whole()

    def test_expire_and_apply(self, processes: ProcessPool, crowd: list[str]) -> None:
        publish(make_spec())
        request = approved()
        ends: list[Call] = [("expire", {"days": 365})] * 5
        results = processes.at_once([*ends, *(("apply", {"request_id": request.pk, "who": who}) for who in crowd[:20])])

        done(results)
        request.refresh_from_db()
        assert (request.state, Version.objects.count()) in {("applied", 2), ("expired", 1)}
        assert_whole()

    def test_veto_and_apply(self, processes: ProcessPool, crowd: list[str]) -> None:
        publish(make_spec())
        request = approved()
        veto = {"line_id": LINE, "reason": "harm"}
        calls: list[Call] = [("veto", veto | {"who": who}) for who in crowd[:5]]

        done(processes.at_once([*calls, *(("apply", {"request_id": request.pk, "who": who}) for who in crowd[5:20])]))

        assert LineHold.objects.count() == 1
        assert not Membership.objects.filter(line_id=LINE, to_version=None).exists()
        assert_whole()

    def test_retire_and_delegate(self, processes: ProcessPool, crowd: list[str]) -> None:
        delegated()
        retire = {"module": "pm", "lines": [LINE], "reason": "harm"}
        calls: list[Call] = [("retire", retire | {"who": who}) for who in crowd[:5]]

        results = processes.at_once([*calls, *(("delegate", {"size": 1.19 - index / 100}) for index in range(10))])

        done(results)
        assert not Membership.objects.filter(line_id=LINE, to_version=None).exists()
        assert not Mandate.objects.filter(revoked_at=None).exists()
        assert_whole()

    def test_two_rollbacks(self, processes: ProcessPool, crowd: list[str]) -> None:
        for size in (1.1, 1.2, 1.15):
            publish(make_spec({"size_mult": size}))
        back = [approved(kind="rollback", content={"to": to}) for to in (1, 2)]
        calls: list[Call] = [
            ("apply", {"request_id": back[index % 2].pk, "who": who}) for index, who in enumerate(crowd[:20])
        ]

        results = processes.at_once(calls)

        assert (done(results), Version.objects.count(), Version.objects.filter(is_active=True).count()) == (1, 4, 1)
        assert_whole()

    def test_quarantine_and_delegate(self, processes: ProcessPool, crowd: list[str]) -> None:
        delegated()
        stop = {"module": "pm", "reason": "harm"}
        calls: list[Call] = [("quarantine", stop | {"who": who}) for who in crowd[:5]]

        done(processes.at_once([*calls, *(("delegate", {"size": 1.19 - index / 100}) for index in range(10))]))

        assert Quarantine.objects.count() == 1
        since = AuditEntry.objects.get(action="quarantine").seq
        assert not AuditEntry.objects.filter(action="publish", seq__gt=since).exists()
        assert_whole()
