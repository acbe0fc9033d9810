"""Schedules, policies, and the mandates that an approval grants."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User

from overrides.core.governance.errors import GateError
from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.models import ChangeRequest, Mandate, ModulePolicy, Version, Vote
from overrides.requests.apply import apply_due, apply_request
from overrides.requests.gates import hash_of
from overrides.requests.governance_store import policy_of
from overrides.requests.review import approve, schedule
from tests.builders import NOW, approve_and_apply, draft, make_parameters, make_spec, publish, without_triggers
from tests.conftest import make_user
from tests.people import make_person, settled

HOUR = timedelta(hours=1)
DIP = {"macro_phase": "Dip"}
MAY = ("overrides.review_changerequest", "overrides.apply_changerequest")


def scheduled(reviewer: User, due_in: timedelta = HOUR) -> ChangeRequest:
    request = draft(make_spec())
    approve(request_id=request.pk, by=reviewer, at=NOW)
    return schedule(request_id=request.pk, by=reviewer, due=NOW + due_in, at=NOW)


@pytest.mark.django_db
class TestApplyDue:
    def test_applies_what_is_due_and_nothing_else(self, reviewer: User) -> None:
        request = scheduled(reviewer)

        assert apply_due(now=NOW + HOUR - timedelta(seconds=1)) == 0
        assert apply_due(now=NOW + HOUR) == 1

        request.refresh_from_db()
        assert (request.state, Version.objects.get().published_by) == ("applied", "counterweight")

    def test_fails_what_may_not_take_effect_any_more_and_says_why(self, reviewer: User) -> None:
        request = scheduled(reviewer)
        publish(make_spec({"size_mult": 1.2}))

        assert apply_due(now=NOW + HOUR) == 1

        request.refresh_from_db()
        assert (request.state, request.closed_at) == ("failed", NOW + HOUR)
        assert "stale: donchian.long.breakout entry" in request.failure
        assert Version.objects.count() == 1

    def test_goes_on_past_one_that_fails(self, reviewer: User) -> None:
        scheduled(reviewer)
        publish(make_spec({"size_mult": 1.2}))
        fine = draft(make_spec(scope=DIP))
        approve(request_id=fine.pk, by=reviewer, at=NOW)
        schedule(request_id=fine.pk, by=reviewer, due=NOW + HOUR, at=NOW)

        assert apply_due(now=NOW + 2 * HOUR) == 2
        assert Version.objects.get(is_active=True).request == fine

    def test_goes_on_past_one_whose_content_cannot_be_read(self, reviewer: User) -> None:
        forged = draft(kind="mode", content={"mode": "shadow"})
        approve(request_id=forged.pk, by=reviewer, at=NOW)
        schedule(request_id=forged.pk, by=reviewer, due=NOW + HOUR, at=NOW)
        fine = scheduled(reviewer)
        forged.refresh_from_db()
        forged.content = ["shadow"]
        with without_triggers():
            signed = hash_of(forged, [])
            ChangeRequest.objects.filter(pk=forged.pk).update(content=["shadow"], content_hash=signed)
            Vote.objects.filter(request=forged).update(content_hash=signed)

        assert apply_due(now=NOW + 2 * HOUR) == 2

        forged.refresh_from_db()
        fine.refresh_from_db()
        assert (forged.state, fine.state) == ("failed", "applied")
        assert forged.failure.startswith("its content cannot be read: ")

    def test_may_be_overtaken_by_a_person(self, reviewer: User) -> None:
        request = scheduled(reviewer)

        apply_request(request_id=request.pk, by=reviewer, at=NOW)

        assert apply_due(now=NOW + HOUR) == 0


@pytest.mark.django_db
class TestPolicy:
    def test_is_in_force_once_others_agreed(self) -> None:
        approve_and_apply(draft(kind="policy", content={"approvals": 2}))

        assert policy_of("pm") == GovernancePolicy(approvals=2)
        assert policy_of("dm") == GovernancePolicy()
        assert ModulePolicy.objects.get().number == 1

    def test_requires_the_configured_number_of_people(self, reviewer: User) -> None:
        approve_and_apply(draft(kind="policy", content={"approvals": 2}))
        request = draft(make_spec())

        approve(request_id=request.pk, by=reviewer, at=NOW)
        request.refresh_from_db()
        assert request.state == "in_review"
        with pytest.raises(GateError, match="it has 1 of 2 approvals"):
            apply_request(request_id=request.pk, by=reviewer, at=NOW)

        approve(request_id=request.pk, by=make_user("second", *MAY), at=NOW)
        apply_request(request_id=request.pk, by=reviewer, at=NOW)
        assert Version.objects.count() == 1

    def test_counts_nobody_twice(self, reviewer: User) -> None:
        approve_and_apply(draft(kind="policy", content={"approvals": 2}))
        request = draft(make_spec())

        for _ in range(3):
            approve(request_id=request.pk, by=reviewer, at=NOW)

        request.refresh_from_db()
        assert request.state == "in_review"

    def test_requires_more_approvals_for_large_movements(self, reviewer: User) -> None:
        approve_and_apply(draft(kind="policy", content={"large_movement": 6, "large_approvals": 2}))
        small, large = draft(make_spec({"size_mult": 1.1})), draft(make_spec({"size_mult": 1.3}, scope=DIP))

        for request in (small, large):
            approve(request_id=request.pk, by=reviewer, at=NOW)
            request.refresh_from_db()

        assert (small.state, large.state) == ("approved", "in_review")
        assert (round(small.movement, 2), round(large.movement, 2)) == (4.81, 13.25)

    def test_adds_up_what_many_small_requests_move(self, reviewer: User) -> None:
        approve_and_apply(draft(kind="policy", content={"large_movement": 6, "large_approvals": 2}))
        first, second = draft(make_spec()), draft(make_spec(scope=DIP))
        for request in (first, second):
            approve(request_id=request.pk, by=reviewer, at=NOW)
        apply_request(request_id=first.pk, by=reviewer, at=NOW)

        with pytest.raises(GateError, match=r"because it moves much \(4\.8 steps, 4\.8 before it\)"):
            apply_request(request_id=second.pk, by=reviewer, at=NOW + HOUR)

    def test_lets_the_groups_it_names_vote(self, reviewer: User) -> None:
        approve_and_apply(draft(kind="policy", content={"groups": ["board"]}))
        request = draft(make_spec())

        with pytest.raises(GateError, match="votes of board alone count here"):
            approve(request_id=request.pk, by=reviewer, at=NOW)

        with settled():
            reviewer.groups.add(Group.objects.create(name="board"))
        approve(request_id=request.pk, by=User.objects.get(pk=reviewer.pk), at=NOW)
        request.refresh_from_db()
        assert request.state == "approved"

    def test_cannot_loosen_itself(self, reviewer: User) -> None:
        """A request for a laxer policy is judged by the policy it would replace."""
        approve_and_apply(draft(kind="policy", content={"approvals": 2}))
        request = draft(kind="policy", content={"approvals": 1})
        approve(request_id=request.pk, by=reviewer, at=NOW)

        with pytest.raises(GateError, match="it has 1 of 2 approvals"):
            apply_request(request_id=request.pk, by=reviewer, at=NOW)

    def test_refuses_what_is_none(self) -> None:
        with pytest.raises(GateError, match="approvals: must be 1 to 9"):
            draft(kind="policy", content={"approvals": 0})


def member(name: str, group: str) -> User:
    """Return a reviewer whose vote counts if a policy names this group."""
    return make_person(name, *MAY, groups=(group,), is_staff=True)


@pytest.mark.django_db
class TestLimits:
    """Persons limited to one module, or to small movements, by the groups that policies name."""

    def test_of_a_module_let_its_own_reviewers_decide(self) -> None:
        for module in ("pm", "dm"):
            approve_and_apply(draft(module=module, kind="policy", content={"groups": [f"{module} desk"]}))
        pm_reviewer = member("pam", "pm desk")
        here, there = (draft(module=module, kind="mode", content={"mode": "shadow"}) for module in ("pm", "dm"))

        with pytest.raises(GateError, match="votes of dm desk alone count here; ask a member of dm desk"):
            approve(request_id=there.pk, by=pm_reviewer, at=NOW)
        assert approve(request_id=here.pk, by=pm_reviewer, at=NOW).state == "approved"
        assert not there.votes.exists()

    def test_of_size_leave_what_moves_much_to_others(self) -> None:
        content = {"large_movement": 6, "large_approvals": 1, "groups": ["desk", "board"], "large_groups": ["board"]}
        approve_and_apply(draft(kind="policy", content=content))
        small, large = draft(make_spec({"size_mult": 1.1})), draft(make_spec({"size_mult": 1.3}, scope=DIP))

        for name in ("dan", "eve"):
            with pytest.raises(GateError, match="votes of board alone count here"):
                approve(request_id=large.pk, by=member(name, "desk"), at=NOW)
        assert approve(request_id=small.pk, by=User.objects.get(username="dan"), at=NOW).state == "approved"
        assert approve(request_id=large.pk, by=member("ben", "board"), at=NOW).state == "approved"

    @pytest.mark.parametrize("kind", ["policy", "mode"])
    def test_of_size_keep_from_what_has_no_size(self, kind: str) -> None:
        approve_and_apply(draft(kind="policy", content={"groups": ["desk", "board"], "large_groups": ["board"]}))
        request = draft(kind=kind, content={"policy": {"groups": ["desk"]}, "mode": {"mode": "on"}}[kind])

        with pytest.raises(GateError, match="votes of board alone count here"):
            approve(request_id=request.pk, by=member("dan", "desk"), at=NOW)

    def test_of_size_hold_for_what_many_small_requests_move_together(self) -> None:
        approve_and_apply(
            draft(kind="policy", content={"large_movement": 6, "large_approvals": 1, "large_groups": ["board"]})
        )
        first, second = draft(make_spec()), draft(make_spec(scope=DIP))
        desk = member("dan", "desk")
        for request in (first, second):
            approve(request_id=request.pk, by=desk, at=NOW)
        apply_request(request_id=first.pk, by=desk, at=NOW)

        with pytest.raises(GateError, match="it has 0 of 1 approvals"):
            apply_request(request_id=second.pk, by=desk, at=NOW + HOUR)


@pytest.mark.django_db
class TestMandates:
    def test_are_signed_line_by_line(self) -> None:
        publish(make_spec({"size_mult": 1.2}), make_spec({"size_mult": 0.8}, scope=DIP))

        up, down = Mandate.objects.order_by("-direction")
        assert (up.reach, down.reach) == ({"size_mult": [1.0, 1.2]}, {"size_mult": [0.8, 1.0]})
        assert up.review_by == NOW + timedelta(days=90)

    def test_end_with_a_withdrawal(self) -> None:
        publish(make_spec())
        publish(withdraw=[make_spec().line])

        assert not Mandate.objects.filter(revoked_at=None).exists()

    def test_are_signed_by_changed_parameters_only_for_lines_they_bring(self) -> None:
        publish(make_spec())
        publish(parameters=make_parameters(protected_motifs=["stop"]))

        assert Mandate.objects.filter(revoked_at=None).count() == 1
