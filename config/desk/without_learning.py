"""The page in place of all pages of learning where it is switched off: what is not available, and what works on."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from config.learner import NO_WALK_FORWARD


def without_learning_page(request: HttpRequest, page: str = "") -> HttpResponse:
    """Show what is not available, whichever page of learning was asked for."""
    context: dict[str, Any] = admin.site.each_context(request) | {
        "title": "Walk-forward is not available",
        "sentence": NO_WALK_FORWARD,
    }
    return TemplateResponse(request, "desk/without_learning.html", context)
