"""A vote signs all that people read: title, reason and expiry are in the hash of a request, whose format says so.

What is closed keeps its hash of format 1 and verifies by it. An open request gets another edition with a hash of
format 2; its votes are void, and what was approved or scheduled waits for votes again.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

OPEN = ("draft", "in_review", "changes_requested", "approved", "scheduled")
REASON = "votes sign title, reason and expiry from now on: earlier votes on this request are void"


def sign_again(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Give every open request a new edition, each with an entry in the audit trail."""
    requests = apps.get_model("overrides", "ChangeRequest")
    alias = editor.connection.alias
    for request in requests.objects.using(alias).filter(state__in=OPEN).order_by("id"):
        request.edition += 1
        request.hash_format = 2
        request.content_hash = hash_of(request)
        if request.state in ("approved", "scheduled"):
            request.state, request.scheduled_for = "in_review", None
        request.save(using=alias)
        write_entry(editor, request)
    with editor.connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # or the tables could not be altered in this transaction
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def hash_of(request: Any) -> str:
    """Format 2 as `overrides.requests.gates` computes it at the time of this migration."""
    lines = request.lines.select_related("before").order_by("line_id")
    sides = sorted([each.line_id, dict(each.before.levers) if each.before else {}, each.after_id] for each in lines)
    expires = request.expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    signed = [
        2, request.module, request.kind, request.title, request.reason, expires, request.content,
        request.base_parameters, request.edition, sides,
    ]  # fmt: skip
    text = json.dumps(signed, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return sha256(text.encode()).hexdigest()


def write_entry(editor: BaseDatabaseSchemaEditor, request: Any) -> None:
    at = datetime.now(UTC)
    after = {"state": request.state, "module": request.module, "kind": request.kind, "content": request.content_hash}
    content = {
        "actor": "migration overrides.0011", "action": "edit", "object": f"request {request.pk}", "reason": REASON,
        "before": None, "after": after, "at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "request_id": None,
    }  # fmt: skip
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    with editor.connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO telemetry_auditentry (seq, previous_hash, hash, content, written_at, transaction) "
            "VALUES (0, '', '', %s, %s, 0)",
            [text, at],
        )


class Migration(migrations.Migration):
    dependencies = [("overrides", "0010_challenge"), ("telemetry", "0013_database_time")]
    operations = [
        migrations.AddField("changerequest", "hash_format", models.SmallIntegerField(default=1)),
        migrations.AlterField(
            "changerequest",
            "hash_format",
            models.SmallIntegerField(default=2, help_text="1: content and lines; 2: title, reason and expiry too"),
        ),
        *(
            migrations.AddField("changerequest", name, models.BigIntegerField(default=0, help_text=text))
            for name, text in (
                ("epoch", "set by the database: the cluster of that transaction"),
                ("edited_transaction", "set by the database: whose lines it may write"),
                ("edited_epoch", "set by the database: the cluster of that transaction"),
            )
        ),
        migrations.AddField(
            "version",
            "epoch",
            models.BigIntegerField(default=0, help_text="set by the database: the cluster of that transaction"),
        ),
        migrations.RunPython(sign_again, migrations.RunPython.noop),
    ]
