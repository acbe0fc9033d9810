"""A change request from draft to effect: drafted by one person, decided by another, applied as signed or not at all."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.governance.errors import GateError
from overrides.models import ChangeLine, ChangeRequest, LineHold, ModuleMode, Version, Vote
from overrides.requests.apply import apply_request, expire_requests
from overrides.requests.authoring import edit_request, submit
from overrides.requests.kinds.kind import DraftLine
from overrides.requests.review import (
    approve,
    cancel,
    comment,
    decide_many,
    reject,
    request_changes,
    schedule,
    unschedule,
)
from overrides.versions.load_version import current_parameters, load_specs
from overrides.versions.publish import store_override
from telemetry.audit.audit_log import verify_audit
from telemetry.models import AuditEntry
from tests.builders import (
    DAY,
    NOW,
    attempt,
    draft,
    make_parameters,
    make_spec,
    publish,
    run_concurrently,
    wait_until,
    waits_for_lock,
    without_triggers,
)
from tests.people import make_person, settled

HOUR = timedelta(hours=1)
DIP = {"macro_phase": "Dip"}


def state(request: ChangeRequest) -> str:
    request.refresh_from_db()
    return request.state


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("seq").values_list("action", flat=True))


def ask(kind: str, content: dict[str, Any], **over: Any) -> ChangeRequest:
    return draft(kind=kind, content=content, **over)


@pytest.mark.django_db
class TestDraft:
    def test_goes_into_review_with_its_sides_and_an_expiry(self, author: User, now: datetime) -> None:
        publish(make_spec(), make_spec(scope=DIP))
        changed, new = make_spec({"size_mult": 1.2}), make_spec(scope={"macro_phase": "Recover"})

        request = draft(changed, new, author=author)

        assert (request.state, request.author, request.base_version) == ("in_review", author, 1)
        assert request.expires_at == now + timedelta(days=14)
        lines = {line.action: line for line in request.lines.all()}
        assert (lines["change"].before_id, lines["change"].after_id) == (make_spec().id, changed.id)
        assert (lines["add"].before_id, lines["add"].after_id) == (None, new.id)
        assert actions()[-1] == "draft"

    def test_may_withdraw_what_is_in_force(self) -> None:
        publish(make_spec())

        request = draft(lines=[DraftLine(make_spec().line, None, ["withdrawn"])])

        assert [(line.action, line.after_id) for line in request.lines.all()] == [("withdraw", None)]

    @pytest.mark.parametrize("reason", ["", "  \n"])
    def test_needs_a_reason(self, reason: str) -> None:
        with pytest.raises(GateError, match="reason: a reviewer reads it first"):
            draft(make_spec(), reason=reason)

    @pytest.mark.parametrize("kind", ["parameters", "policy"])
    def test_of_the_rules_is_for_those_who_may_propose_them(self, author: User, reviewer: User, kind: str) -> None:
        content = make_parameters(protected_motifs=["a"]).to_document() if kind == "parameters" else {"approvals": 2}

        with pytest.raises(GateError, match=f"kind: you may not draft requests of kind {kind}; ask a parameter admin"):
            ask(kind, content, author=reviewer)

        assert ask(kind, content, author=author).state == "in_review"
        assert ChangeRequest.objects.filter(author=reviewer).count() == 0

    def test_of_the_rules_is_not_edited_by_those_who_may_no_more(self, author: User) -> None:
        request = ask("policy", {"approvals": 2}, author=author)
        with settled():
            author.user_permissions.clear()

        with pytest.raises(GateError, match="you may not draft requests of kind policy"):
            edit_request(request_id=request.pk, by=User.objects.get(pk=author.pk), at=NOW, content={"approvals": 1})

        request.refresh_from_db()
        assert request.content["approvals"] == 2

    def test_refuses_to_withdraw_what_is_not_in_force(self) -> None:
        store_override(make_spec(), source="person", at=NOW)

        with pytest.raises(GateError, match="has no override in force already"):
            draft(lines=[DraftLine(make_spec().line, None, [])])

    def test_refuses_what_changes_nothing(self) -> None:
        publish(make_spec())

        with pytest.raises(GateError, match=f"has {make_spec().id} already"):
            draft(make_spec())

    def test_refuses_a_line_named_twice(self) -> None:
        with pytest.raises(GateError, match="is named twice"):
            draft(make_spec(), make_spec({"size_mult": 1.2}))

    def test_refuses_an_override_of_another_line_and_one_nobody_stored(self) -> None:
        other = store_override(make_spec(scope=DIP), source="person", at=NOW)
        store_override(make_spec(), source="person", at=NOW)

        for after in (other.id, "0" * 64):
            with pytest.raises(GateError, match=f"{after[:12]} is no override of {make_spec().line[:12]}"):
                draft(lines=[DraftLine(make_spec().line, after, [])])

    @pytest.mark.parametrize(
        ("kind", "content", "fault"),
        [
            ("parameters", {"channels": {}}, r"channels\.pm_strength: missing"),
            ("parameters", {"chanels": {}}, r"chanels: unknown name"),
            ("mode", {"mode": "loud"}, "mode"),
            ("mode", {"rollout_percent": 101}, "rollout_percent: must be 0 to 100"),
            ("mode", {"speed": 1}, "speed: not part of a mode"),
            ("mode", {"challenger": 9}, "challenger: pm has no version 9"),
            ("rollback", {"to": 9}, "to: pm has no version 9"),
            ("rollback", {}, "to: pm has no version None"),
        ],
    )
    def test_checks_the_content(self, kind: str, content: dict[str, Any], fault: str) -> None:
        with pytest.raises(GateError, match=fault):
            ask(kind, content)


@pytest.mark.django_db
class TestVotes:
    def test_of_a_reviewer_approve(self, author: User, reviewer: User, now: datetime) -> None:
        request = draft(make_spec(), author=author)

        approve(request_id=request.pk, by=reviewer, at=now + HOUR)

        vote = Vote.objects.get()
        assert (state(request), vote.voter, vote.content_hash) == ("approved", reviewer, request.content_hash)
        assert vote.voted_at == now + HOUR

    def test_are_never_on_ones_own(self, reviewer: User, now: datetime) -> None:
        request = draft(make_spec(), author=reviewer)

        for decide in (approve, reject):
            with pytest.raises(GateError, match="you drafted this request; somebody else has to decide"):
                decide(request_id=request.pk, by=reviewer, reason="mine", at=now)

        assert (state(request), Vote.objects.count()) == ("in_review", 0)

    def test_are_never_on_ones_own_even_for_a_superuser(self, now: datetime) -> None:
        root = make_person("root", is_superuser=True)
        request = draft(make_spec(), author=root)

        with pytest.raises(GateError, match="you drafted this request"):
            approve(request_id=request.pk, by=root, at=now)

    def test_need_the_permission(self, author: User, operator: User, now: datetime) -> None:
        request = draft(make_spec(), author=author)

        for decide in (approve, reject):
            with pytest.raises(GateError, match="you may not decide about requests; ask a reviewer"):
                decide(request_id=request.pk, by=operator, reason="please", at=now)

    def test_of_a_deactivated_person_do_not_count(self, author: User, reviewer: User, now: datetime) -> None:
        request = draft(make_spec(), author=author)
        reviewer.is_active = False

        with pytest.raises(GateError, match="you may not decide about requests"):
            approve(request_id=request.pk, by=reviewer, at=now)

    @pytest.mark.parametrize("reason", ["", "  "])
    def test_against_need_a_reason(self, author: User, reviewer: User, reason: str, now: datetime) -> None:
        request = draft(make_spec(), author=author)

        with pytest.raises(GateError, match="reason: deciding against it needs one"):
            reject(request_id=request.pk, by=reviewer, reason=reason, at=now)

        reject(request_id=request.pk, by=reviewer, reason="noise", at=now)
        assert (state(request), request.closed_at, Vote.objects.get().reason) == ("rejected", now, "noise")

    def test_come_too_late_for_what_is_decided(self, author: User, reviewer: User, now: datetime) -> None:
        request = draft(make_spec(), author=author)
        reject(request_id=request.pk, by=reviewer, reason="noise", at=now)

        with pytest.raises(GateError, match="is rejected; only in_review, approved, scheduled allows to sign"):
            approve(request_id=request.pk, by=reviewer, at=now)

    def test_come_too_late_for_what_has_expired(self, author: User, reviewer: User, now: datetime) -> None:
        """This holds whether or not the job that expires requests has run."""
        request = draft(make_spec(), author=author)

        with pytest.raises(GateError, match="expired on 2026-03-16 12:00 UTC; draft it again"):
            approve(request_id=request.pk, by=reviewer, at=now + timedelta(days=14))


@pytest.mark.django_db
class TestApply:
    def approved(self, reviewer: User, *specs: Any, **over: Any) -> ChangeRequest:
        request = draft(*specs, **over)
        return approve(request_id=request.pk, by=reviewer, at=NOW)

    def test_puts_lines_into_force(self, author: User, reviewer: User, now: datetime) -> None:
        request = self.approved(reviewer, make_spec(), author=author)

        apply_request(request_id=request.pk, by=reviewer, at=now + HOUR)

        version = Version.objects.get(is_active=True)
        assert (state(request), request.closed_at, version.request) == ("applied", now + HOUR, request)
        assert [spec.id for spec in load_specs("pm", version.number)] == [make_spec().id]
        assert actions() == ["draft", "approve", "apply", "publish", "mandates"]
        assert verify_audit() == []

    def test_puts_a_mode_into_force(self, reviewer: User, now: datetime) -> None:
        request = self.approved(reviewer, kind="mode", content={"mode": "on", "rollout_percent": 25})

        apply_request(request_id=request.pk, by=reviewer, at=now)

        row = ModuleMode.objects.get()
        assert (row.module, row.mode, row.rollout_percent, row.changed_by) == ("pm", "on", 25.0, "reviewer")

    def test_puts_parameters_into_force(self, reviewer: User, now: datetime) -> None:
        chosen = make_parameters(protected_motifs=["stop", "halt"])
        request = self.approved(reviewer, kind="parameters", content=chosen.to_document())

        apply_request(request_id=request.pk, by=reviewer, at=now)

        assert current_parameters("pm") == chosen != ModuleParameters.default("pm")

    def test_rolls_back(self, reviewer: User, now: datetime) -> None:
        publish(make_spec())
        publish(make_spec({"size_mult": 1.2}))
        request = self.approved(reviewer, kind="rollback", content={"to": 1})

        apply_request(request_id=request.pk, by=reviewer, at=now)

        version = Version.objects.get(is_active=True)
        assert (version.number, version.kind, version.request) == (3, "rollback", request)
        assert [spec.id for spec in load_specs("pm", 3)] == [make_spec().id]

    def test_needs_an_approval(self, author: User, reviewer: User, now: datetime) -> None:
        request = draft(make_spec(), author=author)

        with pytest.raises(GateError, match="is in_review; only approved, scheduled allows to apply"):
            apply_request(request_id=request.pk, by=reviewer, at=now)

        with without_triggers():
            ChangeRequest.objects.update(state="approved")
        with pytest.raises(GateError, match="it has 0 of 1 approvals of this content"):
            apply_request(request_id=request.pk, by=reviewer, at=now)
        assert Version.objects.count() == 0

    def test_does_not_count_the_vote_of_the_author(self, author: User, reviewer: User, now: datetime) -> None:
        request = draft(make_spec(), author=author)
        with without_triggers():
            ChangeRequest.objects.update(state="approved")
            Vote.objects.create(
                request=request, voter=author, decision="approve", content_hash=request.content_hash, voted_at=now
            )

        with pytest.raises(GateError, match="a reviewer other than its author has to sign it"):
            apply_request(request_id=request.pk, by=reviewer, at=now)

    @pytest.mark.parametrize(
        ("is_rehashed", "why"),
        [(False, "its content is not the one that was hashed and signed"), (True, "it has 0 of 1 approvals")],
    )
    def test_is_refused_after_an_edit(
        self, author: User, reviewer: User, is_rehashed: bool, why: str, now: datetime
    ) -> None:
        """This holds whether or not the editor corrected the hash: the votes signed another one."""
        request = self.approved(reviewer, author=author, kind="mode", content={"mode": "shadow"})
        other = draft(kind="mode", content={"mode": "on"})
        with without_triggers():
            ChangeRequest.objects.filter(pk=request.pk).update(content=other.content)
            if is_rehashed:
                ChangeRequest.objects.filter(pk=request.pk).update(content_hash=other.content_hash)

        with pytest.raises(GateError, match=why):
            apply_request(request_id=request.pk, by=reviewer, at=now)

    def test_is_refused_after_a_line_was_swapped(self, reviewer: User, now: datetime) -> None:
        request = self.approved(reviewer, make_spec())
        with without_triggers():
            ChangeLine.objects.update(after=store_override(make_spec({"size_mult": 1.3}), source="x", at=NOW))

        with pytest.raises(GateError, match="its content is not the one that was hashed and signed"):
            apply_request(request_id=request.pk, by=reviewer, at=now)

    def test_is_refused_when_a_line_moved_meanwhile(self, reviewer: User, now: datetime) -> None:
        publish(make_spec())
        request = self.approved(reviewer, make_spec({"size_mult": 1.2}))
        publish(make_spec({"size_mult": 1.05}))

        with pytest.raises(
            GateError, match=r"stale: donchian.long.breakout entry \[.*\] changed since this was drafted"
        ):
            apply_request(request_id=request.pk, by=reviewer, at=now)
        assert (state(request), Version.objects.count()) == ("approved", 2)

    def test_does_not_mind_other_lines_that_moved(self, reviewer: User, now: datetime) -> None:
        request = self.approved(reviewer, make_spec({"size_mult": 1.2}))
        publish(make_spec(scope=DIP))

        apply_request(request_id=request.pk, by=reviewer, at=now)

        assert len(list(load_specs("pm", 2))) == 2

    @pytest.mark.parametrize("kind", ["lines", "parameters"])
    def test_is_refused_when_the_parameters_changed_meanwhile(self, reviewer: User, kind: str, now: datetime) -> None:
        publish(make_spec())
        content = make_parameters(protected_motifs=["a"]).to_document() if kind == "parameters" else {}
        specs = [make_spec({"size_mult": 1.2})] if kind == "lines" else []
        request = self.approved(reviewer, *specs, kind=kind, content=content)
        publish(parameters=make_parameters(protected_motifs=["b"]))

        with pytest.raises(GateError, match="stale: the parameters changed"):
            apply_request(request_id=request.pk, by=reviewer, at=now)

    def test_happens_once(self, reviewer: User, now: datetime) -> None:
        request = self.approved(reviewer, make_spec())
        apply_request(request_id=request.pk, by=reviewer, at=now)

        with pytest.raises(GateError, match="is applied; only"):
            apply_request(request_id=request.pk, by=reviewer, at=now)
        assert Version.objects.count() == 1

    def test_is_refused_after_expiry(self, reviewer: User, now: datetime) -> None:
        request = self.approved(reviewer, make_spec())

        with pytest.raises(GateError, match="expired on"):
            apply_request(request_id=request.pk, by=reviewer, at=now + timedelta(days=14))


@pytest.mark.django_db
class TestEdits:
    def test_void_every_vote(self, author: User, reviewer: User, now: datetime) -> None:
        request = draft(make_spec(), author=author)
        approve(request_id=request.pk, by=reviewer, at=now)
        after = store_override(make_spec({"size_mult": 1.2}), source="person", at=now)

        edit_request(request_id=request.pk, by=author, at=now, lines=[DraftLine(after.line_id, after.id)])

        assert state(request) == "in_review"
        assert request.lines.get().after_id == after.id
        approve(request_id=request.pk, by=reviewer, at=now)
        apply_request(request_id=request.pk, by=reviewer, at=now)
        assert [spec.levers["size_mult"] for spec in load_specs("pm", 1)] == [1.2]

    def test_are_noticed_by_readers_of_an_older_state(self, author: User, reviewer: User, now: datetime) -> None:
        request = draft(kind="mode", content={"mode": "shadow"}, author=author)
        opened = request.content_hash
        edit_request(request_id=request.pk, by=author, at=now, content={"mode": "on"})

        with pytest.raises(GateError, match="it was edited after you opened it"):
            approve(request_id=request.pk, by=reviewer, at=now, expected_hash=opened)

        request.refresh_from_db()
        approve(request_id=request.pk, by=reviewer, at=now, expected_hash=request.content_hash)

    def test_back_to_what_was_signed_bring_no_vote_back(self, author: User, reviewer: User, now: datetime) -> None:
        request = draft(kind="mode", content={"mode": "shadow"}, author=author)
        approve(request_id=request.pk, by=reviewer, at=now)
        for mode in ("on", "shadow"):
            edit_request(request_id=request.pk, by=author, at=now, content={"mode": mode})

        with pytest.raises(GateError, match="is in_review"):
            apply_request(request_id=request.pk, by=reviewer, at=now)

    def test_are_the_authors(self, author: User, reviewer: User, now: datetime) -> None:
        request = draft(kind="mode", content={"mode": "shadow"}, author=author)

        with pytest.raises(GateError, match="only its author may edit"):
            edit_request(request_id=request.pk, by=reviewer, at=now, content={"mode": "on"})

    def test_that_are_refused_leave_it_as_it_was(self, author: User, now: datetime) -> None:
        request = draft(kind="mode", content={"mode": "shadow"}, author=author)

        with pytest.raises(GateError, match="mode"):
            edit_request(request_id=request.pk, by=author, at=now, content={"mode": "loud"})

        request.refresh_from_db()
        assert (request.content, request.edition) == ({"mode": "shadow"}, 1)


@pytest.mark.django_db
class TestDraftsNotSubmitted:
    def test_wait_for_their_author(self, author: User, reviewer: User, now: datetime) -> None:
        request = draft(make_spec(), author=author, submit=False)

        with pytest.raises(GateError, match="it is draft; only in_review, approved, scheduled allows to sign"):
            approve(request_id=request.pk, by=reviewer, at=now)
        with pytest.raises(GateError, match="only its author may submit"):
            submit(request_id=request.pk, by=reviewer, at=now)
        submit(request_id=request.pk, by=author, at=now)

        assert (state(request), request.submitted_at) == ("in_review", now)


@pytest.mark.django_db
class TestSendingBack:
    def test_leads_through_an_edit_to_review_again(self, author: User, reviewer: User, now: datetime) -> None:
        request = draft(kind="mode", content={"mode": "on"}, author=author)

        request_changes(request_id=request.pk, by=reviewer, reason="start in shadow", at=now)
        assert state(request) == "changes_requested"
        edit_request(request_id=request.pk, by=author, at=now, content={"mode": "shadow"})

        assert state(request) == "in_review"
        assert [vote.decision for vote in Vote.objects.all()] == ["request_changes"]

    def test_takes_an_approval_back(self, author: User, reviewer: User, now: datetime) -> None:
        """A person's latest vote counts, so an approver may change it until the request is applied."""
        request = draft(make_spec(), author=author)
        approve(request_id=request.pk, by=reviewer, at=now)
        request_changes(request_id=request.pk, by=reviewer, reason="on second thoughts", at=now)
        submit(request_id=request.pk, by=author, at=now)

        with pytest.raises(GateError, match="it has 0 of 1 approvals"):
            apply_request(request_id=request.pk, by=reviewer, at=now)


@pytest.mark.django_db
class TestCancelling:
    def test_is_the_authors_or_a_reviewers_for_a_machine(self, author: User, reviewer: User, now: datetime) -> None:
        own, machine = draft(make_spec(), author=author), draft(make_spec(scope=DIP))

        with pytest.raises(GateError, match="only its author may cancel"):
            cancel(request_id=own.pk, by=reviewer, reason="x", at=now)
        cancel(request_id=own.pk, by=author, reason="not needed", at=now)
        cancel(request_id=machine.pk, by=reviewer, reason="not now", at=now)

        assert [state(each) for each in (own, machine)] == ["cancelled", "cancelled"]


@pytest.mark.django_db
class TestSchedules:
    def test_lie_between_now_and_the_expiry(self, reviewer: User, now: datetime) -> None:
        request = draft(make_spec())
        approve(request_id=request.pk, by=reviewer, at=now)

        for due in (now, now - HOUR, now + timedelta(days=14)):
            with pytest.raises(GateError, match="due: must lie between now and the expiry"):
                schedule(request_id=request.pk, by=reviewer, due=due, at=now)
        schedule(request_id=request.pk, by=reviewer, due=now + HOUR, at=now)
        schedule(request_id=request.pk, by=reviewer, due=now + 2 * HOUR, at=now)

        assert (state(request), request.scheduled_for) == ("scheduled", now + 2 * HOUR)
        unschedule(request_id=request.pk, by=reviewer, at=now)
        assert (state(request), request.scheduled_for) == ("approved", None)


@pytest.mark.django_db
class TestPartialApproval:
    def test_decides_on_some_lines_and_leaves_the_rest_as_a_request(self, reviewer: User, now: datetime) -> None:
        chosen, other = make_spec(), make_spec(scope=DIP)
        request = draft(chosen, other)

        approve(request_id=request.pk, by=reviewer, at=now, only=[chosen.line])
        apply_request(request_id=request.pk, by=reviewer, at=now)

        rest = ChangeRequest.objects.get(split_from=request)
        assert [spec.line for spec in load_specs("pm", 1)] == [chosen.line]
        assert [line.line_id for line in rest.lines.all()] == [other.line]
        assert (rest.state, rest.author_name) == ("in_review", request.author_name)

    def test_of_every_line_is_an_approval(self, reviewer: User, now: datetime) -> None:
        request = draft(make_spec(), make_spec(scope=DIP))

        approve(request_id=request.pk, by=reviewer, at=now, only=[make_spec().line, make_spec(scope=DIP).line])

        assert (state(request), ChangeRequest.objects.count()) == ("approved", 1)

    @pytest.mark.parametrize("only", [[], ["0" * 64]])
    def test_chooses_among_its_lines(self, reviewer: User, only: list[str], now: datetime) -> None:
        request = draft(make_spec(), make_spec(scope=DIP))

        with pytest.raises(GateError, match="only: choose lines of this request"):
            approve(request_id=request.pk, by=reviewer, at=now, only=only)

        assert (state(request), Vote.objects.count()) == ("in_review", 0)


@pytest.mark.django_db
class TestDecideMany:
    def test_gives_each_its_own_outcome(self, author: User, reviewer: User, now: datetime) -> None:
        fine, own = draft(make_spec(), author=author), draft(make_spec(scope=DIP), author=reviewer)

        outcomes = decide_many([fine.pk, own.pk, 0], lambda number: approve(request_id=number, by=reviewer, at=now))

        assert [(each.request_id, each.refused) for each in outcomes] == [
            (fine.pk, ""),
            (own.pk, "you drafted this request; somebody else has to decide"),
            (0, "there is no request 0"),
        ]
        assert (state(fine), state(own)) == ("approved", "in_review")


@pytest.mark.django_db
class TestComments:
    def test_are_on_a_request_or_on_one_of_its_lines(self, author: User, reviewer: User, now: datetime) -> None:
        request = draft(make_spec(), author=author)

        comment(request_id=request.pk, by=reviewer, text="why so far?", at=now, line_id=make_spec().line)
        comment(request_id=request.pk, by=author, text="the edge is large", at=now)

        assert [(each.text, each.line_id is None) for each in request.comments.all()] == [
            ("why so far?", False), ("the edge is large", True),
        ]  # fmt: skip
        with pytest.raises(GateError, match="text: a comment says something"):
            comment(request_id=request.pk, by=author, text=" ", at=now)
        with pytest.raises(GateError, match="is no line of this request"):
            comment(request_id=request.pk, by=author, text="x", at=now, line_id="0" * 64)


@pytest.mark.django_db
class TestExpiry:
    def test_closes_what_nobody_decided_in_time(self, reviewer: User, now: datetime) -> None:
        old, approved = draft(make_spec()), draft(make_spec(scope=DIP))
        approve(request_id=approved.pk, by=reviewer, at=now)
        rejected = draft(kind="mode", content={"mode": "on"})
        reject(request_id=rejected.pk, by=reviewer, reason="no", at=now)
        young = draft(kind="mode", content={"mode": "shadow"}, at=now + HOUR)

        assert expire_requests(now=now + timedelta(days=14)) == 2
        assert expire_requests(now=now + timedelta(days=14)) == 0

        assert [state(each) for each in (old, approved, rejected, young)] == [
            "expired", "expired", "rejected", "in_review",
        ]  # fmt: skip
        assert old.closed_at == now + timedelta(days=14)
        assert actions().count("expire") == 2


@pytest.mark.django_db(transaction=True)
class TestConcurrentDecisions:
    def test_apply_a_request_once(self, reviewer: User, now: datetime) -> None:
        request = draft(make_spec())
        approve(request_id=request.pk, by=reviewer, at=now)

        results = run_concurrently(*[lambda: apply_request(request_id=request.pk, by=reviewer, at=now)] * 3)

        assert sorted(type(each).__name__ for each in results) == ["ChangeRequest", "GateError", "GateError"]
        assert Version.objects.count() == 1

    def test_on_one_line_let_the_second_see_the_first(self, reviewer: User, now: datetime) -> None:
        """Both were drafted against the same state; the one applied second is stale, however close behind."""
        requests = [draft(make_spec({"size_mult": size})) for size in (1.1, 1.2)]
        for request in requests:
            approve(request_id=request.pk, by=reviewer, at=now)
        results: list[Any] = []
        second = threading.Thread(
            target=lambda: results.append(
                attempt(lambda: apply_request(request_id=requests[1].pk, by=reviewer, at=now))
            )
        )

        with transaction.atomic():
            apply_request(request_id=requests[0].pk, by=reviewer, at=now)
            second.start()
            wait_until(waits_for_lock, "the second to wait for the first")
        second.join()

        assert "stale" in str(results[0])
        assert [spec.levers["size_mult"] for spec in load_specs("pm", 1)] == [1.1]
        assert Version.objects.count() == 1

    def test_let_expiry_pass_over_what_was_decided_at_the_last_moment(self, reviewer: User, now: datetime) -> None:
        decided, forgotten = draft(make_spec()), draft(make_spec(scope=DIP))
        results: list[Any] = []
        expiry = threading.Thread(
            target=lambda: results.append(attempt(lambda: expire_requests(now=now + timedelta(days=15))))
        )

        with transaction.atomic():
            reject(request_id=decided.pk, by=reviewer, reason="no", at=now)
            expiry.start()
            wait_until(waits_for_lock, "expiry to wait for the vote")
        expiry.join()

        assert results == [1]
        assert (state(decided), state(forgotten)) == ("rejected", "expired")


@pytest.mark.django_db
class TestAMachinesRequest:
    def test_is_not_sent_back_because_nobody_would_answer(self, reviewer: User) -> None:
        request = draft(make_spec())

        with pytest.raises(GateError, match="reads no comments; say line by line what its next draft should leave out"):
            request_changes(request_id=request.pk, by=reviewer, reason="smaller", at=NOW)

    def test_pins_the_rejected_lines_for_30_days(self, reviewer: User) -> None:
        proposed = make_spec()
        request = draft(proposed)

        reject(request_id=request.pk, by=reviewer, reason="noise", at=NOW)

        (hold,) = LineHold.objects.all()
        assert (hold.kind, hold.line_id, hold.placed_by) == ("pin", proposed.line, reviewer)
        assert hold.expires_at == NOW + 30 * DAY
        assert hold.reason == f"rejected as part of request {request.pk}: noise"

    def test_pins_no_withdrawal_and_nothing_twice(self, reviewer: User) -> None:
        publish(make_spec())
        line = make_spec().line
        first = draft(lines=[DraftLine(line, None, ["withdrawn"])])
        reject(request_id=first.pk, by=reviewer, reason="keep it", at=NOW)
        assert LineHold.objects.count() == 0
        second = draft(make_spec({"size_mult": 1.2}))
        third = draft(make_spec({"size_mult": 1.25}))

        for request in (second, third):
            reject(request_id=request.pk, by=reviewer, reason="noise", at=NOW)

        assert LineHold.objects.count() == 1

    def test_of_a_person_pins_nothing(self, author: User, reviewer: User) -> None:
        request = draft(make_spec(), author=author)

        reject(request_id=request.pk, by=reviewer, reason="noise", at=NOW)

        assert LineHold.objects.count() == 0
