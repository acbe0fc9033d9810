"""The tag that adds the evidence to a request's page: `{% evidence_of rows situation as evidence %}`."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context

from config.desk.request_evidence import RequestEvidence, evidence_of, may_look

register = template.Library()


@register.simple_tag(takes_context=True, name="evidence_of")
def evidence_shown(context: Context, rows: Any, situation: Any) -> RequestEvidence | None:
    """Return the evidence of the page's rows for people who may see it, otherwise None."""
    if not rows or not may_look(context["request"].user):
        return None
    return evidence_of([row.change for row in rows], situation)
