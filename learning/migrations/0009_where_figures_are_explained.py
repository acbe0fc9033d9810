"""The help texts of two columns name the modules that explain them, where these lie now; no column changes."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("learning", "0008_noise_twins")]
    operations = [
        migrations.AlterField(
            "builderrun",
            "tested",
            models.JSONField(
                null=True,
                help_text="what was tested (learning.core.significance.funnel); of a policy's newest run alone",
            ),
        ),
        migrations.AlterField(
            "walkforward",
            "figures",
            models.JSONField(null=True, help_text="uplift, tilt, calibration, folds (learning.core.walk_forward.walk)"),
        ),
    ]
