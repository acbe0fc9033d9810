"""Tables of lines and of their immutable overrides, and the value that an override row holds."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.functional import cached_property

from overrides.core.engine.definitions.json_fields import one_of
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.override_stats import Path, Stats
from overrides.core.engine.definitions.vocabulary import Channel, LearningMethod
from overrides.models.choices import CHANNELS, DAYS_MAX, POLICIES
from telemetry.core.scopes import scope_text
from telemetry.foundation.models import finite, readable
from telemetry.models import CATEGORIES, MODULES


class Line(models.Model):
    """Identity of a lesson and its overrides: sha256 of module, channel, method, pattern key, category and scope."""

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
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    module__in=("dm", "pm"),
                    channel__in=[name for name, _ in CHANNELS],
                    policy__in=[name for name, _ in POLICIES],
                    action_category__in=[name for name, _ in CATEGORIES],
                ),
                name="line_words_are_known",
            ),
            models.CheckConstraint(condition=readable("created_at"), name="line_time_is_readable"),
        ]

    def __str__(self) -> str:
        return f"{self.pattern_key} {self.action_category} [{scope_text(self.scope)}]"


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
            models.CheckConstraint(condition=readable("updated_at", "created_at"), name="override_times_are_readable"),
        ]
        indexes = [
            models.Index(F("created_at").desc(), F("id"), name="override_newest_first"),
            models.Index(fields=["edge_raw"], name="override_by_edge"),
            models.Index(fields=["n"], name="override_by_sample"),
        ]

    def __str__(self) -> str:
        return f"override {self.id[:12]}"

    @cached_property
    def spec(self) -> OverrideSpec:
        """The override without a ramp, as the combiner reads it. Raises FieldError if the row was rewritten."""
        return self.on_path(None)

    def on_path(self, path: Path | None) -> OverrideSpec:
        """Return the override with the ramp `path`, as the combiner reads it.

        Raises FieldError if the row was rewritten.
        """
        line = self.line
        return OverrideSpec(
            id=self.id,
            module=line.module,
            channel=Channel(one_of(line.channel, "type", tuple(Channel))),
            policy=LearningMethod(one_of(line.policy, "policy", tuple(LearningMethod))),
            pattern_key=line.pattern_key,
            action_category=line.action_category,
            scope=line.scope,
            stats=Stats(self.edge_raw, self.n, self.variance, self.half_life_days, self.updated_at),
            levers=self.levers,
            promise=self.promise,
            path=path,
        )


class IdleOverride(models.Model):
    """The mark of an override that is not in force: it was never published, or no version holds it any more.

    The database keeps it with every membership that is opened or closed, so that lists find such overrides by an index;
    whether an override is in force is decided by its memberships alone.
    """

    override = models.OneToOneField(Override, models.CASCADE, primary_key=True, related_name="idle")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.override_id[:12]} is not in force"
