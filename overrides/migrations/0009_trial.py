"""A version that is never served: a trial, put in and taken out again by two versions of one transaction.

Version N (trial) is what its request says and never active; N+1 (restored) is active and is what was in force before N,
with ramps where they were. So the newest version is the one in force, and N can be named as a challenger.
"""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q

from telemetry.foundation.migration_sql import (
    Trigger,
    create_function,
    create_trigger,
    replace_function,
    replace_trigger,
)

VERSION_KINDS = [(each, each.title()) for each in ("lines", "parameters", "rollback", "trial", "restored")]
REQUEST_KINDS = [(each, each.title()) for each in ("lines", "parameters", "mode", "policy", "rollback", "trial")]

DECIDED = Trigger(
    "version_is_decided",
    "INSERT",
    "version_is_decided()",
    deferred=True,
    when="NEW.kind NOT IN ('trial', 'restored')",
)
DECIDED_BEFORE = Trigger("version_is_decided", "INSERT OR UPDATE", "version_is_decided()", deferred=True)
REPLACED = Trigger("version_is_replaced", "UPDATE", "version_is_decided()", deferred=True)
TRIAL = Trigger("trial_is_decided", "INSERT", "trial_is_decided()", deferred=True, when="NEW.kind = 'trial'")
RESTORED = Trigger(
    "restored_is_what_was", "INSERT", "restored_is_what_was()", deferred=True, when="NEW.kind = 'restored'"
)


class Migration(migrations.Migration):
    dependencies = [("overrides", "0008_coefficients_govern")]
    operations = [
        migrations.AlterField("version", "kind", models.CharField(max_length=10, choices=VERSION_KINDS)),
        migrations.AlterField("changerequest", "kind", models.CharField(max_length=10, choices=REQUEST_KINDS)),
        migrations.RemoveConstraint("version", "one_version_per_request"),
        migrations.AddConstraint(
            "version",
            models.UniqueConstraint(fields=["request"], condition=~Q(kind="restored"), name="one_version_per_request"),
        ),
        migrations.AddConstraint(
            "version",
            models.UniqueConstraint(
                fields=["request"], condition=Q(kind="restored"), name="one_restored_version_per_request"
            ),
        ),
        migrations.AddConstraint(
            "version",
            models.CheckConstraint(condition=~Q(kind="trial", is_active=True), name="trial_is_never_active"),
        ),
        create_function(__file__, "trial_is_decided"),
        create_function(__file__, "restored_is_what_was"),
        replace_function(__file__, "membership_is_of_its_version"),
        replace_function(__file__, "mode_is_decided"),
        replace_trigger("learning_configs", DECIDED, before=DECIDED_BEFORE),
        create_trigger("learning_configs", REPLACED),
        create_trigger("learning_configs", TRIAL),
        create_trigger("learning_configs", RESTORED),
    ]
