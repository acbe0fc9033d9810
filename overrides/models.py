"""What is in force and how it came to be: lines, overrides, versions, requests, votes, modes.

An override is one immutable revision of a line. A version is a set of memberships: a row holds a line's override
from `from_version` until `to_version`, so a version costs only what changed. Decisions name overrides; vetoes,
pins, mandates and scorecards name lines.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.functional import cached_property

from overrides.core import lifecycle
from telemetry.foundation.models import Computed, finite
from telemetry.models import CATEGORIES, MODULES

CHANNELS = [(name, name) for name in ("dm_alloc", "pm_strength", "pm_tuning")]
POLICIES = [(name, name) for name in ("plan", "evidence")]
DAYS_MAX = 36_500.0


class Line(models.Model):
    """The identity that lesson and override share: sha256 of module, channel, policy, key, category and scope."""

    id = models.CharField(primary_key=True, max_length=64, editable=False)
    module = models.CharField(max_length=2, choices=MODULES)
    channel = models.CharField(max_length=11, choices=CHANNELS)
    policy = models.CharField(max_length=8, choices=POLICIES)
    pattern_key = models.CharField(max_length=122)
    action_category = models.CharField(max_length=10, choices=CATEGORIES)
    scope = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["module", "pattern_key", "action_category"], name="line_by_pattern")]

    def __str__(self) -> str:
        scope = ", ".join(f"{key}={value}" for key, value in sorted(self.scope.items())) or "everything"
        return f"{self.pattern_key} {self.action_category} [{scope}]"


class Override(models.Model):
    """One immutable revision of a line; its id is the sha256 of its canonical document."""

    id = models.CharField(primary_key=True, max_length=64, editable=False)
    line = models.ForeignKey(Line, models.PROTECT, related_name="overrides")
    edge_raw = models.FloatField()
    n = models.FloatField(help_text="trades, or what a judgement is worth in trades")
    variance = models.FloatField()
    half_life_days = models.FloatField()
    updated_at = models.DateTimeField(help_text="close of the newest trade behind it")
    levers = models.JSONField()
    promise = models.JSONField(null=True)
    source = models.CharField(max_length=100, help_text="lesson, person or import it came from")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=finite("edge_raw"), name="override_edge_is_finite"),
            models.CheckConstraint(condition=finite("n", "variance", low=0), name="override_n_and_variance_are_finite"),
            models.CheckConstraint(
                condition=finite("half_life_days", low=1e-9, high=DAYS_MAX), name="override_half_life_is_positive"
            ),
        ]
        indexes = [
            models.Index(F("created_at").desc(), F("id"), name="override_newest_first"),
            models.Index(fields=["edge_raw"], name="override_by_edge"),
            models.Index(fields=["n"], name="override_by_sample"),
        ]

    def __str__(self) -> str:
        return f"override {self.id[:12]}"


class ParameterSet(models.Model):
    """The combiner's and the builder's constants of a module: immutable, reviewed, named by their content."""

    id = models.CharField(primary_key=True, max_length=64, editable=False)
    module = models.CharField(max_length=2, choices=MODULES)
    document = models.JSONField()
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=150)
    reason = models.TextField()

    def __str__(self) -> str:
        return f"parameters {self.module} {self.id[:12]}"


class ModulePolicy(models.Model):
    """A module's rules of governance (`core.policy`), reviewed like parameters; one is active, the defaults if none."""

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


class Version(models.Model):
    """One published state of a module, immutable but for which one is active."""

    class Kind(models.TextChoices):
        LINES = "lines"
        PARAMETERS = "parameters"
        ROLLBACK = "rollback"
        TRIAL = "trial"  # never active: a challenger, logged beside what is served
        RESTORED = "restored"  # what was in force before the trial, in the same transaction

    module = models.CharField(max_length=2, choices=MODULES)
    number = models.PositiveIntegerField()
    is_active = models.BooleanField(default=False)
    kind = models.CharField(max_length=10, choices=Kind)
    parameters = models.ForeignKey(ParameterSet, models.PROTECT, related_name="versions")
    coefficients = models.JSONField(default=dict, help_text="dm: lever=value -> weight, 0.5 to 2")
    n_overrides = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64)
    config_data = models.JSONField(null=True, help_text="the plan's shape; null beyond 5,000 overrides")
    request = models.ForeignKey("ChangeRequest", models.PROTECT, related_name="versions")
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=150)
    transaction = models.BigIntegerField(default=0, help_text="set by the database: whose memberships it may open")

    class Meta:
        db_table = "learning_configs"
        ordering = ("module", "-number")
        permissions = [("resolve", "Can resolve levers")]
        constraints = [
            models.UniqueConstraint(fields=["module", "number"], name="one_version_per_number"),
            models.UniqueConstraint(
                fields=["module"], condition=Q(is_active=True), name="one_active_version_per_module"
            ),
            models.UniqueConstraint(fields=["request"], condition=~Q(kind="restored"), name="one_version_per_request"),
            models.UniqueConstraint(
                fields=["request"], condition=Q(kind="restored"), name="one_restored_version_per_request"
            ),
            models.CheckConstraint(condition=~Q(kind="trial", is_active=True), name="trial_is_never_active"),
        ]

    def __str__(self) -> str:
        return f"{self.module} version {self.number}"


class Membership(models.Model):
    """A line's override is in force in versions from_version <= number < to_version (null: until replaced)."""

    module = models.CharField(max_length=2, choices=MODULES)
    line = models.ForeignKey(Line, models.PROTECT, related_name="memberships")
    override = models.ForeignKey(Override, models.PROTECT, related_name="memberships")
    from_version = models.PositiveIntegerField()
    to_version = models.PositiveIntegerField(null=True)
    path_from = models.JSONField(null=True, help_text="lever -> value in force at publish; the ramp starts here")
    path_since = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line"], condition=Q(to_version=None), name="one_open_membership_per_line"),
            models.UniqueConstraint(fields=["line", "from_version"], name="one_membership_per_line_and_version"),
            models.CheckConstraint(
                condition=Q(to_version=None) | Q(to_version__gt=F("from_version")),
                name="membership_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(path_from=None, path_since=None) | Q(path_from__isnull=False, path_since__isnull=False),
                name="membership_path_is_whole",
            ),
        ]
        indexes = [models.Index(fields=["module", "from_version", "to_version"], name="membership_by_version")]

    def __str__(self) -> str:
        return f"{self.override_id[:12]} from version {self.from_version}"


class ChangeRequest(models.Model):
    """What somebody, or the materializer, wants changed; applied only on votes that sign its content."""

    class Kind(models.TextChoices):
        LINES = "lines"
        PARAMETERS = "parameters"
        MODE = "mode"
        POLICY = "policy"
        ROLLBACK = "rollback"
        TRIAL = "trial"

    class State(models.TextChoices):
        """The states of `core.lifecycle`, as choices."""

        DRAFT = "draft"
        IN_REVIEW = "in_review"
        CHANGES_REQUESTED = "changes_requested"
        APPROVED = "approved"
        SCHEDULED = "scheduled"
        APPLIED = "applied"
        REJECTED = "rejected"
        CANCELLED = "cancelled"
        EXPIRED = "expired"
        FAILED = "failed"

    class Route(models.TextChoices):
        """By votes before; under mandates signed earlier; or at once towards neutral, reviewed afterwards."""

        REVIEW = "review"
        MANDATE = "mandate"
        AT_ONCE = "at_once"

    class Health(models.TextChoices):
        VALID = "valid"
        STALE = "stale"
        EVIDENCE_LAPSED = "evidence_lapsed"
        CONFLICT = "conflict"

    OPEN: ClassVar = tuple(state.value for state in lifecycle.OPEN)

    module = models.CharField(max_length=2, choices=MODULES)
    kind = models.CharField(max_length=10, choices=Kind)
    state = models.CharField(max_length=17, choices=State, default=State.DRAFT)
    health = models.CharField(max_length=15, choices=Health, default=Health.VALID)  # as of the last minute
    title = models.CharField(max_length=200)
    reason = models.TextField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="change_requests", help_text="null: a machine"
    )
    author_name = models.CharField(max_length=150, help_text="outlives the user; names the builder and its run")
    content = models.JSONField(help_text="parameters, mode or rollback target; for lines what the lines sum up to")
    content_hash = models.CharField(max_length=64, help_text="what a vote signs")
    base_version = models.PositiveIntegerField(null=True, help_text="version it was drafted against")
    base_parameters = models.CharField(max_length=64, blank=True, help_text="parameters then in force; signed too")
    edition = models.PositiveIntegerField(default=0, help_text="counts the edits; signed, so that no vote comes back")
    movement = models.FloatField(default=0.0, help_text="largest steps moved, summed over its lines")
    split_from = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="parts", help_text="whose remaining lines these are"
    )
    route = models.CharField(max_length=8, choices=Route, default=Route.REVIEW, help_text="how it takes effect")
    created_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    scheduled_for = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True, help_text="when what took effect at once was reviewed")
    acknowledged_by = models.CharField(max_length=150, blank=True)
    failure = models.TextField(blank=True)
    transaction = models.BigIntegerField(default=0, help_text="set by the database: in which it was applied")

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [
            models.Index(fields=["module", "state"], name="request_by_state"),
            models.Index(
                fields=["closed_at"], condition=Q(route="at_once", acknowledged_at=None), name="request_unacknowledged"
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=finite("movement", low=0), name="request_movement_is_finite"),
        ]
        permissions = [
            ("review_changerequest", "Can approve or reject change requests"),
            ("apply_changerequest", "Can apply approved change requests"),
            ("lower_modulemode", "Can take a module towards neutral at once"),
            ("propose_parameters", "Can draft requests for parameters and policies"),
        ]

    def __str__(self) -> str:
        return f"request {self.pk} {self.module} {self.title}"

    @cached_property
    def rolls_back_to(self) -> Version:
        """The older version that a request of kind rollback brings back, read once with its parameters."""
        versions = Version.objects.select_related("parameters").defer("config_data")
        return versions.get(module=self.module, number=self.content["to"])


class ChangeLine(models.Model):
    """One line a request touches: the override it replaces and the one it brings (null: withdrawn)."""

    class Action(models.TextChoices):
        ADD = "add"
        CHANGE = "change"
        WITHDRAW = "withdraw"

    request = models.ForeignKey(ChangeRequest, models.CASCADE, related_name="lines")
    line = models.ForeignKey(Line, models.PROTECT, related_name="+")
    action = models.CharField(max_length=8, choices=Action)
    before = models.ForeignKey(Override, models.PROTECT, null=True, related_name="+")
    after = models.ForeignKey(Override, models.PROTECT, null=True, related_name="+")
    differences = models.JSONField(default=list, help_text="why this line is material")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "line"], name="one_change_per_line_and_request"),
            models.CheckConstraint(
                condition=Q(action="add", before=None, after__isnull=False)
                | Q(action="change", before__isnull=False, after__isnull=False)
                | Q(action="withdraw", before__isnull=False, after=None),
                name="change_line_has_its_sides",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.line_id[:12]}"


class Vote(models.Model):
    """One person's word on one content: the hash says which; an edit voids it by changing the hash.

    Votes are appended, never changed: a person's latest word on a content is the one that counts.
    """

    class Decision(models.TextChoices):
        APPROVE = "approve"
        REJECT = "reject"
        REQUEST_CHANGES = "request_changes"

    request = models.ForeignKey(ChangeRequest, models.CASCADE, related_name="votes")
    voter = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="votes")
    decision = models.CharField(max_length=15, choices=Decision)
    content_hash = models.CharField(max_length=64)
    reason = models.TextField(blank=True)
    voted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(decision="approve") | ~Q(reason=""), name="vote_against_has_a_reason"),
        ]
        indexes = [models.Index(fields=["request", "content_hash"], name="vote_by_content")]

    def __str__(self) -> str:
        return f"{self.decision} on request {self.request_id}"


class Comment(models.Model):
    """What somebody says about a request, or about one of its lines."""

    request = models.ForeignKey(ChangeRequest, models.CASCADE, related_name="comments")
    line = models.ForeignKey(Line, models.PROTECT, null=True, related_name="+")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    text = models.TextField()
    written_at = models.DateTimeField()

    class Meta:
        ordering = ("written_at", "id")
        constraints = [models.CheckConstraint(condition=~Q(text=""), name="comment_says_something")]

    def __str__(self) -> str:
        return f"comment {self.pk} on request {self.request_id}"


class Mandate(models.Model):
    """What approving a line allows the builder without a person: direction, reach, evidence, until when."""

    line = models.ForeignKey(Line, models.PROTECT, related_name="mandates")
    request = models.ForeignKey(ChangeRequest, models.PROTECT, related_name="mandates")
    direction = models.SmallIntegerField(choices=[(-1, "lowers exposure"), (1, "raises exposure")])
    reach = models.JSONField(help_text="lever -> [lowest, highest value], one of them neutral")
    evidence_floor = models.JSONField(help_text="least_n and least_edge that still carry it")
    review_by = models.DateTimeField()
    granted_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line"], condition=Q(revoked_at=None), name="one_live_mandate_per_line"),
            models.CheckConstraint(condition=Q(direction__in=(-1, 1)), name="mandate_direction_is_a_sign"),
        ]

    def __str__(self) -> str:
        return f"mandate on {self.line_id[:12]}"


class LineHold(models.Model):
    """A veto (never serve this line) or a pin (the builder may not change it), until it expires or is lifted."""

    class Kind(models.TextChoices):
        VETO = "veto"
        PIN = "pin"

    line = models.ForeignKey(Line, models.PROTECT, related_name="holds")
    kind = models.CharField(max_length=4, choices=Kind)
    reason = models.TextField()
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    placed_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["line", "kind"], condition=Q(lifted_at=None), name="one_live_hold_per_line"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="hold_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.line_id[:12]}"


class Quarantine(models.Model):
    """While one stands, the builder publishes nothing of the module by itself."""

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


class ModuleMode(models.Model):
    """How a module is served. A missing or malformed row is off."""

    class Mode(models.TextChoices):
        OFF = "off"
        SHADOW = "shadow"
        ON = "on"

    module = models.CharField(primary_key=True, max_length=2, choices=MODULES)
    mode = models.CharField(max_length=6, choices=Mode, default=Mode.OFF)
    rollout_percent = models.FloatField(default=100.0)
    allow = models.JSONField(default=dict, help_text="dimension -> values served; empty: all")
    challenger = models.ForeignKey(Version, models.PROTECT, null=True, related_name="+")
    revision = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=150)
    reason = models.TextField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=finite("rollout_percent", low=0, high=100), name="mode_rollout_is_a_percentage"
            ),
            models.CheckConstraint(condition=Q(mode__in=("off", "shadow", "on")), name="mode_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.module} {self.mode}"


class WhatIf(Computed):
    """What a request would do to the last logged decisions, computed once: its key holds all it depends on."""

    request = models.ForeignKey(ChangeRequest, models.CASCADE, related_name="what_ifs")
    version = models.PositiveIntegerField(null=True, help_text="in force when it was asked for: what is compared with")
    n = models.PositiveIntegerField(help_text="decisions looked at, if there are so many")
    last_decision = models.UUIDField(null=True, help_text="the newest of them")
    as_of = models.DateTimeField(null=True, help_text="null: each decision as of its own time")
    document = models.JSONField(null=True)

    class Meta:
        ordering = ("-asked_at",)
        constraints = [
            models.CheckConstraint(condition=finite("progress", low=0, high=1), name="what_if_progress_is_a_share")
        ]

    def __str__(self) -> str:
        return f"what if request {self.request_id}"


class Challenge(Computed):
    """The challenger's answers beside those of what is live, compared once over a period and kept."""

    module = models.CharField(max_length=2, choices=MODULES)
    version = models.PositiveIntegerField(null=True, help_text="the challenger; null: whichever was logged")
    since = models.DateTimeField()
    until = models.DateTimeField(help_text="decisions asked for at or after `since` and before this")
    document = models.JSONField(null=True)

    class Meta:
        ordering = ("-asked_at", "key")
        indexes = [models.Index(fields=["module", "-asked_at"], name="challenge_newest_first")]
        constraints = [
            models.CheckConstraint(condition=Q(progress__range=(0, 1)), name="challenge_progress_is_a_share"),
            models.CheckConstraint(condition=Q(until__gt=F("since")), name="challenge_period_has_a_length"),
        ]

    def __str__(self) -> str:
        return f"{self.module}: live against challenger, {self.since:%Y-%m-%d} to {self.until:%Y-%m-%d}"
