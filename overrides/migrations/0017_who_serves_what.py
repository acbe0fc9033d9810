"""What each process and client has confirmed that it serves: an unlogged table, since a crash may empty it.

Its rows are replaced every few seconds, so pages keep room for the new ones.
"""

from __future__ import annotations

from django.db import migrations, models

UNLOGGED = "ALTER TABLE overrides_servingconfirmation SET UNLOGGED, SET (fillfactor = 50)"
MODULES = [("dm", "dm"), ("pm", "pm")]
KINDS = [("process", "Process"), ("client", "Client")]


class Migration(migrations.Migration):
    dependencies = [("overrides", "0016_search_lines")]

    operations = [
        migrations.CreateModel(
            name="ServingConfirmation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=KINDS, max_length=7)),
                ("name", models.CharField(max_length=200)),
                ("module", models.CharField(choices=MODULES, max_length=2)),
                ("version", models.PositiveIntegerField(help_text="number of the version; null: none", null=True)),
                (
                    "mode_revision",
                    models.PositiveIntegerField(help_text="revision of the mode; null: no mode was set", null=True),
                ),
                ("at", models.DateTimeField(help_text="when it reported last")),
                (
                    "confirmed_at",
                    models.DateTimeField(help_text="when it last served the newest state; null: never", null=True),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("kind", "name", "module"), name="one_confirmation_per_server_and_module"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(kind__in=("process", "client"), module__in=("dm", "pm")),
                        name="confirmation_words_are_known",
                    ),
                ],
            },
        ),
        migrations.RunSQL(UNLOGGED, migrations.RunSQL.noop),
    ]
