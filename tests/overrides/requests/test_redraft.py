"""A machine's request is returned with wishes, which are holds, and its successor honours them at once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from learning.proposals.materialize import materialize, publish_what_mandates_cover
from overrides.core.governance.errors import GateError
from overrides.models import ChangeRequest, LineHold, Membership, Vote
from overrides.requests.apply import apply_request
from overrides.requests.emergency import cap_line
from overrides.requests.redraft import Redrafted, Wish, redraft
from overrides.requests.review import approve
from telemetry.audit.verify_trail import verify_trail
from telemetry.models import AuditEntry
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, NOW, draft, make_lesson, make_spec, make_trades, run_concurrently
from tests.conftest import make_user

DIP, BAD, NANO = {"macro_phase": "Dip"}, {"macro_phase": "Bad"}, {"bucket": "nano"}
UNTIL = NOW + 30 * DAY
MAY = ("review_changerequest", "apply_changerequest", "lower_modulemode")


@pytest.fixture
def desk(db: None) -> User:
    """A reviewer who may also lower, as the role has it."""
    return make_user("desk", *(f"overrides.{each}" for each in MAY))


def proposed(at: datetime = NOW) -> ChangeRequest:
    request = materialize(module="pm", now=at)
    assert request is not None
    return request


def returned(request: ChangeRequest, by: User, wishes: dict[str, Wish], at: datetime = NOW, **over: Any) -> Redrafted:
    fields: dict[str, Any] = {"until": UNTIL, "reason": "too bold"} | over
    return redraft(request_id=request.pk, by=by, wishes=wishes, at=at, **fields)


def targets(request: ChangeRequest | None) -> dict[str, float | None]:
    """Return line -> proposed size; None where the line is withdrawn."""
    assert request is not None
    changes = request.lines.select_related("after")
    return {each.line_id: each.after.levers["size_mult"] if each.after else None for each in changes}


@pytest.mark.django_db
class TestRedraft:
    def test_drafts_the_successor_at_once_as_wished(self, desk: User) -> None:
        """Half of a movement from neutral to 1.1 ends at the root of 1.1, three quarters at 1.1 ** .75."""
        plain, out, held, half = (
            make_lesson(), make_lesson(scope=DIP), make_lesson(scope=BAD), make_lesson(scope=NANO),
        )  # fmt: skip
        request = proposed()

        found = returned(request, desk, {out.line_id: Wish.LEAVE_OUT, held.line_id: Wish.HOLD, half.line_id: Wish.HALF})

        request.refresh_from_db()
        assert (request.state, request.closed_at) == ("cancelled", NOW)
        assert targets(found.successor) == {plain.line_id: 1.1, half.line_id: pytest.approx(1.1**0.5, abs=1e-12)}
        assert found.successor is not None
        assert (found.successor.succeeds, found.successor.state) == (request, "in_review")
        assert found.successor.reason == (
            f"The next draft after request {request.pk}, on which desk requested changes: too bold\n"
            "Wishes on its lines, until 2026-04-01 12:00 UTC: 1 left out, 1 held as they are, 1 made smaller. "
            "The other lines are as the evidence of now has them."
        )
        holds = {hold.line_id: hold for hold in LineHold.objects.all()}
        assert {line: (hold.kind, hold.expires_at) for line, hold in holds.items()} == {
            out.line_id: ("veto", UNTIL), held.line_id: ("pin", UNTIL), half.line_id: ("cap", UNTIL),
        }  # fmt: skip
        assert holds[half.line_id].cap == {"size_mult": pytest.approx(1.1**0.5, abs=1e-12)}
        assert {hold.reason for hold in holds.values()} == {f"changes requested on request {request.pk}: too bold"}
        assert [(vote.decision, vote.reason) for vote in Vote.objects.all()] == [("request_changes", "too bold")]

    def test_leaves_a_trail_that_verifies(self, desk: User) -> None:
        lesson, other = make_lesson(), make_lesson(scope=DIP)

        returned(proposed(), desk, {lesson.line_id: Wish.QUARTER, other.line_id: Wish.LEAVE_OUT})

        assert verify_trail(full=True).findings == ()

    def test_retires_at_once_what_is_left_out(self, desk: User) -> None:
        lesson, other = make_lesson(), make_lesson(scope=DIP)
        first = proposed()
        approve(request_id=first.pk, by=desk, at=NOW)
        apply_request(request_id=first.pk, by=desk, at=NOW)
        type(lesson).objects.update(targets={"size_mult": 1.2})

        found = returned(proposed(NOW + DAY), desk, {lesson.line_id: Wish.LEAVE_OUT}, NOW + DAY)

        assert targets(found.successor) == {other.line_id: 1.2}
        in_force = Membership.objects.filter(to_version=None).values_list("line_id", flat=True)
        assert list(in_force) == [other.line_id]
        assert ChangeRequest.objects.filter(route="at_once").count() == 1

    def test_leaves_no_successor_where_nothing_is_left_to_propose(self, desk: User) -> None:
        lesson = make_lesson()

        found = returned(proposed(), desk, {lesson.line_id: Wish.HOLD})

        assert found.successor is None
        assert ChangeRequest.objects.count() == 1

    def test_takes_a_second_click_for_one(self, desk: User) -> None:
        lesson = make_lesson()
        request = proposed()
        first = returned(request, desk, {lesson.line_id: Wish.HALF})
        entries = AuditEntry.objects.count()

        again = returned(request, desk, {lesson.line_id: Wish.HALF})

        assert again.successor == first.successor
        assert (ChangeRequest.objects.count(), LineHold.objects.count()) == (2, 1)
        assert AuditEntry.objects.count() == entries

    def test_returns_the_successor_too(self, desk: User) -> None:
        """A cap makes the movement smaller once more: a quarter, then half of that."""
        lesson = make_lesson()
        first = returned(proposed(), desk, {lesson.line_id: Wish.QUARTER}).successor
        assert first is not None

        second = returned(first, desk, {lesson.line_id: Wish.HALF}).successor

        assert targets(second) == {lesson.line_id: pytest.approx(1.1 ** (1 / 8), abs=1e-9)}
        assert [(hold.lifted_at is None, hold.kind) for hold in LineHold.objects.order_by("pk")] == [
            (False, "cap"), (True, "cap"),
        ]  # fmt: skip

    def test_counts_as_the_request_of_its_day(self, desk: User) -> None:
        lesson = make_lesson()
        make_lesson(scope=DIP)
        request = proposed()

        returned(request, desk, {lesson.line_id: Wish.HOLD})

        assert materialize(module="pm", now=NOW) is None

    def test_leaves_the_lines_of_another_open_request_of_the_machine_alone(self, desk: User) -> None:
        lesson, other = make_lesson(), make_lesson(scope=DIP)
        request = proposed()
        approve(request_id=request.pk, by=desk, at=NOW, only=[lesson.line_id])
        rest = ChangeRequest.objects.get(split_from=request)

        found = returned(rest, desk, {other.line_id: Wish.HALF})

        assert targets(found.successor) == {other.line_id: pytest.approx(1.1**0.5, abs=1e-12)}

    @pytest.mark.parametrize(
        ("over", "why"),
        [
            ({"reason": " "}, "say what should be different"),
            ({"until": NOW}, "name a time between now and 2027-03-03 12:00 UTC"),
            ({"until": NOW + 367 * DAY}, "name a time between now and"),
            ({"wishes": {}}, "choose for at least one line"),
            ({"wishes": {"f" * 64: Wish.HOLD}}, "ffffffffffff is no line of this request"),
            ({"expected_hash": "another"}, "it was edited after you opened it"),
        ],
    )
    def test_is_refused_where_it_says_nothing(self, desk: User, over: dict[str, Any], why: str) -> None:
        lesson = make_lesson()
        request = proposed()

        with pytest.raises(GateError, match=why):
            returned(request, desk, **{"wishes": {lesson.line_id: Wish.HOLD}} | over)

        request.refresh_from_db()
        assert (request.state, LineHold.objects.count()) == ("in_review", 0)

    def test_makes_nothing_smaller_that_goes_towards_neutral(self, desk: User) -> None:
        lesson = make_lesson()
        first = proposed()
        approve(request_id=first.pk, by=desk, at=NOW)
        apply_request(request_id=first.pk, by=desk, at=NOW)
        type(lesson).objects.update(targets={"size_mult": 1.02})

        with pytest.raises(GateError, match="does not move away from neutral"):
            returned(proposed(NOW + DAY), desk, {lesson.line_id: Wish.HALF}, NOW + DAY)

    def test_is_for_reviewers(self, author: User, reviewer: User) -> None:
        lesson = make_lesson()
        request = proposed()

        with pytest.raises(GateError, match="you may not decide about requests"):
            returned(request, author, {lesson.line_id: Wish.HOLD})
        with pytest.raises(GateError, match="you may not do this"):  # a veto lowers at once
            returned(request, reviewer, {lesson.line_id: Wish.LEAVE_OUT})

    def test_is_for_requests_of_a_machine_that_answers(self, author: User, desk: User) -> None:
        line = make_spec().line

        with pytest.raises(GateError, match="author drafts no successor"):
            returned(draft(make_spec(), author=author), desk, {line: Wish.HOLD})
        with pytest.raises(GateError, match="machine drafts no successor"):
            returned(draft(make_spec(scope=DIP)), desk, {make_spec(scope=DIP).line: Wish.HOLD})

    def test_lets_the_builder_move_within_the_cap_alone(self, desk: User) -> None:
        """Mandates reach to 1.2; under a cap of 1.1 ** .5 the builder publishes that target and no farther one."""

        record_trades(make_trades([1.0] * 100), now=NOW)
        lesson = make_lesson({"size_mult": 1.2})
        first = proposed()
        approve(request_id=first.pk, by=desk, at=NOW)
        apply_request(request_id=first.pk, by=desk, at=NOW)

        cap_line(line_id=lesson.line_id, cap={"size_mult": 1.05}, by=desk, reason="smaller", at=NOW, expires_at=UNTIL)
        type(lesson).objects.update(targets={"size_mult": 1.15})

        request = publish_what_mandates_cover(module="pm", now=NOW + DAY)

        assert request is not None
        assert targets(request) == {lesson.line_id: 1.05}


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_is_done_once_by_two_people(self) -> None:
        people = [
            make_user(name, "overrides.review_changerequest", "overrides.lower_modulemode") for name in ("one", "two")
        ]
        lesson = make_lesson()
        make_lesson(scope=DIP)
        request = proposed()

        results = run_concurrently(*(lambda by=by: returned(request, by, {lesson.line_id: Wish.HALF}) for by in people))

        refused = [each for each in results if isinstance(each, GateError)]
        assert len(refused) == 1
        assert "is cancelled" in str(refused[0])
        assert ChangeRequest.objects.filter(state="in_review").count() == 1
        assert LineHold.objects.count() == 1
