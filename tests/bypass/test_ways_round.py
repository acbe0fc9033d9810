"""Attempts to bypass governance with forged audit entries, row by row; each one is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection
from django.db.models import F

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.models import (
    ChangeLine,
    ChangeRequest,
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
from overrides.requests.authoring import draft_request
from overrides.requests.review import approve
from overrides.versions.publish import store_override, store_parameters
from telemetry.audit.audit_log import write_audit
from tests.builders import NOW, draft, make_spec, publish
from tests.bypass.world import LINE, OTHER, applied, open_request, undone

pytestmark = [pytest.mark.usefixtures("world"), pytest.mark.django_db]


WEIGHTS = {"chain=base": 2.0}


def audited(*named: str) -> None:
    for each in named:
        write_audit(actor="mallory", action="apply", object=each, reason="x", before=None, after=None, at=NOW)


def closed(request: ChangeRequest) -> ChangeRequest:
    """Apply the request by hand."""
    if request.route == "review":
        ChangeRequest.objects.filter(pk=request.pk).update(state="approved")
    ChangeRequest.objects.filter(pk=request.pk).update(state="applied", closed_at=NOW)
    return request


def signed(request: ChangeRequest) -> ChangeRequest:
    """Approve the request as a person and apply it by hand."""
    approve(request_id=request.pk, by=User.objects.get(username="somebody"), at=NOW)
    return closed(request)


def version(request: ChangeRequest, module: str = "pm", **over: object) -> None:
    before = Version.objects.get(module=module, is_active=True)
    fields = {"number": 3, "parameters_id": before.parameters_id, "coefficients": {}, "is_active": True} | over
    if fields["is_active"]:
        Version.objects.filter(pk=before.pk).update(is_active=False)
    Version.objects.create(
        module=module, kind="lines", n_overrides=1, content_hash="h", request=request,
        published_at=NOW, published_by="mallory", **fields,
    )  # fmt: skip
    audited(f"version {module}/{fields['number']}")


def unreviewed(route: str, kind: str = "lines", **over: object) -> ChangeRequest:
    fields = {
        "module": "pm", "kind": kind, "title": "t", "reason": "r", "author": None, "author_name": "m", "at": NOW,
    } | over  # fmt: skip
    return closed(draft_request(route=route, **fields))  # type: ignore[arg-type]


def constants_at_once() -> None:
    parameters = ModuleParameters.default("pm")
    content = parameters.to_document()
    row = store_parameters(parameters, by="m", reason="m", at=NOW)
    version(unreviewed("at_once", "parameters", content=content), parameters_id=row.pk)


def coefficients_at_once() -> None:
    publish(module="dm")
    request = unreviewed("at_once", module="dm", content={"coefficients": WEIGHTS})
    version(request, module="dm", number=2, coefficients=WEIGHTS)


def coefficients_under_mandates() -> None:
    publish(module="dm")
    request = unreviewed("mandate", module="dm", content={"coefficients": WEIGHTS})
    version(request, module="dm", number=2, coefficients=WEIGHTS)


def other_coefficients() -> None:
    publish(module="dm")
    request = signed(draft(module="dm", lines=[], content={"coefficients": WEIGHTS}))
    version(request, module="dm", number=2, coefficients={"chain=base": 1.9})


def coefficients_of_another_module() -> None:
    version(signed(draft(lines=[])), coefficients=WEIGHTS)


def rollback_at_once() -> None:
    version(unreviewed("at_once", "rollback", content={"to": 1}))


def other_parameters() -> None:
    row = ParameterSet.objects.create(id="9" * 64, module="pm", document={}, created_at=NOW, created_by="m", reason="m")
    version(unreviewed("at_once"), parameters_id=row.pk)


def mode_again() -> None:
    for mode in ("off", "shadow"):
        ModuleMode.objects.filter(module="pm").update(mode=mode, revision=F("revision") + 1)
    audited("mode pm", f"request {applied('mode')}")


def policy_again() -> None:
    ModulePolicy.objects.update(is_active=False)
    current = ModulePolicy.objects.get()
    ModulePolicy.objects.create(
        module="pm", number=2, is_active=True, document=current.document, request=current.request, created_at=NOW,
        created_by="m",
    )  # fmt: skip
    audited("policy pm/2", f"request {current.request_id}")


def mandate_again() -> None:
    current = Mandate.objects.get(revoked_at=None)
    Mandate.objects.filter(pk=current.pk).update(revoked_at=NOW)
    current.pk = None
    audited(f"request {current.request_id}")
    current.save(force_insert=True)


def mandate_revived() -> None:
    Mandate.objects.filter(revoked_at=None).update(revoked_at=NOW)
    audited("anything")
    Mandate.objects.update(revoked_at=None)


def veto_lifted_and_put_back() -> None:
    LineHold.objects.update(lifted_at=NOW)
    audited(f"line {LINE}")
    LineHold.objects.update(lifted_at=None)


def quarantine_extended() -> None:
    Quarantine.objects.update(lifted_at=NOW)
    audited("builder pm")
    Quarantine.objects.update(lifted_at=None)


def membership_after_the_check() -> None:
    """Let the version be checked early, then add a line to it: only the row itself can still refuse it."""
    version(unreviewed("at_once"))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    override = Override.objects.get(line_id=OTHER)
    Membership.objects.create(module="pm", line_id=OTHER, override=override, from_version=3)


def membership_that_ends_by_itself() -> None:
    override = Override.objects.get(line_id=OTHER)
    Membership.objects.create(module="pm", line_id=OTHER, override=override, from_version=3, to_version=4)


def history_closed_again() -> None:
    Membership.objects.filter(to_version=2).update(to_version=3)


def delegated_in_quarantine() -> None:
    spec = make_spec({"size_mult": 1.1})
    after = store_override(spec, source="x", at=NOW)
    request = draft(route="mandate", lines=[], submit=False)
    current = Membership.objects.get(to_version=None)
    ChangeLine.objects.create(
        request=request, line_id=LINE, action="change", before=current.override, after=after, differences=[]
    )
    closed(request)
    Membership.objects.filter(pk=current.pk).update(to_version=3)
    version(request)
    Membership.objects.create(module="pm", line_id=LINE, override=after, from_version=3)


def disowned() -> None:
    ChangeRequest.objects.filter(pk=open_request().pk).update(author=None)
    audited(f"request {open_request().pk}")


def rerouted() -> None:
    ChangeRequest.objects.filter(pk=open_request().pk).update(route="at_once")
    audited(f"request {open_request().pk}")


def applied_as_a_draft() -> None:
    request = draft(make_spec({"size_mult": 1.3}), submit=False)
    ChangeRequest.objects.filter(pk=request.pk).update(state="applied", closed_at=NOW)


def transaction_claimed() -> None:
    """Claim that an old request was applied in this transaction."""
    request = ChangeRequest.objects.filter(kind="mode", state="applied")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        request.update(transaction=cursor.fetchone()[0], acknowledged_by="m")
    mode_again()


def quorum_of_nobody() -> None:
    """Apply a policy that needs no approvals, with one vote; under it apply one more request without any."""
    request = draft(kind="policy", content={})
    ChangeRequest.objects.filter(pk=request.pk).update(
        content={"groups": []}, edition=F("edition") + 1, content_hash="q"
    )
    request.refresh_from_db()
    Vote.objects.create(
        request=request,
        voter_id=Vote.objects.earliest("pk").voter_id,
        decision="approve",
        content_hash="q",
        voted_at=NOW,
    )
    closed(request)
    ModulePolicy.objects.filter(is_active=True).update(is_active=False)
    ModulePolicy.objects.create(
        module="pm", number=2, is_active=True, document={"groups": []}, request=request, created_at=NOW, created_by="m"
    )
    audited("policy pm/2")
    version(closed(draft(lines=[])))


def policy_without_votes() -> None:
    """Put a policy into force by the route of acts towards neutral, which nobody votes on."""
    request = closed(unreviewed("at_once", kind="policy", content={"approvals": 1}))
    ModulePolicy.objects.filter(is_active=True).update(is_active=False)
    ModulePolicy.objects.create(
        module="pm",
        number=2,
        is_active=True,
        document={"approvals": 1},
        request=request,
        created_at=NOW,
        created_by="m",
    )
    audited("policy pm/2")


def route_that_no_rule_names() -> None:
    version(closed(unreviewed("foo", lines=[])))


def version_for_later() -> None:
    """Store a version that is not in force, whose lines the next version would serve."""
    request = signed(draft(make_spec({"size_mult": 1.3}, scope={"macro_phase": "Euphoria"})))
    version(request, is_active=False)


def line_before_its_request() -> None:
    """Write a line of the request with the next id, whose lines another transaction writes and people sign."""
    ChangeLine.objects.create(
        request_id=ChangeRequest.objects.latest("pk").pk + 1,
        line_id=OTHER,
        action="add",
        after=Override.objects.get(line_id=OTHER),
    )


def vote_before_its_request() -> None:
    Vote.objects.create(
        request_id=ChangeRequest.objects.latest("pk").pk + 1,
        voter=User.objects.get(username="voter"),
        decision="approve",
        content_hash="q",
        voted_at=NOW,
    )


def approved_by_nobody() -> None:
    request = open_request()
    ChangeRequest.objects.filter(pk=request.pk).update(state="approved")
    audited(f"request {request.pk}")


def applied_without_effect() -> None:
    signed(draft(make_spec({"size_mult": 1.3}, scope={"macro_phase": "Euphoria"})))


def edited_and_still_approved() -> None:
    """Edit an approved request without sending it back to review."""
    request = draft(kind="policy", content={"approvals": 1})
    approve(request_id=request.pk, by=User.objects.get(username="somebody"), at=NOW)
    ChangeRequest.objects.filter(pk=request.pk).update(
        content={"approvals": 2}, edition=F("edition") + 1, content_hash="q"
    )


def mandate_before_its_request_is_applied() -> None:
    mandate = Mandate.objects.latest("pk")
    mandate.pk, mandate.revoked_at, mandate.request = None, None, open_request()
    mandate.save()


def term_that_no_page_can_read() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE overrides_changerequest SET expires_at = 'infinity', edition = edition + 1")


def login_that_no_page_can_read() -> None:
    """Lock everybody out by a time of their last login, which needs no audit entry."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE auth_user SET last_login = '-infinity'")


WAYS: dict[Callable[[], None], str] = {
    constants_at_once: "was not reviewed and may move lines alone",
    coefficients_at_once: "was not reviewed and may move lines alone",
    coefficients_under_mandates: "was not reviewed and may move lines alone",
    other_coefficients: "has constants that request [0-9]+ does not hold",
    coefficients_of_another_module: "has constants that request [0-9]+ does not hold",
    rollback_at_once: "differs from request|was not reviewed and may move lines alone",
    other_parameters: "has constants that request [0-9]+ does not hold",
    mode_again: "mode pm: going away from neutral takes an applied request",
    policy_again: "was applied in another transaction",
    mandate_again: "is not due for renewal",
    mandate_revived: "overrides_mandate is immutable: only revoked_at is set, once and later",
    veto_lifted_and_put_back: "overrides_linehold is immutable: only lifted_at is set, once and later",
    quarantine_extended: "overrides_quarantine is immutable: only lifted_at is set, once and later",
    membership_after_the_check: f"version pm/3 differs from request [0-9]+ at line {OTHER}",
    membership_that_ends_by_itself: "overrides_membership is immutable: only to_version is set, once and later",
    history_closed_again: "overrides_membership is immutable: only to_version is set, once and later",
    delegated_in_quarantine: "the builder of pm is in quarantine",
    disowned: "what kind it is, by which route and whose, is not changed",
    rerouted: "what kind it is, by which route and whose, is not changed",
    applied_as_a_draft: "a draft is applied at once or under mandates, not by the route of reviews",
    transaction_claimed: "mode pm: going away from neutral takes an applied request",
    quorum_of_nobody: "has 0 of 1 approvals of its content by others than its author",
    policy_without_votes: "was not reviewed and changes no policy",
    route_that_no_rule_names: "request_words_are_known",
    version_for_later: "is not in force, which only a trial may be",
    line_before_its_request: "a line is written after its request",
    vote_before_its_request: "a vote is on a request that exists",
    approved_by_nobody: "has 0 of 1 approvals of its content by others than its author",
    applied_without_effect: "is applied without what it brings",
    edited_and_still_approved: "an edit goes back to review",
    mandate_before_its_request_is_applied: "is signed after request [0-9]+ was applied",
    login_that_no_page_can_read: "person_times_are_readable",
    term_that_no_page_can_read: "request_times_are_readable|is closed: it is not changed any more",
}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_way_leads_round(way: Callable[[], None]) -> None:
    with pytest.raises(IntegrityError, match=WAYS[way]), undone():
        way()


def test_nothing_is_taken_back_between_an_early_check_and_the_commit() -> None:
    """Whoever vetoes or takes back a vote or a right writes an audit entry, for which the check holds the lock."""
    request = open_request()
    with undone(), connection.cursor() as cursor:
        Vote.objects.create(
            request=request,
            voter=User.objects.get(username="voter"),
            decision="approve",
            content_hash=request.content_hash,
            voted_at=NOW,
        )
        ChangeRequest.objects.filter(pk=request.pk).update(state="approved")
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        cursor.execute(held)
        assert cursor.fetchone() == (0,)

        cursor.execute("SET CONSTRAINTS request_is_decided IMMEDIATE")

        cursor.execute(held)
        assert cursor.fetchone() == (1,)
        audited(f"request {request.pk}")
