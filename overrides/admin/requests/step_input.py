"""Read what a person entered on the page of a request or of one of its steps."""

from __future__ import annotations

from django.http import QueryDict

from overrides.admin.requests.steps import StepInput
from overrides.models import ChangeLine, ChangeRequest


def read_step_input(request: ChangeRequest, sent: QueryDict) -> StepInput:
    """Return the input of a step's form."""
    lines = tuple(change.line_id for change in chosen_lines(request, sent))
    return StepInput(sent.get("reason", ""), lines, sent.get("due", ""), sent.get("seen", ""))


def chosen_lines(request: ChangeRequest, sent: QueryDict) -> list[ChangeLine]:
    """Return the selected lines of the request; empty if none was selected."""
    keys = [key for key in sent.getlist("only") if key.isdecimal()]
    return list(request.lines.filter(pk__in=keys).select_related("line").order_by("line_id")) if keys else []
