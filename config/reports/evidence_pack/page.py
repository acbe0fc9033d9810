"""The page that offers the evidence pack of a period and module as a zip."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse

from config.reports.evidence_pack.pack import zipped
from config.reports.exports.selection import Selection
from overrides.core.governance.permissions import REVIEW
from telemetry.models import MODULES

PERMISSIONS = (REVIEW, "telemetry.view_auditentry")


class PeriodForm(forms.Form):
    """Whole UTC days, both included."""

    first = forms.DateField(label="first day", widget=forms.DateInput({"type": "date"}))
    last = forms.DateField(label="last day", widget=forms.DateInput({"type": "date"}))
    module = forms.ChoiceField(label="module", choices=[("", "both"), *MODULES], required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if {"first", "last"} <= given.keys() and given["last"] < given["first"]:
            self.add_error("last", "lies before the first day; swap the two")
        return given

    def selection(self) -> Selection:
        """Return the chosen period and module."""
        given = self.cleaned_data
        since = datetime.combine(given["first"], time(), UTC)
        until = datetime.combine(given["last"], time(), UTC) + timedelta(days=1)
        return Selection(since, until, given["module"] or None)


def evidence_page(request: HttpRequest) -> HttpResponseBase:
    """Show the form; POST returns the zip."""
    if not request.user.has_perms(PERMISSIONS):
        raise PermissionDenied
    form = PeriodForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        pack = zipped(form.selection(), made_at=datetime.now(UTC))
        name = f"evidence-{form.cleaned_data['first']}-{form.cleaned_data['last']}.zip"
        return FileResponse(pack, as_attachment=True, filename=name)
    context = admin.site.each_context(request) | {"title": "Evidence of a period", "form": form}
    return TemplateResponse(request, "reports/evidence_pack.html", context)
