"""The author's edit of an open request: other title and reason, fewer lines, other manual targets, other content.

Every value has a field of its own; nobody edits a document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from overrides.admin.overrides.manual_form import read_levers
from overrides.admin.request_form import TITLE_LENGTH, ReasonForm
from overrides.admin.requests.content_form import content_form
from overrides.admin.requests.steps import is_own
from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.governance.errors import GovernanceError
from overrides.core.governance.request_states import Step, allows
from overrides.models import ChangeLine, ChangeRequest
from overrides.requests.authoring import may_draft
from overrides.requests.kinds import KINDS
from overrides.requests.manual_entry import BY_HAND, edit
from telemetry.foundation.admin.read_only import FactAdmin, person


def may_edit(request: ChangeRequest, who: User) -> bool:
    """Return whether the request is open, this person's own, and of a kind that the person may draft."""
    return is_own(request, who) and allows(Step.EDIT, request.state) and may_draft(request.kind, who)


class EditForm(ReasonForm):
    """What the author may change. A field `levers_N` holds the targets of the manual override of change N."""

    title = forms.CharField(max_length=TITLE_LENGTH)

    def __init__(self, request: ChangeRequest, changes: Sequence[ChangeLine], data: Mapping[str, Any] | None) -> None:
        super().__init__(data, initial={"title": request.title, "reason": request.reason})
        kind = KINDS[request.kind]
        self._changes = changes if kind.lines_of is None else ()
        self.content: Mapping[str, Any] = request.content
        self._content = content_form(request)
        names = [] if self._content is None else list(self._content.fields)
        if self._content is not None:
            self.fields.update(self._content.fields)
        if self._changes:
            self.fields["lines"] = forms.TypedMultipleChoiceField(
                label="Lines to keep",
                choices=[(change.pk, f"{change.action} {change.line}") for change in self._changes],
                coerce=int,
                initial=[change.pk for change in self._changes],
                required=kind.is_of_lines,
                widget=forms.CheckboxSelectMultiple,
                error_messages={"required": "keep at least one line, or cancel the request"},
            )
        for change in self.by_hand:
            assert change.after is not None
            self.fields[f"levers_{change.pk}"] = forms.CharField(
                label=f"Targets of {change.line}",
                initial="\n".join(f"{name}={target!r}" for name, target in sorted(change.after.levers.items())),
                widget=forms.Textarea({"rows": 2}),
                help_text="lever=target, one a line",
            )
        self.order_fields(["title", "lines", *(f"levers_{each.pk}" for each in self.by_hand), *names, "reason"])

    @property
    def by_hand(self) -> list[ChangeLine]:
        return [each for each in self._changes if each.after is not None and each.after.source == BY_HAND]

    def clean(self) -> None:
        for change in self.by_hand:
            name = f"levers_{change.pk}"
            if name in self.cleaned_data:
                try:
                    self.cleaned_data[name] = read_levers(self.cleaned_data[name])
                except forms.ValidationError as wrong:
                    self.add_error(name, wrong)
        if self._content is not None and not self.errors:
            try:
                self.content = self._content.read({name: self.cleaned_data[name] for name in self._content.fields})
            except forms.ValidationError as wrong:
                self.add_error(None, wrong)

    def refuse(self, error: FieldError) -> None:
        """Show the error at the field with the longest path that the error's begins with."""
        known = [name for name in self.fields if error.path == name or error.path.startswith((f"{name}.", f"{name}["))]
        if known:
            self.add_error(max(known, key=len), error.message)
        else:
            super().refuse(error)

    @property
    def levers(self) -> dict[int, dict[str, float]]:
        return {change.pk: self.cleaned_data[f"levers_{change.pk}"] for change in self.by_hand}


def edit_page(model_admin: FactAdmin, request: HttpRequest, edited: ChangeRequest, at: datetime) -> HttpResponse:
    """Show the form; POST gives the request its new content, drafted against what is in force now."""
    page = reverse("admin:overrides_changerequest_change", args=[edited.pk])
    changes = list(edited.lines.select_related("line", "after").order_by("line_id"))
    form = EditForm(edited, changes, request.POST if request.method == "POST" else None)
    if form.is_valid() and _edited(request, edited, form, at):
        messages.success(request, f"Request {edited.pk} is edited; earlier votes do not count any more")
        return HttpResponseRedirect(page)
    context = model_admin.admin_site.each_context(request) | {
        "title": f"Edit: {edited.title}",
        "opts": model_admin.opts,
        "asked": edited,
        "form": form,
        "way_back": page,
    }
    return TemplateResponse(request, "overrides/requests/edit.html", context)


def _edited(request: HttpRequest, edited: ChangeRequest, form: EditForm, at: datetime) -> bool:
    values = form.cleaned_data
    try:
        edit(
            request_id=edited.pk,
            by=person(request),
            title=values["title"],
            reason=values["reason"],
            at=at,
            keep=values.get("lines", ()),
            levers=form.levers,
            content=form.content,
        )
    except GovernanceError as refused:
        form.refuse(refused)
        return False
    return True
