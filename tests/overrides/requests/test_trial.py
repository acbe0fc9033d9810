"""A trial: a version that is logged as the challenger of the one in force, and never served."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from overrides.core.governance.errors import GateError, RaisesEffectError
from overrides.models import ChangeRequest, Mandate, Membership, ModuleMode, Version
from overrides.requests.apply import apply_request
from overrides.requests.kinds.kind import DraftLine
from overrides.requests.review import approve
from overrides.serving.engine import load_engine
from overrides.serving.mode import lower_mode, mode_document
from overrides.serving.resolve import resolve
from overrides.versions.load_version import in_version
from overrides.versions.publish import store_override
from telemetry.audit.audit_log import write_audit
from telemetry.models import AuditEntry
from tests.builders import (
    NOW,
    approve_and_apply,
    come_true,
    draft,
    make_parameters,
    make_question,
    make_spec,
    publish,
    set_mode,
)
from tests.people import somebody
from tests.shared_world import Shared

EVIDENCE = make_parameters({"policy": "evidence", "combiner": "evidence"}).to_document()
PLAN = make_spec({"size_mult": 1.1})
TRIED = make_spec({"size_mult": 1.3}, policy="evidence")
LATER = NOW + timedelta(hours=9)


def trial(*, brings: Any = TRIED, withdraws: Any = PLAN, **over: Any) -> ChangeRequest:
    """Draft a request to try the evidence method beside the plan's."""
    override = store_override(brings, source="lesson", at=NOW)
    lines = [DraftLine(withdraws.line, None, ["withdrawn"]), DraftLine(brings.line, override.id, ["new line"])]
    return draft(**{"kind": "trial", "content": EVIDENCE, "lines": lines} | over)


def commit() -> None:
    """Run the deferred triggers now, as the end of the transaction would."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def held(number: int) -> list[Any]:
    rows = Membership.objects.filter(in_version(number), module="pm").order_by("override_id")
    return [[row.override_id, row.path and row.path.to_document()] for row in rows]


def begin_a_trial() -> None:
    publish(PLAN)
    set_mode("on")
    approve_and_apply(trial(), at=LATER)


@pytest.fixture(scope="class")
def tried(shared: Shared) -> Iterator[None]:
    with shared(begin_a_trial):
        yield


@pytest.fixture(scope="class")
def in_force(shared: Shared) -> Iterator[None]:
    with shared(lambda: publish(PLAN)):
        yield


@pytest.mark.django_db
@pytest.mark.usefixtures("tried")
class TestATrial:
    def test_is_a_version_that_is_not_active_and_a_next_one_that_is_what_was(self) -> None:
        first, tried, restored = Version.objects.order_by("number")

        assert [(each.kind, each.is_active) for each in (first, tried, restored)] == [
            ("lines", False), ("trial", False), ("restored", True)
        ]  # fmt: skip
        assert [override for override, _ in held(2)] == [TRIED.content_id]
        assert held(3) == held(1) == [[PLAN.content_id, None]]
        assert (restored.parameters_id, restored.content_hash) == (first.parameters_id, first.content_hash)
        assert tried.parameters.document == EVIDENCE

    def test_is_the_challenger_from_then_on(self) -> None:
        assert mode_document(ModuleMode.objects.get()) == {
            "mode": "on", "rollout_percent": 100.0, "allow": {}, "challenger": 2,
        }  # fmt: skip
        assert AuditEntry.objects.filter(object="mode pm").count() == 2

    def test_is_answered_beside_what_is_served_and_changes_nothing_of_it(self) -> None:
        [answer] = resolve([make_question()], now=LATER + timedelta(days=40))

        logged = answer.record
        assert (logged.version, logged.challenger_version) == (3, 2)
        assert logged.challenger is not None
        assert logged.challenger["levers"]["size_mult"]["served"] != logged.levers["size_mult"]["served"]

    def test_signs_no_mandate(self) -> None:
        assert not Mandate.objects.filter(line_id=TRIED.line).exists()
        assert Mandate.objects.get(revoked_at=None).line_id == PLAN.line

    def test_moves_nothing(self) -> None:
        assert ChangeRequest.objects.get(kind="trial").movement == 0.0

    def test_is_stopped_at_once(self) -> None:
        lower_mode(module="pm", by="ada", reason="seen enough", at=LATER, stop_challenger=True)
        commit()

        assert mode_document(ModuleMode.objects.get())["challenger"] is None
        with pytest.raises(RaisesEffectError, match="challenger: pm has none that could be stopped"):
            lower_mode(module="pm", by="ada", reason="again", at=LATER, stop_challenger=True)

    def test_can_be_followed_by_another(self) -> None:
        approve_and_apply(trial(brings=make_spec({"size_mult": 1.2}, policy="evidence")), at=LATER)
        commit()

        assert [each.kind for each in Version.objects.order_by("number")] == [
            "lines", "trial", "restored", "trial", "restored"
        ]  # fmt: skip
        assert held(5) == held(1)
        assert load_engine("pm").challenger[0] == 4  # type: ignore[index]

    def test_can_be_brought_into_force_by_a_rollback_that_others_agree_to(self) -> None:
        come_true()
        approve_and_apply(draft(kind="rollback", content={"to": 2}), at=LATER)
        commit()

        assert Version.objects.get(is_active=True).parameters.document == EVIDENCE
        assert [override for override, _ in held(4)] == [TRIED.content_id]


@pytest.mark.django_db
class TestARampThatStands:
    def test_goes_on_where_it_was(self) -> None:
        live = make_parameters({"policy": "evidence", "combiner": "evidence"})
        publish(TRIED, parameters=live)
        plan = make_parameters().to_document()
        approve_and_apply(trial(brings=PLAN, withdraws=TRIED, content=plan), at=LATER)
        commit()

        was, again = Membership.objects.filter(line_id=TRIED.line).order_by("from_version")
        assert (again.path_from, again.path_since) == (was.path_from, was.path_since) == ({"size_mult": 1.0}, NOW)
        assert held(3) == held(1)


@pytest.mark.django_db
class TestARequestForATrial:
    def test_needs_something_in_force(self) -> None:
        with pytest.raises(GateError, match="module: nothing of pm is in force to try this beside"):
            draft(kind="trial", content=EVIDENCE)

    def test_is_nobodys_rival(self, reviewer: User) -> None:
        publish(PLAN)
        request = trial()
        other = draft(make_spec({"size_mult": 1.2}))

        approve(request_id=other.pk, by=reviewer, at=NOW)
        approve(request_id=request.pk, by=reviewer, at=NOW)

    def test_is_stale_once_what_it_withdraws_has_moved(self) -> None:
        publish(PLAN)
        request = trial()
        publish(make_spec({"size_mult": 1.2}))

        with pytest.raises(GateError, match=r"stale: .* changed since this was drafted"):
            approve_and_apply(request)

    def test_waits_for_others_than_its_author(self, reviewer: User) -> None:
        publish(PLAN)
        request = trial()

        with pytest.raises(GateError, match="0 of 1 approvals"):
            apply_request(request_id=request.pk, by=reviewer, at=NOW)


@pytest.mark.django_db
@pytest.mark.usefixtures("in_force")
class TestTheDatabaseRefuses:
    def test_a_trial_that_is_active(self) -> None:
        request = self.applied()
        with pytest.raises(IntegrityError, match="trial_is_never_active"):
            self.version(request, "trial", is_active=True)

    def test_a_trial_without_its_restoration(self) -> None:
        self.version(self.applied(), "trial", is_active=False)

        self.refused("trial pm/2 stands between a version and its restoration")

    def test_a_restoration_of_no_trial(self) -> None:
        request = self.applied()
        Version.objects.update(is_active=False)
        self.version(request, "restored", is_active=True)

        self.refused("version pm/2 restores nothing")

    def test_a_trial_without_votes(self) -> None:
        request = trial()
        for state in ("approved", "applied"):
            ChangeRequest.objects.filter(pk=request.pk).update(state=state, closed_at=NOW)
        self.version(request, "trial", is_active=False)

        self.refused("has 0 of 1 approvals of its content by others than its author")

    def test_a_trial_by_a_request_of_another_kind(self) -> None:
        self.version(draft(make_spec({"size_mult": 1.2})), "trial", is_active=False)

        self.refused("is not applied, or of another kind")

    def test_a_line_that_its_request_does_not_bring(self) -> None:
        approve_and_apply(trial())
        extra = store_override(make_spec({"size_mult": 1.3}, action_category="add"), source="x", at=NOW)
        Membership.objects.create(module="pm", line_id=extra.line_id, override=extra, from_version=2, to_version=None)

        self.refused("pm/2 differs from request")

    def test_a_restoration_that_brings_a_line(self) -> None:
        approve_and_apply(trial())
        extra = store_override(make_spec({"size_mult": 1.3}, action_category="add"), source="x", at=NOW)
        Membership.objects.create(module="pm", line_id=extra.line_id, override=extra, from_version=3)

        self.refused("pm/3 differs from .* at line")

    def test_another_challenger_than_the_trial(self) -> None:
        approve_and_apply(trial())
        ModuleMode.objects.update(challenger=Version.objects.get(number=1), revision=F("revision") + 1)

        self.refused("mode pm: going away from neutral takes an applied request")

    def applied(self) -> ChangeRequest:
        """A request that was approved and marked as applied, without its effect."""
        request = trial()
        approve(request_id=request.pk, by=somebody(), at=NOW)
        ChangeRequest.objects.filter(pk=request.pk).update(state="applied", closed_at=NOW)
        return request

    def version(self, request: ChangeRequest, kind: str, **over: Any) -> Version:
        before = Version.objects.order_by("-number")[0]
        fields = {
            "module": "pm", "number": before.number + 1, "kind": kind, "parameters": before.parameters,
            "n_overrides": 1, "content_hash": "h", "request": request, "published_at": NOW, "published_by": "mallory",
        }  # fmt: skip
        write_audit(
            actor="mallory", action="x", object=f"version pm/{before.number + 1}", reason="x", before=None, after=None,
            at=NOW,
        )  # fmt: skip
        return Version.objects.create(**fields | over)

    def refused(self, why: str) -> None:
        with pytest.raises(IntegrityError, match=why):
            commit()


@pytest.mark.django_db(transaction=True)
def test_nobody_ever_sees_a_trial_in_force() -> None:
    publish(PLAN)
    request = trial()
    observed: list[tuple[int, str]] = []
    applied, done = threading.Event(), threading.Event()

    def observe() -> None:
        def active() -> tuple[int, str]:
            return Version.objects.values_list("number", "kind").get(module="pm", is_active=True)

        try:
            assert applied.wait(20)
            observed.append(active())  # after the effect, before the commit
        finally:
            done.set()
            connection.close()

    reader = threading.Thread(target=observe)
    reader.start()
    with transaction.atomic():
        approve_and_apply(request)
        applied.set()
        assert done.wait(20)
    reader.join()

    assert observed == [(1, "lines")]
    assert Version.objects.values_list("number", "kind").get(is_active=True) == (3, "restored")
