"""Tables of what closed positions earned: by their size, and served against held back, as sums of UTC days."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from telemetry.foundation.models import finite

WHOLE = ""  # the module of the rows over all modules


class EarnedDay(models.Model):
    """Sums over the positions of a module and book that closed on one UTC day (docs/method.md 13.4).

    Derived from trades and their attributions by `overrides.monitoring.earning.refresh_earned`, which replaces the rows
    of days whose trades changed. Rows of the module "" count every position once for all modules. The last four counts
    are of trades that closed on the day and are not among the positions.
    """

    module = models.CharField(max_length=2, blank=True, help_text="empty: all modules together")
    book = models.CharField(max_length=40)
    day = models.DateField(help_text="UTC day of the close")
    positions = models.PositiveIntegerField()
    moved = models.PositiveIntegerField(help_text="of them, positions of which a size was moved")
    replayed = models.FloatField(help_text="sum of (M - M0) * rr, in R")
    exposure = models.FloatField(help_text="sum of M - M0")
    rr = models.FloatField(help_text="sum of the outcomes, in R")
    without_leg = models.PositiveIntegerField(help_text="positions with an add whose part is not known")
    unknown_decision = models.PositiveIntegerField(
        db_default=0, help_text="positions with a sizing action whose decision is not stored"
    )
    unfit_decision = models.PositiveIntegerField(
        db_default=0, help_text="positions with a sizing action whose decision was not made for it"
    )
    superseded = models.PositiveIntegerField(help_text="left out: a trade of another book tells the same position")
    without_rr = models.PositiveIntegerField(help_text="left out: no outcome in R")
    waiting = models.PositiveIntegerField(help_text="left out: not attributed yet")
    opened_before = models.PositiveIntegerField(help_text="left out: opened before the module was first switched on")
    computed_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["module", "book", "day"], name="one_earned_row_per_module_book_and_day"),
            models.CheckConstraint(condition=finite("replayed", "exposure", "rr"), name="earned_day_is_finite"),
            models.CheckConstraint(
                condition=Q(moved__lte=F("positions"), module__in=("", "dm", "pm")), name="earned_day_is_sound"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.module or 'all modules'} {self.book} {self.day}"


class HoldbackDay(models.Model):
    """Sums over the positions of a book that closed on one UTC day and took part in a holdback (docs/method.md 13.4).

    Derived once a day for all days by `overrides.monitoring.earning.holdback`, because a position counts by the first
    trade that tells it.
    """

    book = models.CharField(max_length=40)
    day = models.DateField(help_text="UTC day of the close")
    positions = models.PositiveIntegerField()
    served = models.PositiveIntegerField(help_text="answered with the levers by every module that was asked")
    held_back = models.PositiveIntegerField(help_text="answered neutral by every module that was asked")
    expected_held_back = models.FloatField(help_text="sum of the chances of being held back")
    replayed = models.FloatField(help_text="weighted sum of (M - 1) * rr, in R")
    unseen = models.FloatField(help_text="weighted sum of the outcomes, in R")
    computed_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["book", "day"], name="one_holdback_row_per_book_and_day"),
            models.CheckConstraint(
                condition=finite("expected_held_back", low=0) & finite("replayed", "unseen"),
                name="holdback_day_is_finite",
            ),
            models.CheckConstraint(
                condition=Q(positions__gte=F("served") + F("held_back")), name="holdback_day_is_sound"
            ),
        ]

    def __str__(self) -> str:
        return f"holdback {self.book} {self.day}"
