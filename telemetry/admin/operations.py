"""Admin pages of the audit trail and of the runs of scheduled jobs."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString

from telemetry.foundation.admin.formatting import (
    MISSING,
    badge,
    format_moment,
    in_words,
    number,
    preformatted,
    pretty,
    short,
)
from telemetry.foundation.admin.read_only import FactAdmin, one_of
from telemetry.foundation.admin.text_filters import window
from telemetry.foundation.models import JobRun
from telemetry.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(FactAdmin):
    """The chain of governed writes; each entry contains the hash of the entry before it."""

    change_list_template = "telemetry/audit_list.html"
    nothing_yet = "Every draft, vote, publication and change of a mode writes one."
    list_display = ("entry", "written", "actor", "deed", "object", "reason")
    list_filter = window("written_at", "time written")
    sortable_by = ("entry", "written")
    search_fields = ("object__startswith", "actor__startswith")
    search_help_text = "object (request 12, version pm/3, mode pm) or actor, from its beginning"
    fields = (
        ("entry", "written", "actor"),
        ("deed", "object"),
        "reason",
        ("before", "after"),
        ("previous", "own_hash", "transaction"),
    )
    csv_fields = ("seq", "written_at", "actor", "action", "object", "content", "previous_hash", "hash")
    readonly_fields = ("entry", "deed", "written", "reason", "before", "after", "previous", "own_hash")

    @admin.display(description="entry", ordering="seq")
    def entry(self, entry: AuditEntry) -> int:
        return entry.seq

    @admin.display(description="action")
    def deed(self, entry: AuditEntry) -> str:
        return in_words(entry.action)

    @admin.display(description="written", ordering="seq")
    def written(self, entry: AuditEntry) -> SafeString:
        return format_moment(entry.written_at)

    @admin.display(description="reason")
    def reason(self, entry: AuditEntry) -> str | SafeString:
        return _content(entry)["reason"] or MISSING

    @admin.display(description="before")
    def before(self, entry: AuditEntry) -> SafeString:
        return pretty(_content(entry)["before"])

    @admin.display(description="after")
    def after(self, entry: AuditEntry) -> SafeString:
        return pretty(_content(entry)["after"])

    @admin.display(description="hash of the entry before")
    def previous(self, entry: AuditEntry) -> SafeString:
        return short(entry.previous_hash, 24)

    @admin.display(description="hash of this entry")
    def own_hash(self, entry: AuditEntry) -> SafeString:
        return short(entry.hash, 24)


def _content(entry: AuditEntry) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(entry.content)
    return content


@admin.register(JobRun)
class JobRunAdmin(FactAdmin):
    """The runs of scheduled jobs, with their duration, row count and error."""

    nothing_yet = "The worker writes one for each job of the beat table; none means that no worker runs."
    list_display = ("job", "period_shown", "state", "finished", "duration", "n_rows", "went_wrong")
    list_filter = (one_of("status", [status.value for status in JobRun.Status]),)
    sortable_by = ("job", "finished")
    search_fields = ("job__icontains",)
    search_help_text = "any part of a job's name"
    fields = (
        ("job", "period_shown", "state"),
        ("started", "finished", "duration", "n_rows"),
        "error_shown",
        "detail_shown",
    )
    readonly_fields = (
        "period_shown",
        "state",
        "started",
        "finished",
        "duration",
        "n_rows",
        "error_shown",
        "detail_shown",
    )

    @admin.display(description="period")
    def period_shown(self, run: JobRun) -> str | SafeString:
        """Show when the period of a run begins; the runs of a job that has no periods are named by a word."""
        try:
            return format_moment(datetime.fromisoformat(run.period))
        except ValueError:
            return run.period

    @admin.display(description="status", ordering="status")
    def state(self, run: JobRun) -> SafeString:
        return badge(run.status)

    @admin.display(description="started")
    def started(self, run: JobRun) -> SafeString:
        return format_moment(run.started_at)

    @admin.display(description="finished", ordering="finished_at")
    def finished(self, run: JobRun) -> SafeString:
        return format_moment(run.finished_at)

    @admin.display(description="duration")
    def duration(self, run: JobRun) -> SafeString:
        return number((run.finished_at - run.started_at).total_seconds(), 2, unit="s")

    @admin.display(description="rows", ordering="rows")
    def n_rows(self, run: JobRun) -> SafeString:
        return number(run.rows, 0)

    @admin.display(description="error")
    def went_wrong(self, run: JobRun) -> str | SafeString:
        lines = run.error.strip().splitlines()
        return lines[-1][:120] if lines else MISSING

    @admin.display(description="error")
    def error_shown(self, run: JobRun) -> SafeString:
        return preformatted(run.error) if run.error else MISSING

    @admin.display(description="detail")
    def detail_shown(self, run: JobRun) -> SafeString:
        return pretty(run.detail)
