"""Drafting parameters and policies takes a permission of its own."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("overrides", "0006_what_if")]
    operations = [
        migrations.AlterModelOptions(
            "changerequest",
            {
                "ordering": ("-created_at", "-id"),
                "permissions": [
                    ("review_changerequest", "Can approve or reject change requests"),
                    ("apply_changerequest", "Can apply approved change requests"),
                    ("lower_modulemode", "Can take a module towards neutral at once"),
                    ("propose_parameters", "Can draft requests for parameters and policies"),
                ],
            },
        )
    ]
