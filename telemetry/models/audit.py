"""The append-only, hash-chained audit trail."""

from __future__ import annotations

from django.db import models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast


class AuditEntry(models.Model):
    """One governed write. The database sets `seq`, `previous_hash` and `hash` (`telemetry.core.hash_chain`)."""

    seq = models.BigIntegerField(primary_key=True, editable=False)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)
    content = models.TextField(help_text="canonical JSON: at, actor, action, object, reason, before, after, request_id")
    actor = models.GeneratedField(
        expression=KeyTextTransform("actor", Cast("content", models.JSONField())),
        output_field=models.TextField(),
        db_persist=True,
    )
    action = models.GeneratedField(
        expression=KeyTextTransform("action", Cast("content", models.JSONField())),
        output_field=models.TextField(),
        db_persist=True,
    )
    object = models.GeneratedField(
        expression=KeyTextTransform("object", Cast("content", models.JSONField())),
        output_field=models.TextField(),
        db_persist=True,
    )
    format = models.SmallIntegerField(default=1, help_text="which fields the hash covers (core.hash_chain)")
    written_at = models.DateTimeField()
    transaction = models.BigIntegerField(help_text="PostgreSQL's transaction id: ties the entry to the write")
    epoch = models.BigIntegerField(default=0, help_text="the cluster in which the transaction id means something")

    class Meta:
        ordering = ("-seq",)
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["object"], name="audit_by_object")]

    def __str__(self) -> str:
        return f"audit {self.seq} {self.action} {self.object}"
