"""Tables of governance: policies of modules, mandates, vetoes and pins, and the quarantine of the builder."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property

from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.core.governance.mandates import Terms
from overrides.models.overrides import Line
from overrides.models.requests import ChangeRequest
from telemetry.foundation.models import readable
from telemetry.models import MODULES


class ModulePolicy(models.Model):
    """The governance policy of a module (`core.governance`), reviewed like parameters.

    The defaults apply if none is active.
    """

    module = models.CharField(max_length=2, choices=MODULES)
    number = models.PositiveIntegerField()
    is_active = models.BooleanField(default=False)
    document = models.JSONField()
    request = models.ForeignKey("ChangeRequest", models.PROTECT, related_name="policies")
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=150)

    class Meta:
        ordering = ("module", "-number")
        verbose_name_plural = "module policies"
        constraints = [
            models.UniqueConstraint(fields=["module", "number"], name="one_policy_per_number"),
            models.UniqueConstraint(
                fields=["module"], condition=Q(is_active=True), name="one_active_policy_per_module"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.module} policy {self.number}"

    @cached_property
    def parsed(self) -> GovernancePolicy:
        """The document as a value, read once. Raises FieldError where it is malformed."""
        return GovernancePolicy.from_document(self.document)


class Mandate(models.Model):
    """What approving a line allows the builder to do without a person: direction, range, evidence and expiry."""

    line = models.ForeignKey(Line, models.PROTECT, related_name="mandates")
    request = models.ForeignKey(ChangeRequest, models.PROTECT, related_name="mandates")
    direction = models.SmallIntegerField(choices=[(-1, "lowers exposure"), (1, "raises exposure")])
    reach = models.JSONField(help_text="lever -> [lowest, highest value], one of them neutral")
    evidence_floor = models.JSONField(help_text="least_n and least_edge that still carry it")
    edge_sign = models.SmallIntegerField(default=0, help_text="set by the database: of the edge that was signed")
    approvals_needed = models.SmallIntegerField(default=1, help_text="set by the database: by the policy at signing")
    voter_groups = models.JSONField(default=list, help_text="set by the database: whose votes count, by that policy")
    review_by = models.DateTimeField()
    granted_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    renews = models.OneToOneField("self", models.PROTECT, null=True, related_name="renewed_by")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line"], condition=Q(revoked_at=None), name="one_live_mandate_per_line"),
            models.CheckConstraint(condition=Q(direction__in=(-1, 1)), name="mandate_direction_is_a_sign"),
            models.CheckConstraint(condition=readable("review_by"), name="mandate_term_is_readable"),
        ]

    def __str__(self) -> str:
        return f"mandate on {self.line_id[:12]}"

    @cached_property
    def terms(self) -> Terms:
        """What it allows, as a value."""
        reach = {name: (float(low), float(high)) for name, (low, high) in self.reach.items()}
        floor = self.evidence_floor
        return Terms(self.direction, reach, floor["least_n"], floor["least_edge"], self.review_by, self.edge_sign)


class MandateRenewal(models.Model):
    """One person's approval of renewing a mandate; with enough of them another mandate takes its place."""

    mandate = models.ForeignKey(Mandate, models.PROTECT, related_name="renewals")
    voter = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    reason = models.TextField()
    voted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mandate", "voter"], name="one_renewal_per_mandate_and_person"),
            models.CheckConstraint(condition=~Q(reason=""), name="renewal_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"renewal of mandate {self.mandate_id}"


class HoldKind(models.TextChoices):
    """What holds a line: a veto keeps it from being served, a pin or a cap keeps machines from changing or moving it.

    A cap limits how far from neutral machines may move it (`core.governance.line_caps`).
    """

    VETO = "veto"
    PIN = "pin"
    CAP = "cap"


class LineHold(models.Model):
    """A veto (never serve this line), a pin or a cap (what machines may do with it), until it expires or is lifted.

    A pin that a rejection placed remembers what was rejected (`core.governance.rejections`): it ends earlier once that
    has changed, and does not keep the line from being withdrawn.
    """

    line = models.ForeignKey(Line, models.PROTECT, related_name="holds")
    kind = models.CharField(max_length=4, choices=HoldKind)
    reason = models.TextField()
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    placed_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    lifted_at = models.DateTimeField(null=True)
    cap = models.JSONField(null=True, help_text="of a cap: lever -> value farthest from neutral")
    rejected = models.JSONField(null=True, help_text="of a rejection's pin: what was proposed, and on what evidence")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["line", "kind"], condition=Q(lifted_at=None), name="one_live_hold_per_line"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="hold_has_a_reason"),
            models.CheckConstraint(condition=Q(kind__in=("veto", "pin", "cap")), name="hold_kind_is_known"),
            models.CheckConstraint(
                condition=Q(kind="cap", cap__isnull=False) | ~Q(kind="cap") & Q(cap__isnull=True),
                name="hold_cap_is_of_a_cap",
            ),
            models.CheckConstraint(condition=Q(kind="pin") | Q(rejected__isnull=True), name="hold_rejection_is_a_pin"),
            models.CheckConstraint(condition=readable("expires_at"), name="hold_term_is_readable"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.line_id[:12]}"

    @staticmethod
    def is_live(at: datetime) -> Q:
        """Return the condition for holds in effect at a time: neither lifted nor expired."""
        return Q(lifted_at=None) & (Q(expires_at=None) | Q(expires_at__gt=at))


class Quarantine(models.Model):
    """While a quarantine of a module is in place, the builder publishes nothing of that module under mandates."""

    module = models.CharField(max_length=2, choices=MODULES)
    reason = models.TextField()
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    placed_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["module"], condition=Q(lifted_at=None), name="one_live_quarantine"),
            models.CheckConstraint(condition=~Q(reason=""), name="quarantine_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"quarantine of the {self.module} builder"
