"""Cells that a change touches are found by their scope and updated where they lie; counted rows are kept as columns.

An index that covers a statistic would have every update write to all indexes. The free space of a page takes the new
versions of its cells. Columns are not compressed: they are read with every change of their group.
"""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import learning.models

FREE_SPACE = "ALTER TABLE pattern_scope_stats SET (fillfactor = 80)"
UNCOMPRESSED = "ALTER TABLE learning_counted_rows ALTER COLUMN columns SET STORAGE EXTERNAL"


class Migration(migrations.Migration):
    dependencies = [
        ("learning", "0016_outcomes_of_another_universe"),
        ("telemetry", "0020_marks_name_trades"),
    ]
    operations = [
        migrations.AddIndex("cell", models.Index(fields=["group", "n_dims"], name="cell_by_group_and_size")),
        migrations.AddIndex("cell", models.Index("group", learning.models.JsonHash("scope"), name="cell_by_scope")),
        migrations.RemoveIndex("cell", "cell_by_group"),
        migrations.RunSQL(FREE_SPACE, "ALTER TABLE pattern_scope_stats RESET (fillfactor)"),
        migrations.CreateModel(
            name="CountedRows",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "part",
                    models.PositiveSmallIntegerField(choices=[(0, "of the last full count"), (1, "changes since")]),
                ),
                ("values", models.JSONField(help_text="for each dimension, the values that codes of this part add")),
                ("columns", models.BinaryField(help_text="rows, and what their numbers stand for")),
                (
                    "group",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="counted",
                        to="learning.cellgroup",
                    ),
                ),
            ],
            options={"db_table": "learning_counted_rows", "verbose_name_plural": "counted rows"},
        ),
        migrations.AddConstraint(
            "countedrows", models.UniqueConstraint(fields=("group", "part"), name="one_row_per_counted_part")
        ),
        migrations.RunSQL(UNCOMPRESSED, migrations.RunSQL.noop),
    ]
