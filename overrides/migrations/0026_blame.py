"""A line above the limit may be there because of lines that acted beside it: what remains against it, and a word."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q

from telemetry.foundation.models import finite

WORDS = Q(
    module__in=("dm", "pm"),
    kind__in=("line", "coefficient"),
    state__in=("watching", "amber", "red", "shared", "disabled"),
)


class Migration(migrations.Migration):
    dependencies = [("overrides", "0025_levers_of_the_map")]

    operations = [
        migrations.AddField(
            "monitor",
            "remaining",
            models.FloatField(
                null=True,
                help_text="evidence that remains beside what its neighbours realised; null until it was judged",
            ),
        ),
        migrations.AlterField(
            "monitor",
            "state",
            models.CharField(
                choices=[
                    ("watching", "Watching"),
                    ("amber", "Amber"),
                    ("red", "Red"),
                    ("shared", "Shared"),
                    ("disabled", "Disabled"),
                ],
                default="watching",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            "monitor", "cusum", models.FloatField(default=0.0, help_text="cumulative sum; from 6 on it is amber")
        ),
        migrations.RemoveConstraint("monitor", "monitor_words_are_known"),
        migrations.AddConstraint("monitor", models.CheckConstraint(condition=WORDS, name="monitor_words_are_known")),
        migrations.AddConstraint(
            "monitor",
            models.CheckConstraint(
                condition=Q(remaining=None) | finite("remaining", low=0, high=1e9), name="monitor_remaining_is_finite"
            ),
        ),
    ]
