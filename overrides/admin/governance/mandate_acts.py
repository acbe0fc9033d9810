"""Renew or revoke mandates, one or several: the page that asks, and the outcome for each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from overrides.admin.mandate_display import Headroom, Signers, headroom, signers_of, term
from overrides.admin.request_form import ReasonForm
from overrides.core.governance.errors import GovernanceError
from overrides.core.governance.permissions import LOWER, REVIEW
from overrides.models import Mandate, Membership, Override
from overrides.requests.mandate_terms import renew_mandate, revoke_mandate, rules_of, why_not_renewed
from telemetry.foundation.admin.read_only import FactAdmin, person
from telemetry.foundation.admin.reauthentication import is_proof_due, missing_proof

MOST = 200  # mandates that can be renewed or revoked at once
CHOSEN = "mandate"  # the field that names a mandate


@dataclass(frozen=True)
class MandateAct:
    """One act on mandates, as its page shows it; `take` returns what it brought, in words."""

    name: str
    label: str
    permission: str
    effect: str
    needs_proof: bool
    take: Callable[[int, User, str, datetime], str]
    button: str = ""


@dataclass(frozen=True)
class Row:
    """A chosen mandate as the page shows it; `why_not` is why the person may not do it."""

    mandate: Mandate
    term: str
    headroom: tuple[Headroom, ...]
    signers: Signers
    next_review: float
    needed: int
    why_not: str


@dataclass(frozen=True)
class Outcome:
    """What became of one mandate, and why it was refused."""

    mandate: Mandate
    done: str
    refused: str


def _renew(mandate_id: int, by: User, reason: str, at: datetime) -> str:
    found = renew_mandate(mandate_id=mandate_id, by=by, reason=reason, at=at)
    if found.mandate is None:
        return f"approved: {found.approvals} of {found.needed} approvals; it is renewed with the last one"
    return f"renewed until {found.mandate.review_by:%Y-%m-%d}"


def _revoke(mandate_id: int, by: User, reason: str, at: datetime) -> str:
    revoke_mandate(mandate_id=mandate_id, by=by, reason=reason, at=at)
    return "revoked: every change of its line needs a person now"


RENEW = MandateAct(
    "renew",
    "Renew",
    REVIEW,
    "You approve again what was approved: the builder may go on alone on the same terms until the next review. "
    "Direction, farthest value and least evidence stay as they are",
    True,
    _renew,
)
REVOKE = MandateAct(
    "revoke",
    "Revoke",
    LOWER,
    "From now on every change of the line needs a person. What is in force stays in force; to take it out, retire the "
    "override",
    False,
    _revoke,
    "reject",
)
ACTS = (RENEW, REVOKE)


def lead_to(act: MandateAct) -> Callable[..., HttpResponse]:
    """Return the action of the list that leads to the page of an act."""

    def selected(model_admin: FactAdmin, request: HttpRequest, queryset: QuerySet[Mandate]) -> HttpResponse:
        chosen = list(queryset.order_by("review_by", "pk").values_list("pk", flat=True)[:MOST])
        where = reverse(f"admin:overrides_mandate_{act.name}")
        return HttpResponseRedirect(f"{where}?{urlencode({CHOSEN: chosen}, doseq=True)}")

    return selected


def act_view(model_admin: FactAdmin, request: HttpRequest, act: MandateAct) -> HttpResponse:
    """Return the page that asks, or after its button was pressed the one with the outcome for each mandate."""
    if not model_admin.has_view_permission(request) or not request.user.has_perm(act.permission):
        raise PermissionDenied
    now, is_pressed = datetime.now(UTC), request.method == "POST"
    mandates = _chosen(request.POST.getlist(CHOSEN) if is_pressed else request.GET.getlist(CHOSEN))
    if not mandates:
        messages.warning(request, f"Select the mandates to {act.name} first")
        return HttpResponseRedirect(reverse("admin:overrides_mandate_changelist"))
    form = ReasonForm(request.POST if is_pressed else None)
    needs_password = act.needs_proof and is_proof_due(request, now)
    missing = missing_proof(request, now) if needs_password and is_pressed else ""
    outcomes = None
    if is_pressed and not missing and form.is_valid():
        outcomes = [_outcome(act, each, person(request), form.cleaned_data["reason"], now) for each in mandates]
    if outcomes is not None and len(outcomes) == 1:
        return _to_its_page(request, outcomes[0])
    rows = [] if outcomes else list(_rows(act, mandates, person(request), now))
    count = f"{len(mandates)} mandate{'' if len(mandates) == 1 else 's'}"
    context = model_admin.admin_site.each_context(request) | {
        "title": f"{act.label} {count}",
        "opts": model_admin.opts,
        "act": act,
        "rows": rows,
        "possible": sum(not row.why_not for row in rows),
        "outcomes": outcomes,
        "form": form,
        "chosen": CHOSEN,
        "asks_password": needs_password,
        "missing_proof": missing,
    }
    return TemplateResponse(request, "overrides/governance/mandate_act.html", context)


def _chosen(sent: Collection[str]) -> list[Mandate]:
    keys = {int(each) for each in sent if each.isascii() and each.isdecimal() and len(each) < 18}
    rows = Mandate.objects.filter(pk__in=keys).select_related("line", "request").order_by("review_by", "pk")
    return list(rows[:MOST])


def _rows(act: MandateAct, mandates: list[Mandate], by: User, now: datetime) -> Iterator[Row]:
    signers, rules = signers_of(mandates), rules_of(mandates)
    refused = why_not_renewed(mandates, by, now) if act is RENEW else {}
    memberships = Membership.objects.filter(line__in=[each.line_id for each in mandates], to_version=None)
    standing: dict[str, Override] = {row.line_id: row.override for row in memberships.select_related("override__line")}
    for each in mandates:
        why_not = refused.get(each.pk, "it has ended already" if each.revoked_at is not None else "")
        left = tuple(headroom(each, standing.get(each.line_id), now))
        days, needed = rules[each.pk].days, rules[each.pk].needed
        yield Row(each, term(each.review_by - now), left, signers[each.pk], days, needed, why_not)


def _outcome(act: MandateAct, mandate: Mandate, by: User, reason: str, at: datetime) -> Outcome:
    try:
        with transaction.atomic():
            done = act.take(mandate.pk, by, reason, at)
    except GovernanceError as refusal:
        return Outcome(mandate, "", str(refusal))
    return Outcome(mandate, done, "")


def _to_its_page(request: HttpRequest, outcome: Outcome) -> HttpResponse:
    """Return to the page of the mandate, or of the one that took its place, with what became of it."""
    found = Mandate.objects.filter(renews=outcome.mandate).first() or outcome.mandate
    if outcome.refused:
        messages.error(request, f"Nothing was done: {outcome.refused}")
    else:
        messages.success(request, outcome.done[0].upper() + outcome.done[1:])
    return HttpResponseRedirect(reverse("admin:overrides_mandate_change", args=[found.pk]))
