"""Cells of a group in the order of their list; the index serves the group alone too, whose own one goes."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("learning", "0002_cell_group_cut")]
    operations = [
        migrations.AddIndex("cell", models.Index(fields=["group", "n_dims", "-n"], name="cell_by_group")),
        migrations.AlterField(
            "cell",
            "group",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="cells",
                to="learning.cellgroup",
            ),
        ),
    ]
