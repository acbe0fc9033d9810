"""Emergency actions: who may take them, what they do, and what they leave to be reviewed afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from overrides.core.governance.errors import GateError, RaisesEffectError
from overrides.models import ChangeRequest, LineHold, Mandate, ModuleMode, Quarantine, Version
from overrides.requests.emergency import (
    acknowledge,
    lift_hold,
    lower_mode_with_request,
    pin_line,
    quarantine_builder,
    retire_lines,
    switch_everything_off,
    veto_line,
)
from overrides.versions.load_version import load_specs
from telemetry.models import AuditEntry
from tests.builders import NOW, approve_and_apply, draft, make_spec, publish, set_mode
from tests.people import as_committed

DIP = {"macro_phase": "Dip"}
LINE, OTHER = make_spec().line, make_spec(scope=DIP).line
DAY = timedelta(days=1)


def in_force() -> set[str]:
    return {spec.line for spec in load_specs("pm", Version.objects.get(is_active=True).number)}


@pytest.mark.django_db
class TestLowerMode:
    def test_takes_effect_at_once_and_waits_for_review(self, operator: User) -> None:
        set_mode("on")

        lower_mode_with_request(module="pm", to="shadow", by=operator, reason="odd fills", at=NOW)

        assert ModuleMode.objects.get(module="pm").mode == "shadow"
        request = ChangeRequest.objects.get(route="at_once")
        assert (request.state, request.kind, request.author, request.reason) == (
            "applied", "mode", operator, "odd fills",
        )  # fmt: skip
        assert request.acknowledged_at is None

    def test_goes_only_down(self, operator: User) -> None:
        set_mode("shadow")

        with pytest.raises(RaisesEffectError, match="pm is shadow; going to on needs a reviewed request"):
            lower_mode_with_request(module="pm", to="on", by=operator, reason="please", at=NOW)

        assert not ChangeRequest.objects.filter(route="at_once").exists()

    def test_needs_permission_and_reason(self, author: User, operator: User) -> None:
        set_mode("on")

        with pytest.raises(GateError, match="you may not do this; an operator or a reviewer"):
            lower_mode_with_request(module="pm", to="off", by=author, reason="x", at=NOW)
        with pytest.raises(GateError, match="reason: say why"):
            lower_mode_with_request(module="pm", to="off", by=operator, reason=" ", at=NOW)

    def test_of_everything_is_one_call(self, operator: User) -> None:
        set_mode("on")
        set_mode("shadow", module="dm")

        assert switch_everything_off(by=operator, reason="halt", at=NOW) == ["dm", "pm"]
        assert set(ModuleMode.objects.values_list("mode", flat=True)) == {"off"}
        assert switch_everything_off(by=operator, reason="halt", at=NOW) == []


@pytest.mark.django_db
class TestRetireLines:
    def test_takes_lines_out_of_force_with_their_mandates(self, operator: User) -> None:
        publish(make_spec(), make_spec(scope=DIP))

        request = retire_lines(module="pm", lines=[LINE], by=operator, reason="it lost", at=NOW)

        assert in_force() == {OTHER}
        assert Version.objects.get(is_active=True).request == request
        assert list(Mandate.objects.filter(revoked_at=None).values_list("line_id", flat=True)) == [OTHER]

    def test_refuses_what_is_not_in_force_and_retires_nothing(self, operator: User) -> None:
        publish(make_spec())

        with pytest.raises(GateError, match=f"lines: {OTHER[:12]} not in force in pm"):
            retire_lines(module="pm", lines=[LINE, OTHER], by=operator, reason="x", at=NOW)
        with pytest.raises(GateError, match="lines: none not in force"):
            retire_lines(module="pm", lines=[], by=operator, reason="x", at=NOW)

        assert in_force() == {LINE}

    def test_is_undone_only_by_a_request(self, operator: User) -> None:
        publish(make_spec())
        retire_lines(module="pm", lines=[LINE], by=operator, reason="x", at=NOW)

        approve_and_apply(draft(kind="rollback", content={"to": 1}))

        assert in_force() == {LINE}


@pytest.mark.django_db
class TestHolds:
    def test_a_veto_retires_the_line_and_keeps_it_out(self, operator: User, reviewer: User) -> None:
        publish(make_spec(), make_spec(scope=DIP))

        hold = veto_line(line_id=LINE, by=operator, reason="never again", at=NOW)
        as_committed()

        assert in_force() == {OTHER}
        with pytest.raises(GateError, match="must not be served: a veto stands"):
            publish(make_spec({"size_mult": 1.2}))

        lift_hold(hold_id=hold.pk, by=reviewer, reason="explained", at=NOW + DAY)
        assert in_force() == {OTHER}
        publish(make_spec({"size_mult": 1.3}), at=NOW + DAY)
        assert in_force() == {LINE, OTHER}

    def test_a_veto_ends_by_itself_when_it_expires(self, operator: User) -> None:
        publish(make_spec())
        veto_line(line_id=LINE, by=operator, reason="until Monday", at=NOW, expires_at=NOW + DAY)
        as_committed()

        publish(make_spec({"size_mult": 1.2}), at=NOW + DAY)

        assert in_force() == {LINE}

    def test_a_veto_may_be_placed_before_the_line_has_an_override(self, operator: User) -> None:
        publish(make_spec(scope=DIP))
        request = draft(make_spec())

        veto_line(line_id=LINE, by=operator, reason="no", at=NOW)

        with pytest.raises(GateError, match="a veto stands"):
            approve_and_apply(request)

    def test_are_placed_once_and_lifted_once(self, operator: User, reviewer: User) -> None:
        publish(make_spec())
        hold = pin_line(line_id=LINE, by=reviewer, reason="mine", at=NOW)

        with pytest.raises(GateError, match="a pin stands on it already"):
            pin_line(line_id=LINE, by=reviewer, reason="mine", at=NOW)
        lift_hold(hold_id=hold.pk, by=reviewer, reason="done", at=NOW)
        with pytest.raises(GateError, match="pin: was lifted already"):
            lift_hold(hold_id=hold.pk, by=reviewer, reason="done", at=NOW)

    def test_take_the_place_of_one_that_has_expired(self, reviewer: User) -> None:
        publish(make_spec())
        pin_line(line_id=LINE, by=reviewer, reason="a", at=NOW, expires_at=NOW + DAY)

        pin_line(line_id=LINE, by=reviewer, reason="b", at=NOW + DAY)

        assert LineHold.objects.get(lifted_at=None).reason == "b"

    def test_refuse_a_date_that_has_passed_and_a_line_nobody_knows(self, reviewer: User) -> None:
        publish(make_spec())

        with pytest.raises(GateError, match="expires_at: lies in the past"):
            pin_line(line_id=LINE, by=reviewer, reason="x", at=NOW, expires_at=NOW)
        with pytest.raises(GateError, match="line: there is no line 000000000000"):
            pin_line(line_id="0" * 64, by=reviewer, reason="x", at=NOW)

    def test_are_lifted_and_pinned_by_reviewers_alone(self, operator: User) -> None:
        publish(make_spec())
        hold = veto_line(line_id=LINE, by=operator, reason="x", at=NOW)

        with pytest.raises(GateError, match="you may not do this"):
            lift_hold(hold_id=hold.pk, by=operator, reason="x", at=NOW)
        with pytest.raises(GateError, match="you may not do this"):
            pin_line(line_id=LINE, by=operator, reason="x", at=NOW)


@pytest.mark.django_db
class TestQuarantine:
    def test_is_placed_once(self, operator: User) -> None:
        quarantine_builder(module="pm", by=operator, reason="odd", at=NOW)

        with pytest.raises(GateError, match="is in quarantine already"):
            quarantine_builder(module="pm", by=operator, reason="odd", at=NOW)
        assert Quarantine.objects.count() == 1


@pytest.mark.django_db
class TestAcknowledge:
    def test_is_reviewed_by_somebody_else_afterwards(self, operator: User, reviewer: User) -> None:
        set_mode("on")
        lower_mode_with_request(module="pm", to="off", by=operator, reason="halt", at=NOW)
        request = ChangeRequest.objects.get(route="at_once")

        with pytest.raises(GateError, match="you did this yourself"):
            acknowledge(request_id=request.pk, by=operator, reason="fine", at=NOW)
        acknowledge(request_id=request.pk, by=reviewer, reason="rightly so", at=NOW + DAY)

        request.refresh_from_db()
        assert (request.acknowledged_by, request.acknowledged_at) == ("reviewer", NOW + DAY)
        assert AuditEntry.objects.order_by("seq").values_list("action", flat=True).last() == "acknowledge"
        with pytest.raises(GateError, match="waits for no review afterwards"):
            acknowledge(request_id=request.pk, by=reviewer, reason="again", at=NOW)

    def test_is_not_of_what_was_reviewed_before(self, reviewer: User) -> None:
        publish(make_spec())

        with pytest.raises(GateError, match="waits for no review afterwards"):
            acknowledge(request_id=ChangeRequest.objects.get().pk, by=reviewer, reason="x", at=NOW)
