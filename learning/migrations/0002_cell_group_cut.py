"""A group of cells knows the parameters it was made under, so that changed ones rebuild it."""

from __future__ import annotations

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def keep_dimensions(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """What is known of the old cells; the rest is missing, so the next aggregation makes them anew."""
    for group in apps.get_model("learning", "CellGroup").objects.using(editor.connection.alias).all():
        group.cut = {"dimensions": group.dimensions}
        group.save(update_fields=["cut"])


def restore_dimensions(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    for group in apps.get_model("learning", "CellGroup").objects.using(editor.connection.alias).all():
        group.dimensions = group.cut["dimensions"]
        group.save(update_fields=["dimensions"])


class Migration(migrations.Migration):
    dependencies = [("learning", "0001_opinions")]
    operations = [
        migrations.AddField(
            model_name="cellgroup",
            name="cut",
            field=models.JSONField(
                default=dict,
                help_text="dimensions in order, books, n_min and max_subset_size its cells were made under",
            ),
            preserve_default=False,
        ),
        migrations.RunPython(keep_dimensions, restore_dimensions),
        migrations.AlterField(
            model_name="cellgroup",
            name="dimensions",
            field=models.JSONField(default=list),
        ),
        migrations.RemoveField(model_name="cellgroup", name="dimensions"),
    ]
