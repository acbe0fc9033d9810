"""Caps on lines, which publications under mandates respect; pins that remember a rejection; successors of requests."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

from telemetry.foundation.migration_sql import create_function, replace_function

CAP = "of a cap: lever -> value farthest from neutral"
REJECTED = "of a rejection's pin: what was proposed, and on what evidence"


class Migration(migrations.Migration):
    dependencies = [("overrides", "0013_request_evidence")]
    operations = [
        migrations.AddField("linehold", "cap", models.JSONField(null=True, help_text=CAP)),
        migrations.AddField("linehold", "rejected", models.JSONField(null=True, help_text=REJECTED)),
        migrations.AlterField(
            "linehold",
            "kind",
            models.CharField(max_length=4, choices=[("veto", "Veto"), ("pin", "Pin"), ("cap", "Cap")]),
        ),
        migrations.RemoveConstraint("linehold", "hold_kind_is_known"),
        migrations.AddConstraint(
            "linehold",
            models.CheckConstraint(condition=Q(kind__in=("veto", "pin", "cap")), name="hold_kind_is_known"),
        ),
        migrations.AddConstraint(
            "linehold",
            models.CheckConstraint(
                condition=Q(kind="cap", cap__isnull=False) | ~Q(kind="cap") & Q(cap__isnull=True),
                name="hold_cap_is_of_a_cap",
            ),
        ),
        migrations.AddConstraint(
            "linehold",
            models.CheckConstraint(condition=Q(kind="pin") | Q(rejected__isnull=True), name="hold_rejection_is_a_pin"),
        ),
        migrations.AddField(
            "changerequest",
            "succeeds",
            models.OneToOneField(
                "overrides.changerequest",
                on_delete=django.db.models.deletion.PROTECT,
                null=True,
                related_name="successor",
                help_text="the returned request it was drafted for",
            ),
        ),
        create_function(__file__, "is_beyond_cap"),
        replace_function(__file__, "guard_request"),
        replace_function(__file__, "version_is_decided"),
    ]
