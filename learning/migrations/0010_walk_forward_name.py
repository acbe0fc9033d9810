"""The name of walk-forward runs on pages."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("learning", "0009_where_figures_are_explained")]

    operations = [
        migrations.AlterModelOptions(
            name="walkforward", options={"ordering": ("-asked_at", "key"), "verbose_name": "walk-forward run"}
        )
    ]
