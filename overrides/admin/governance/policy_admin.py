"""Admin of governance policies: each rule in words beside its default, what changed, and a form to request another."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from overrides.admin.document_diff import document_differences, worded
from overrides.admin.governance.constants_form import Constant, ConstantsForm
from overrides.admin.governance.parameter_names import name_of
from overrides.admin.request_form import ProposedRequest, draft
from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.core.governance.permissions import DRAFT
from overrides.models import ModulePolicy, RequestKind
from overrides.requests.governance_store import policy_of
from telemetry.foundation.admin.formatting import badge, format_moment
from telemetry.foundation.admin.read_only import FactAdmin
from telemetry.models import MODULES

RULES = {
    "approvals": "people who must approve a request; more takes longer and lets no single person decide",
    "large_movement": "steps beyond which a request counts as large, together with those applied within the window; "
    "more lets larger requests pass with the usual approvals; empty: no request is large",
    "large_approvals": "people who must approve a large request",
    "window_days": "time over which the sizes of requests add up; a longer one makes more requests large",
    "groups": "groups whose members' votes count; empty: everybody with the permission",
    "large_groups": "groups whose members' votes count on large requests and on all requests that change no lines; "
    "empty: the same groups",
    "expires_days": "time after which a request that nobody has decided expires",
    "mandate_days": "time after which a mandate is due for review; until then the builder may act within it",
    "evidence_kept": "share of the approved trades and edge that must remain for a mandate to apply; more stops the "
    "builder sooner",
    "least_n": "fewest trades of a line that may be approved; more keeps lines with little evidence out",
    "daily_cap": "steps by which the builder may move the module in 24 hours by itself; more lets it move farther",
    "lowering_applies": "whether new lines that lower exposure apply without a person",
    "decision_retention_days": "time, 90 days at least, after which decisions that nothing cites are dropped, a whole "
    "month at a time, once both modules name one; the longer of the two counts; empty: they are kept for good",
}
KEPT_FOR_GOOD = {"decision_retention_days": None}  # which a policy's document does not name


@dataclass(frozen=True)
class Rule:
    """One rule as the page shows it."""

    name: str
    label: str
    words: str
    value: str
    default: str

    @property
    def differs(self) -> bool:
        return self.value != self.default


@admin.register(ModulePolicy)
class ModulePolicyAdmin(FactAdmin):
    """The list and the pages of governance policies."""

    nothing_yet = "The defaults are in force; ask for another policy on the page of a module."
    change_form_template = "overrides/governance/policy.html"
    list_display = ("name", "state", "changed", "made", "created_by", "request_shown")
    list_filter = ("module",)
    list_select_related = ("request",)
    csv_fields = ("module", "number", "is_active", "document", "created_at", "created_by", "request_id")
    sortable_by = ()
    fields = (("name", "state", "made", "created_by", "request_shown"),)
    readonly_fields = ("name", "state", "made", "request_shown")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.propose)
        return [path("<str:module>/propose/", view, name="overrides_modulepolicy_propose"), *super().get_urls()]

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        before = ModulePolicy.objects.filter(module=obj.module, number=obj.number - 1).first()
        base = before.document if before else GovernancePolicy().to_document()
        return {
            "policy": obj,
            "rules": _rules(obj.document),
            "differences": document_differences(base, obj.document),
            "before": before,
            "may_ask": request.user.has_perm(DRAFT),
        }

    def propose(self, request: HttpRequest, module: str) -> HttpResponse:
        """Show a field for each rule with its current value; POST drafts the request."""
        if module not in dict(MODULES):
            raise Http404
        if not self.has_view_permission(request) or not request.user.has_perm(DRAFT):
            raise PermissionDenied
        current = KEPT_FOR_GOOD | policy_of(module).to_document()
        form = ConstantsForm(_constants(current), request.POST if request.method == "POST" else None)
        if form.is_valid():
            content = {name: form.cleaned_data[name] for name in current}
            changes = "; ".join(
                f"{name_of(each.field).label} {each.before} → {each.after}"
                for each in document_differences(current, content)
            )
            proposed = ProposedRequest(RequestKind.POLICY, f"Governance policy of {module}: {changes}", content)
            if response := draft(request, module, form, proposed):
                return response
        context = self.admin_site.each_context(request) | {
            "title": f"Propose another governance policy of {module}",
            "opts": self.opts,
            "form": form,
            "way_back": reverse("admin:overrides_modulepolicy_changelist"),
        }
        return TemplateResponse(request, "overrides/governance/constants_form.html", context)

    @admin.display(description="policy")
    def name(self, policy: ModulePolicy) -> str:
        return f"{policy.module} {policy.number}"

    @admin.display(description="state")
    def state(self, policy: ModulePolicy) -> SafeString:
        return badge("active") if policy.is_active else badge("superseded")

    @admin.display(description="different from the defaults")
    def changed(self, policy: ModulePolicy) -> str:
        return "; ".join(f"{rule.label}: {rule.value}" for rule in _rules(policy.document) if rule.differs) or "nothing"

    @admin.display(description="created")
    def made(self, policy: ModulePolicy) -> SafeString:
        return format_moment(policy.created_at)

    @admin.display(description="request")
    def request_shown(self, policy: ModulePolicy) -> SafeString:
        where = reverse("admin:overrides_changerequest_change", args=[policy.request_id])
        return format_html('<a href="{}">request {}</a>', where, policy.request_id)


def _rules(document: dict[str, Any]) -> list[Rule]:
    defaults = KEPT_FOR_GOOD | GovernancePolicy().to_document()
    values = KEPT_FOR_GOOD | GovernancePolicy.from_document(document).to_document()
    return [
        Rule(name, name_of(name).label, words, worded(values[name]), worded(defaults[name]))
        for name, words in RULES.items()
    ]


def _constants(document: dict[str, Any]) -> dict[str, Constant]:
    """Return every rule that the form asks for, with its value in this policy."""
    defaults = KEPT_FOR_GOOD | GovernancePolicy().to_document()
    declared = {each.name: each for each in fields(GovernancePolicy)}
    return {
        name: Constant(document[name], defaults[name], str(declared[name].type), words) for name, words in RULES.items()
    }
