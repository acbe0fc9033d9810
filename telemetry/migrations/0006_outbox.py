"""Tasks on their way to the queue. The application role may write them: default privileges say so since 0001."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0005_append_only")]

    operations = [
        migrations.CreateModel(
            name="OutboxMessage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("task", models.CharField(max_length=100)),
                ("kwargs", models.JSONField(default=dict)),
                ("request_id", models.CharField(blank=True, max_length=100)),
                ("created_at", models.DateTimeField()),
                ("due_at", models.DateTimeField(help_text="the task runs no sooner")),
                ("sent_at", models.DateTimeField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("last_error", models.TextField(blank=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("sent_at", None)), fields=["attempts", "id"], name="outbox_waiting"
                    ),
                    models.Index(fields=["task", "due_at"], name="outbox_by_task"),
                    models.Index(fields=["sent_at"], name="outbox_by_sent"),
                ]
            },
        )
    ]
