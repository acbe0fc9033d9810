"""The database's own checks: what no verb would write, nobody else can commit either."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, IntegrityError, connection
from django.db.models import F

from overrides.models import (
    ChangeLine,
    ChangeRequest,
    Comment,
    Line,
    LineHold,
    Mandate,
    Membership,
    ModuleMode,
    ModulePolicy,
    Override,
    ParameterSet,
    Quarantine,
    Version,
    Vote,
)
from overrides.requests.apply import apply_request
from overrides.requests.review import approve
from overrides.versions.publish import store_override
from telemetry.audit.audit_log import write_audit
from tests.builders import NOW, approve_and_apply, draft, make_parameters, make_spec, publish, set_mode
from tests.people import settled
from tests.shared_world import Shared

DIP = {"macro_phase": "Dip"}


def commit() -> None:
    """Run the deferred triggers now, as the end of the transaction would."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def audited(named: str) -> None:
    """Write an audit entry by which a write might pretend to be governed."""
    write_audit(actor="mallory", action="x", object=named, reason="x", before=None, after=None, at=NOW)


def version(request: ChangeRequest, **over: object) -> Version:
    before = Version.objects.filter(module="pm").order_by("-number").first()
    parameters = before.parameters if before else ParameterSet.objects.get()
    fields = {
        "module": "pm", "number": before.number + 1 if before else 1, "is_active": True, "kind": "lines",
        "parameters": parameters, "n_overrides": 1, "content_hash": "h", "request": request, "published_at": NOW,
        "published_by": "mallory",
    } | over  # fmt: skip
    Version.objects.filter(module="pm", is_active=True).update(is_active=False)
    return Version.objects.create(**fields)


def membership(number: int = 2, spec: object = None) -> Membership:
    override = store_override(spec or make_spec({"size_mult": 1.3}, scope=DIP), source="x", at=NOW)  # type: ignore[arg-type]
    return Membership.objects.create(module="pm", line_id=override.line_id, override=override, from_version=number)


@pytest.fixture(scope="class")
def in_force(shared: Shared) -> Iterator[None]:
    with shared(lambda: publish(make_spec())):
        yield


@pytest.mark.django_db
@pytest.mark.usefixtures("in_force")
class TestVersions:
    def refused(self, why: str) -> None:
        with pytest.raises(IntegrityError, match=why):
            commit()

    def test_need_an_audit_entry(self) -> None:
        version(draft(make_spec({"size_mult": 1.2})))

        self.refused('INSERT on learning_configs without an audit entry of "version pm/2"')

    def test_need_a_request_that_was_applied(self) -> None:
        version(draft(make_spec({"size_mult": 1.2})))
        audited("version pm/2")

        self.refused("is not applied, or of another kind")

    def test_need_its_votes(self) -> None:
        request = draft(make_spec({"size_mult": 1.2}))
        for state in ("approved", "applied"):
            ChangeRequest.objects.filter(pk=request.pk).update(state=state, closed_at=NOW)
        version(request)
        audited("version pm/2")

        self.refused("has 0 of 1 approvals of its content by others than its author")

    def test_of_a_large_movement_need_votes_of_those_who_may_agree_to_it(self, reviewer: User) -> None:
        large = draft(make_spec({"size_mult": 1.3}))
        approve(request_id=large.pk, by=reviewer, at=NOW)
        commit()
        approve_and_apply(
            draft(kind="policy", content={"large_movement": 6, "large_approvals": 1, "large_groups": ["board"]})
        )
        commit()

        ChangeRequest.objects.filter(pk=large.pk).update(state="applied", closed_at=NOW)
        version(large)
        for named in ("version pm/2", f"request {large.pk}"):
            audited(named)

        self.refused("has 0 of 1 approvals of its content by others than its author")

    def test_with_other_parameters_need_them_too(self, reviewer: User) -> None:
        approve_and_apply(draft(kind="policy", content={"large_groups": ["board"]}))
        commit()
        request = draft(kind="parameters", content=make_parameters(protected_motifs=["a"]).to_document())
        Vote.objects.create(
            request=request, voter=reviewer, content_hash=request.content_hash, decision="approve", voted_at=NOW
        )
        for state in ("approved", "applied"):
            ChangeRequest.objects.filter(pk=request.pk).update(state=state, closed_at=NOW)
        version(request)
        for named in ("version pm/2", f"request {request.pk}"):
            audited(named)

        self.refused("has 0 of 1 approvals of its content by others than its author")

    def test_of_a_large_movement_need_their_votes(self, reviewer: User) -> None:
        approve_and_apply(
            draft(kind="policy", content={"large_movement": 6, "large_approvals": 1, "large_groups": ["board"]})
        )
        with settled():
            reviewer.groups.add(Group.objects.create(name="board"))
        large = draft(make_spec({"size_mult": 1.3}))
        approve(request_id=large.pk, by=reviewer, at=NOW)
        apply_request(request_id=large.pk, by=reviewer, at=NOW)

        commit()

        assert Version.objects.get(is_active=True).request == large

    def test_hold_no_line_that_the_request_does_not_bring(self, reviewer: User) -> None:
        request = draft(make_spec({"size_mult": 1.2}))
        approve(request_id=request.pk, by=reviewer, at=NOW)
        ChangeRequest.objects.filter(pk=request.pk).update(state="applied", closed_at=NOW)
        version(request)
        membership()
        audited("version pm/2")

        self.refused(f"version pm/2 differs from request {request.pk} at line")

    def test_bring_every_line_of_the_request(self, reviewer: User) -> None:
        request = draft(make_spec(scope=DIP))
        approve(request_id=request.pk, by=reviewer, at=NOW)
        ChangeRequest.objects.filter(pk=request.pk).update(state="applied", closed_at=NOW)
        version(request)
        audited("version pm/2")

        self.refused(f"version pm/2 differs from request {request.pk} at line {make_spec(scope=DIP).line}")

    def test_come_once_of_a_request(self) -> None:
        with pytest.raises(IntegrityError, match="one_version_per_request"):
            version(Version.objects.get().request)

    @pytest.mark.parametrize("change", [{"is_active": True}, {"coefficients": {"a": 2}}, {"n_overrides": 9}])
    def test_are_not_changed_nor_brought_back(self, change: dict[str, object]) -> None:
        publish(make_spec({"size_mult": 1.2}))
        commit()

        with pytest.raises(IntegrityError, match="version pm/1 is immutable"):
            Version.objects.filter(number=1).update(**change)

    def test_are_not_taken_out_of_force_without_another(self) -> None:
        Version.objects.update(is_active=False)

        self.refused("version pm/1 was taken out of force without another in its place")

    def test_open_no_membership_later(self) -> None:
        membership(number=2)
        audited("version pm/2")

        self.refused("a membership of pm is opened or closed only by the version that does it")

    def test_close_no_membership_later(self) -> None:
        Membership.objects.update(to_version=2)

        self.refused("a membership of pm is opened or closed only by the version that does it")


@pytest.mark.django_db
class TestModes:
    def test_do_not_rise_without_a_request(self) -> None:
        set_mode("shadow")
        commit()
        ModuleMode.objects.update(mode="on", revision=F("revision") + 1)
        audited("mode pm")

        with pytest.raises(IntegrityError, match="mode pm: going away from neutral takes an applied request"):
            commit()

    @pytest.mark.parametrize(
        "change",
        [{"rollout_percent": 50.0}, {"allow": {}}, {"allow": {"bucket": ["mid", "nano"]}}],
        ids=["roll-out", "no allow-list", "a wider one"],
    )
    def test_do_not_widen_without_a_request(self, change: dict[str, object]) -> None:
        set_mode("on", rollout_percent=20, allow={"bucket": ["mid"]})
        commit()
        ModuleMode.objects.update(**change, revision=F("revision") + 1)
        audited("mode pm")

        with pytest.raises(IntegrityError, match="mode pm: going away from neutral"):
            commit()

    @pytest.mark.parametrize(
        "change", [{"mode": "off"}, {"rollout_percent": 10.0}, {"allow": {"bucket": ["mid"], "chain": ["sol"]}}]
    )
    def test_fall_with_an_audit_entry_alone(self, change: dict[str, object]) -> None:
        set_mode("on", rollout_percent=20, allow={"bucket": ["mid", "nano"]})
        commit()
        ModuleMode.objects.update(**change, revision=F("revision") + 1)
        audited("mode pm")

        commit()

    def test_fall_not_without_one(self) -> None:
        ModuleMode.objects.create(module="pm", mode="off", changed_at=NOW, changed_by="m", reason="m")

        with pytest.raises(IntegrityError, match='on overrides_modulemode without an audit entry of "mode pm"'):
            commit()


@pytest.mark.django_db
class TestRequests:
    def test_are_not_edited_under_their_votes(self, reviewer: User) -> None:
        request = draft(kind="mode", content={"mode": "shadow"})
        approve(request_id=request.pk, by=reviewer, at=NOW)

        with pytest.raises(IntegrityError, match="what reviewers read is not changed under them"):
            ChangeRequest.objects.update(content={"mode": "on"})

    def test_lines_are_not_swapped_under_their_votes(self, reviewer: User) -> None:
        request = draft(make_spec())
        approve(request_id=request.pk, by=reviewer, at=NOW)

        with pytest.raises(IntegrityError, match="what was voted on is not changed under its votes"):
            ChangeLine.objects.all().delete()

    @pytest.mark.parametrize("state", ["applied", "approved", "rejected"])
    def test_do_not_begin_decided(self, state: str) -> None:
        draft(make_spec())
        fields = ChangeRequest.objects.values().get() | {"id": None, "state": state}

        with pytest.raises(IntegrityError, match=f"a request begins as a draft or in review, not {state}"):
            ChangeRequest.objects.create(**fields)

    def test_do_not_come_back_from_the_end(self) -> None:
        publish(make_spec())

        with pytest.raises(IntegrityError, match="is closed: it is not changed any more"):
            ChangeRequest.objects.update(state="in_review")

    def test_go_only_where_a_step_leads(self) -> None:
        draft(make_spec())

        with pytest.raises(IntegrityError, match="no step leads from in_review to applied"):
            ChangeRequest.objects.update(state="applied")


@pytest.mark.django_db
class TestVotes:
    def vote(self, request: ChangeRequest, voter: User, **over: object) -> None:
        fields = {"decision": "approve", "content_hash": request.content_hash, "voted_at": NOW} | over
        Vote.objects.create(request=request, voter=voter, **fields)

    def test_are_nobody_s_on_their_own(self, author: User) -> None:
        request = draft(make_spec(), author=author)

        with pytest.raises(IntegrityError, match="nobody votes on their own"):
            self.vote(request, author)

    def test_are_on_the_current_content(self, reviewer: User) -> None:
        request = draft(make_spec())

        with pytest.raises(IntegrityError, match="a vote is on the content as it stands"):
            self.vote(request, reviewer, content_hash="other")

    def test_are_not_on_what_is_closed(self, reviewer: User) -> None:
        request = approve_and_apply(draft(make_spec()))

        with pytest.raises(IntegrityError, match="while it is open"):
            self.vote(request, reviewer)

    def test_need_an_audit_entry(self, reviewer: User) -> None:
        request = draft(make_spec())
        commit()
        with connection.cursor() as cursor:  # as if the draft had been written in another transaction
            cursor.execute("SET session_replication_role = replica")
            cursor.execute("UPDATE telemetry_auditentry SET transaction = 0")
            cursor.execute("SET session_replication_role = origin")
        self.vote(request, reviewer)

        with pytest.raises(IntegrityError, match=f'on overrides_vote without an audit entry of "request {request.pk}"'):
            commit()


@pytest.mark.django_db
class TestPoliciesAndMandates:
    def test_a_policy_needs_its_request(self) -> None:
        request = approve_and_apply(draft(make_spec()))
        ModulePolicy.objects.create(
            module="pm", number=1, is_active=True, document={"approvals": 1}, request=request, created_at=NOW,
            created_by="m",
        )  # fmt: skip
        audited("policy pm/1")

        with pytest.raises(IntegrityError, match="is not applied, or of another kind"):
            commit()

    @pytest.mark.parametrize("reach", [[1.0, 1.3], [0.7, 1.1], [1.0, 1.05]])
    def test_a_mandate_reaches_from_neutral_to_the_target(self, reach: list[float]) -> None:
        publish(make_spec())
        commit()
        request = approve_and_apply(draft(make_spec(scope=DIP)))
        Mandate.objects.filter(line_id=make_spec(scope=DIP).line).update(revoked_at=NOW)
        Mandate.objects.create(
            line_id=make_spec(scope=DIP).line, request=request, direction=1, reach={"size_mult": reach},
            evidence_floor={}, review_by=NOW + timedelta(days=1), granted_at=NOW,
        )  # fmt: skip

        with pytest.raises(IntegrityError, match="reaches beyond what request"):
            commit()


IMMUTABLE: list[tuple[str, Callable[[], object]]] = [
    ("override", lambda: Override.objects.update(levers={"size_mult": 1.3})),
    ("override", lambda: Override.objects.all()._raw_delete("default")),
    ("line", lambda: Line.objects.update(scope={})),
    ("parameterset", lambda: ParameterSet.objects.update(document={})),
    ("parameterset", lambda: ParameterSet.objects.all()._raw_delete("default")),
    ("vote", lambda: Vote.objects.update(decision="reject")),
    ("vote", lambda: Vote.objects.all()._raw_delete("default")),
    ("comment", lambda: Comment.objects.update(text="never said")),
    ("changerequest", lambda: ChangeRequest.objects.all()._raw_delete("default")),
    ("membership", lambda: Membership.objects.all()._raw_delete("default")),
    ("mandate", lambda: Mandate.objects.all()._raw_delete("default")),
    ("modulepolicy", lambda: ModulePolicy.objects.all()._raw_delete("default")),
    ("modulemode", lambda: ModuleMode.objects.all()._raw_delete("default")),
]


@pytest.mark.django_db
class TestHistory:
    @pytest.mark.parametrize(
        ("table", "write"), IMMUTABLE, ids=[f"{table} {n}" for n, (table, _) in enumerate(IMMUTABLE)]
    )
    def test_is_only_added_to(self, table: str, write: Callable[[], object], reviewer: User) -> None:
        from overrides.requests.review import comment

        publish(make_spec())
        set_mode("on")
        approve_and_apply(draft(kind="policy", content={}))
        comment(request_id=ChangeRequest.objects.order_by("id")[0].pk, by=reviewer, text="so", at=NOW)
        commit()

        with pytest.raises(DatabaseError, match=f"overrides_{table} is append-only"):
            write()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("make", "named"),
    [
        (
            lambda by: LineHold.objects.create(
                line_id=make_spec().line, kind="pin", reason="x", placed_by=by, placed_at=NOW
            ),
            f"line {make_spec().line}",
        ),
        (lambda by: Quarantine.objects.create(module="pm", reason="x", placed_by=by, placed_at=NOW), "builder pm"),
    ],
    ids=["hold", "quarantine"],
)
def test_holds_need_an_audit_entry(make: Callable[[User], object], named: str, reviewer: User) -> None:
    publish(make_spec())
    commit()
    make(reviewer)

    with pytest.raises(IntegrityError, match=f'without an audit entry of "{named}"'):
        commit()
