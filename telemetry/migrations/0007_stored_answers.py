"""Answers to requests that name themselves by an Idempotency-Key, kept for a day."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0006_outbox")]

    operations = [
        migrations.CreateModel(
            name="StoredAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("caller", models.CharField(max_length=100)),
                ("key", models.CharField(max_length=200)),
                ("digest", models.BinaryField(help_text="sha256 of address and body")),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("body", models.TextField(blank=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("caller", "key"), name="one_answer_per_idempotency_key")
                ],
                "indexes": [models.Index(fields=["created_at"], name="stored_answer_by_age")],
            },
        )
    ]
