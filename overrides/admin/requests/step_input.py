"""What a person typed and ticked on the page of a request or of one of its steps."""

from __future__ import annotations

from django.http import QueryDict

from overrides.admin.requests.steps import StepInput
from overrides.models import ChangeLine, ChangeRequest


def given(request: ChangeRequest, sent: QueryDict) -> StepInput:
    """The fields of a step's form, as the verbs take them."""
    lines = tuple(change.line_id for change in chosen(request, sent))
    return StepInput(sent.get("reason", ""), lines, sent.get("due", ""), sent.get("seen", ""))


def chosen(request: ChangeRequest, sent: QueryDict) -> list[ChangeLine]:
    """The lines of the request that were ticked; empty where none was."""
    keys = [key for key in sent.getlist("only") if key.isdecimal()]
    return list(request.lines.filter(pk__in=keys).select_related("line").order_by("line_id")) if keys else []
