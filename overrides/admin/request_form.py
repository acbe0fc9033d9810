"""Draft a change request from an admin page: a form with a reason, and the request that it drafts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.governance.errors import GovernanceError
from overrides.models import ChangeRequest
from overrides.requests.authoring import draft_request
from telemetry.foundation.admin.read_only import person

REASON_LENGTH = 2000
TITLE_LENGTH = 200


class ProposedRequest(NamedTuple):
    """Kind, title and content of a request to draft."""

    kind: str
    title: str
    content: Mapping[str, Any]


class ReasonForm(forms.Form):
    """A form that asks why. The error of a verb is shown at the field it names."""

    reason = forms.CharField(
        max_length=REASON_LENGTH,
        widget=forms.Textarea({"rows": 2}),
        error_messages={"required": "say why: a reviewer reads it first"},
    )

    def __init__(self, *arguments: Any, **names: Any) -> None:
        super().__init__(*arguments, **names)
        self.label_suffix = ""

    def refuse(self, error: FieldError) -> None:
        """Show the error at the field that its path begins with, or above the form where there is none."""
        name = error.path.partition(".")[0]
        known = name in self.fields
        self.add_error(name if known else None, error.message if known else str(error))


def draft(
    request: HttpRequest, module: str, form: ReasonForm, proposed: ProposedRequest
) -> HttpResponseRedirect | None:
    """Draft the request and redirect to its page; None if it was refused, in which case the form shows why."""
    same = ChangeRequest.objects.filter(module=module, kind=proposed.kind, content=proposed.content)
    waiting = same.filter(state__in=ChangeRequest.OPEN).first()
    if waiting is not None:
        form.add_error(None, f"Request {waiting.pk} asks for the same already and is {waiting.state}.")
        return None
    author = person(request)
    try:
        drafted = draft_request(
            module=module,
            kind=proposed.kind,
            title=proposed.title[:TITLE_LENGTH],
            reason=form.cleaned_data["reason"],
            author=author,
            author_name=author.get_username(),
            at=datetime.now(UTC),
            content=proposed.content,
        )
    except GovernanceError as refusal:
        form.refuse(refusal)
        return None
    messages.success(request, f"Request {drafted.pk} is drafted and waits for a reviewer")
    return HttpResponseRedirect(reverse("admin:overrides_changerequest_change", args=[drafted.pk]))
