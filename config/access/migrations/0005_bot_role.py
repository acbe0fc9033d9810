"""A role for bots: it resolves and records as `record` does, and reads its own trades and decisions."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q

ROLES = [("evaluate", "Evaluate"), ("record", "Record"), ("bot", "Bot"), ("propose", "Propose"), ("read", "Read")]


class Migration(migrations.Migration):
    dependencies = [("access", "0004_people_are_governed")]
    operations = [
        migrations.AlterField("apikey", "role", models.CharField(choices=ROLES, max_length=8)),
        migrations.RemoveConstraint("apikey", "key_role_is_known"),
        migrations.AddConstraint(
            "apikey",
            models.CheckConstraint(
                condition=Q(role__in=("evaluate", "record", "bot", "propose", "read")), name="key_role_is_known"
            ),
        ),
    ]
