"""Tables of parameter sets, of versions, and of the override that each line carries in which versions."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.functional import cached_property

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.override_stats import Path
from overrides.models.overrides import Line, Override
from telemetry.foundation.models import readable
from telemetry.models import MODULES


class ParameterSet(models.Model):
    """All constants of a module, for the combiner and the builder: immutable, reviewed, identified by content hash."""

    id = models.CharField(primary_key=True, max_length=64, editable=False)
    module = models.CharField(max_length=2, choices=MODULES)
    document = models.JSONField()
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=150)
    reason = models.TextField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(module__in=("dm", "pm")), name="parameters_module_is_known"),
            models.CheckConstraint(condition=readable("created_at"), name="parameters_time_is_readable"),
        ]

    def __str__(self) -> str:
        return f"parameters {self.module} {self.id[:12]}"

    @cached_property
    def parsed(self) -> ModuleParameters:
        """The document as a value that names all its dimensions, read once. Raises FieldError where it is malformed."""
        return ModuleParameters.from_document(self.module, self.document).written_out()


class VersionKind(models.TextChoices):
    """What a version was published for."""

    LINES = "lines"
    PARAMETERS = "parameters"
    ROLLBACK = "rollback"
    TRIAL = "trial"  # never active: a challenger, logged beside what is served
    RESTORED = "restored"  # what was in force before the trial, in the same transaction


class Version(models.Model):
    """One published state of a module; everything but `is_active` is immutable."""

    module = models.CharField(max_length=2, choices=MODULES)
    number = models.PositiveIntegerField()
    is_active = models.BooleanField(default=False)
    kind = models.CharField(max_length=10, choices=VersionKind)
    parameters = models.ForeignKey(ParameterSet, models.PROTECT, related_name="versions")
    coefficients = models.JSONField(default=dict, help_text="dm: lever=value -> weight, 0.5 to 2")
    n_overrides = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64)
    config_data = models.JSONField(null=True, help_text="the plan's shape; null beyond 5,000 overrides")
    request = models.ForeignKey("ChangeRequest", models.PROTECT, related_name="versions")
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=150)
    transaction = models.BigIntegerField(default=0, help_text="set by the database: whose memberships it may open")
    epoch = models.BigIntegerField(default=0, help_text="set by the database: the cluster of that transaction")

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
            models.CheckConstraint(
                condition=Q(kind__in=("lines", "parameters", "rollback", "trial", "restored")),
                name="version_kind_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.module} version {self.number}"


class Membership(models.Model):
    """States that a line's override is in force in versions from_version <= number < to_version (null: no end yet)."""

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
        indexes = [
            models.Index(fields=["module", "from_version", "to_version"], name="membership_by_version"),
            models.Index(fields=["override"], condition=Q(to_version=None), name="membership_in_force"),
            models.Index(
                fields=["module", "to_version"], condition=Q(to_version__isnull=False), name="membership_ended"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.override_id[:12]} from version {self.from_version}"

    @property
    def path(self) -> Path | None:
        """The ramp that this membership began, where its learning method ramps."""
        if self.path_since is None or self.path_from is None:
            return None
        return Path(self.path_from, self.path_since)

    @property
    def spec(self) -> OverrideSpec:
        """Its override as the combiner reads it, with its ramp. Raises FieldError where a row was rewritten."""
        return self.override.on_path(self.path)
