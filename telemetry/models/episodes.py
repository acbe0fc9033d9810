"""Tables of episodes and of their windows: chances to act that were taken or not, and what acting earned."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from telemetry.core.episodes import EpisodeType, State
from telemetry.core.gate_windows import WindowOutcome
from telemetry.foundation.models import finite
from telemetry.models.choices import CATEGORIES

TYPES = [(each.value, each.value) for each in EpisodeType]
STATES = [(each.value, each.value) for each in State]
OUTCOMES = [(each.value, each.value) for each in WindowOutcome]


class Episodes(models.QuerySet["Episode"]):
    """Rows of episodes, whichever revision they are."""

    def current(self) -> Episodes:
        """Return the newest revision of each episode: the one that no other row corrects."""
        return self.filter(~corrected())


def corrected() -> Exists:
    """Return the condition that another row corrects an episode."""
    return Exists(Episode.objects.filter(episode_id=OuterRef("episode_id"), revision=OuterRef("revision") + 1))


class Episode(models.Model):
    """One revision of an episode; its id is derived from (episode_id, revision). No row ever changes."""

    id = models.UUIDField(primary_key=True, editable=False)
    episode_id = models.CharField(max_length=200)
    revision = models.PositiveIntegerField(default=1)
    correction_reason = models.TextField(blank=True)
    excluded_reason = models.TextField(blank=True)
    episode_type = models.CharField(max_length=10, choices=TYPES)
    book = models.CharField(max_length=40)
    source = models.CharField(max_length=200, blank=True)
    symbol = models.CharField(max_length=60)
    side = models.CharField(max_length=5, blank=True)
    timeframe = models.CharField(max_length=40, blank=True)
    cluster_id = models.CharField(max_length=200, blank=True)
    trade_id = models.CharField(
        max_length=200, blank=True, help_text="external id of the trade made in it; empty: none"
    )
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    ended_in = models.CharField(
        max_length=2, choices=STATES, blank=True, help_text="state that ended it; empty: cut off"
    )
    outcome = models.CharField(max_length=12, choices=OUTCOMES, blank=True, help_text="empty: not known")
    entered = models.BooleanField()
    digest = models.BinaryField(help_text="sha256 of the canonical body; equal digests are the same episode")
    recorded_at = models.DateTimeField()
    recorded_by = models.CharField(
        max_length=12, blank=True, help_text="prefix of the API key that recorded it; empty: not by a key"
    )

    objects = Episodes.as_manager()

    class Meta:
        ordering = ("-ended_at",)
        permissions = [("view_own_episode", "Can view episodes that its owner's keys recorded")]
        constraints = [
            models.UniqueConstraint(fields=["episode_id", "revision"], name="one_row_per_episode_revision"),
            models.CheckConstraint(condition=Q(ended_at__gte=F("started_at")), name="episode_ends_after_it_starts"),
            models.CheckConstraint(
                condition=Q(revision=1) | (Q(revision__gt=1) & ~Q(correction_reason="")),
                name="episode_correction_has_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(episode_type__in=[name for name, _ in TYPES])
                & Q(ended_in__in=["", *(name for name, _ in STATES)])
                & Q(outcome__in=["", *(name for name, _ in OUTCOMES)]),
                name="episode_words_are_known",
            ),
        ]
        indexes = [
            models.Index(fields=["ended_at"], name="episode_ended_at"),
            models.Index(fields=["recorded_by", "ended_at"], condition=~Q(recorded_by=""), name="episode_by_recorder"),
        ]

    def __str__(self) -> str:
        return f"episode {self.episode_id} r{self.revision}"


class EpisodeWindow(models.Model):
    """One window of an episode, with the thresholds in force, what blocked it, and its samples as columns."""

    episode = models.ForeignKey(Episode, models.PROTECT, related_name="windows", db_index=False)
    index = models.PositiveSmallIntegerField()
    window_id = models.CharField(max_length=200)
    pattern_key = models.CharField(max_length=122)
    action_category = models.CharField(max_length=10, choices=CATEGORIES)
    scope = models.JSONField(default=dict)
    retest_index = models.PositiveIntegerField(null=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    decided_at = models.DateTimeField(help_text="the entry; without one, the sample at which least was missing")
    entered_at = models.DateTimeField(null=True)
    trimmed_at = models.DateTimeField(null=True)
    known_at = models.DateTimeField(null=True, help_text="nothing is learned from it before; empty: nothing is known")
    rr = models.FloatField(null=True, help_text="what acting at decided_at earned or would have; empty: not known")
    outcome = models.CharField(max_length=12, choices=OUTCOMES, blank=True, help_text="empty: not known")
    thresholds = models.JSONField(help_text="lever -> threshold in force")
    blocked_by = ArrayField(models.CharField(max_length=40), default=list, help_text="gates shut at decided_at")
    samples = models.JSONField(help_text="columns: at, scores, gates, rr")

    class Meta:
        ordering = ("episode_id", "index")
        constraints = [
            models.UniqueConstraint(fields=["episode", "index"], name="one_window_per_index"),
            models.UniqueConstraint(fields=["episode", "window_id"], name="one_window_per_id"),
            models.CheckConstraint(condition=Q(rr=None) | finite("rr"), name="window_rr_is_finite"),
            models.CheckConstraint(
                condition=Q(started_at__lte=F("decided_at")) & Q(decided_at__lte=F("ended_at")),
                name="window_is_decided_while_it_lasts",
            ),
            models.CheckConstraint(
                condition=Q(rr=None) | Q(known_at__gte=F("decided_at")),
                name="window_is_known_after_it_was_decided",
            ),
            models.CheckConstraint(
                condition=Q(action_category__in=["entry", "add", "trim"])
                & Q(outcome__in=["", *(name for name, _ in OUTCOMES)]),
                name="window_words_are_known",
            ),
        ]

    def __str__(self) -> str:
        return f"window {self.window_id} of episode {self.episode_id}"
