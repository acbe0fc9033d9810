"""Tables of change requests: the requests, the lines they change, votes and comments."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property

from overrides.core.governance import request_states
from overrides.models.overrides import Line, Override
from overrides.models.versions import Version
from telemetry.foundation.models import finite, readable
from telemetry.models import MODULES


class RequestKind(models.TextChoices):
    """What a change request changes; `requests.kinds` has a module for each."""

    LINES = "lines"
    PARAMETERS = "parameters"
    MODE = "mode"
    POLICY = "policy"
    ROLLBACK = "rollback"
    TRIAL = "trial"


class ChangeRequest(models.Model):
    """A change that a person or the materializer wants; it takes effect only on votes that sign its content."""

    class State(models.TextChoices):
        """The states of `core.governance.request_states`, as choices."""

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
        """How it takes effect: after votes, under mandates, or at once (towards neutral) with a review later."""

        REVIEW = "review"
        MANDATE = "mandate"
        AT_ONCE = "at_once"

    class Health(models.TextChoices):
        """Whether an open request still fits what is in force."""

        VALID = "valid"
        STALE = "stale"
        EVIDENCE_LAPSED = "evidence_lapsed"
        CONFLICT = "conflict"

    OPEN: ClassVar = tuple(state.value for state in request_states.OPEN)

    module = models.CharField(max_length=2, choices=MODULES)
    kind = models.CharField(max_length=10, choices=RequestKind)
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
    hash_format = models.SmallIntegerField(default=2, help_text="1: content and lines; 2: title, reason and expiry too")
    base_version = models.PositiveIntegerField(null=True, help_text="version it was drafted against")
    base_parameters = models.CharField(max_length=64, blank=True, help_text="parameters then in force; signed too")
    edition = models.PositiveIntegerField(default=0, help_text="counts the edits; signed, so that no vote comes back")
    movement = models.FloatField(default=0.0, help_text="largest steps moved, summed over its lines")
    split_from = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="parts", help_text="whose remaining lines these are"
    )
    succeeds = models.OneToOneField(
        "self", models.PROTECT, null=True, related_name="successor", help_text="the returned request it was drafted for"
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
    epoch = models.BigIntegerField(default=0, help_text="set by the database: the cluster of that transaction")
    edited_transaction = models.BigIntegerField(default=0, help_text="set by the database: whose lines it may write")
    edited_epoch = models.BigIntegerField(default=0, help_text="set by the database: the cluster of that transaction")

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
            models.CheckConstraint(
                condition=Q(
                    module__in=("dm", "pm"),
                    kind__in=("lines", "parameters", "mode", "policy", "rollback", "trial"),
                    route__in=("review", "mandate", "at_once"),
                    health__in=("valid", "stale", "evidence_lapsed", "conflict"),
                ),
                name="request_words_are_known",
            ),
            models.CheckConstraint(
                condition=readable("expires_at", "scheduled_for"), name="request_times_are_readable"
            ),
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
        """The older version that a rollback request restores, read once together with its parameters."""
        versions = Version.objects.select_related("parameters").defer("config_data")
        return versions.get(module=self.module, number=self.content["to"])


class ChangeLine(models.Model):
    """One line that a request changes: the override it replaces and the one it adds (null: the line is withdrawn)."""

    class Action(models.TextChoices):
        """What happens to the line."""

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


class RequestEvidence(models.Model):
    """What was known when an edition of a request was drafted: one document for each edition, which never changes.

    The document is canonical JSON as text, so that its hash can be checked by anybody.
    """

    MOST_BYTES: ClassVar = 1_048_576

    request = models.ForeignKey(ChangeRequest, models.CASCADE, related_name="evidence", db_index=False)
    edition = models.PositiveIntegerField()
    document = models.TextField()
    document_hash = models.CharField(max_length=64, help_text="sha256 of the document; set by the database")
    stored_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["request", "edition"], name="one_evidence_per_edition")]

    def __str__(self) -> str:
        return f"evidence of request {self.request_id}, edition {self.edition}"

    @cached_property
    def parsed(self) -> dict[str, Any]:
        """The document as JSON values."""
        found: dict[str, Any] = json.loads(self.document)
        return found


class Vote(models.Model):
    """One person's vote on one content, identified by its hash; an edit voids the vote by changing the hash.

    Votes are only ever added: the latest vote of a person on a content is the one that counts.
    """

    class Decision(models.TextChoices):
        """What the person decided."""

        APPROVE = "approve"
        REJECT = "reject"
        REQUEST_CHANGES = "request_changes"

    request = models.ForeignKey(ChangeRequest, models.CASCADE, related_name="votes")
    voter = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="votes")
    decision = models.CharField(max_length=15, choices=Decision)
    content_hash = models.CharField(max_length=64)
    reason = models.TextField(blank=True)
    voted_at = models.DateTimeField()
    evidence = models.ForeignKey(
        RequestEvidence, models.PROTECT, null=True, related_name="votes", help_text="what was known; null: not stored"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(decision="approve") | ~Q(reason=""), name="vote_against_has_a_reason"),
            models.CheckConstraint(
                condition=Q(decision__in=("approve", "reject", "request_changes")), name="vote_decision_is_known"
            ),
        ]
        indexes = [models.Index(fields=["request", "content_hash"], name="vote_by_content")]

    def __str__(self) -> str:
        return f"{self.decision} on request {self.request_id}"


class Comment(models.Model):
    """A person's comment on a request, or on one of its lines."""

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
