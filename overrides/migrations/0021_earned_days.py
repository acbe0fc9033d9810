"""What closed positions earned, by their size and served against held back: sums of UTC days, derived from trades."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import F, Q

from telemetry.foundation.models import finite


class Migration(migrations.Migration):
    dependencies = [("overrides", "0020_holdback")]

    operations = [
        migrations.CreateModel(
            name="EarnedDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("module", models.CharField(blank=True, help_text="empty: all modules together", max_length=2)),
                ("book", models.CharField(max_length=40)),
                ("day", models.DateField(help_text="UTC day of the close")),
                ("positions", models.PositiveIntegerField()),
                ("moved", models.PositiveIntegerField(help_text="of them, positions of which a size was moved")),
                ("replayed", models.FloatField(help_text="sum of (M - M0) * rr, in R")),
                ("exposure", models.FloatField(help_text="sum of M - M0")),
                ("rr", models.FloatField(help_text="sum of the outcomes, in R")),
                ("without_leg", models.PositiveIntegerField(help_text="positions with an add whose part is not known")),
                (
                    "superseded",
                    models.PositiveIntegerField(help_text="left out: a trade of another book tells the same position"),
                ),
                ("without_rr", models.PositiveIntegerField(help_text="left out: no outcome in R")),
                ("waiting", models.PositiveIntegerField(help_text="left out: not attributed yet")),
                (
                    "opened_before",
                    models.PositiveIntegerField(help_text="left out: opened before the module was first switched on"),
                ),
                ("computed_at", models.DateTimeField()),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("module", "book", "day"), name="one_earned_row_per_module_book_and_day"
                    ),
                    models.CheckConstraint(condition=finite("replayed", "exposure", "rr"), name="earned_day_is_finite"),
                    models.CheckConstraint(
                        condition=Q(moved__lte=F("positions"), module__in=("", "dm", "pm")), name="earned_day_is_sound"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HoldbackDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("book", models.CharField(max_length=40)),
                ("day", models.DateField(help_text="UTC day of the close")),
                ("positions", models.PositiveIntegerField()),
                (
                    "served",
                    models.PositiveIntegerField(help_text="answered with the levers by every module that was asked"),
                ),
                (
                    "held_back",
                    models.PositiveIntegerField(help_text="answered neutral by every module that was asked"),
                ),
                ("expected_held_back", models.FloatField(help_text="sum of the chances of being held back")),
                ("replayed", models.FloatField(help_text="weighted sum of (M - 1) * rr, in R")),
                ("unseen", models.FloatField(help_text="weighted sum of the outcomes, in R")),
                ("computed_at", models.DateTimeField()),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("book", "day"), name="one_holdback_row_per_book_and_day"),
                    models.CheckConstraint(
                        condition=finite("expected_held_back", low=0) & finite("replayed", "unseen"),
                        name="holdback_day_is_finite",
                    ),
                    models.CheckConstraint(
                        condition=Q(positions__gte=F("served") + F("held_back")), name="holdback_day_is_sound"
                    ),
                ],
            },
        ),
    ]
