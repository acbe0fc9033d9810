"""Template tags for chips, badges, numbers and times: `{% load display %}`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from django import template
from django.utils.safestring import SafeString

from telemetry.foundation.admin import formatting
from telemetry.foundation.core import number_text

register = template.Library()

for show in (formatting.badge, formatting.chips, formatting.short, formatting.pattern, formatting.pretty):
    register.simple_tag(show)

register.filter("typeset", number_text.typeset, is_safe=True)

Nothing = Literal[""]  # what a template passes for a missing attribute


@register.simple_tag
def number(
    value: float | Nothing | None, decimals: int = 3, signed: bool = False, unit: str = "", sure: bool = True
) -> SafeString:
    """Format a number; see `formatting.number`."""
    return formatting.number(None if value == "" else value, decimals, signed=signed, unit=unit, sure=sure)


@register.simple_tag
def exposure(percent: float | Nothing | None, decimals: int = 2) -> SafeString:
    """Format a change of exposure; see `formatting.exposure`."""
    return formatting.exposure(None if percent == "" else percent, decimals)


@register.simple_tag
def moment(at: datetime | Nothing | None) -> SafeString:
    """Format a time; see `formatting.format_moment`."""
    return formatting.format_moment(None if at == "" else at)
