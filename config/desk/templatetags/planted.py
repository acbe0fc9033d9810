"""The banner of the second demo, `{% load planted %}{% planted_banner %}`: nothing at all anywhere else.

It is a tag and no context processor because the pages of failures are rendered without a request.
"""

from __future__ import annotations

from django import template
from django.conf import settings

register = template.Library()


@register.inclusion_tag("desk/planted_banner.html")
def planted_banner() -> dict[str, bool]:
    """Return whether this is the second demo."""
    return {"is_planted": settings.PLANTED_DEMO}
