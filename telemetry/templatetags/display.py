"""The admin's chips, badges, numbers and times for templates: `{% load display %}`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from django import template
from django.utils.safestring import SafeString

from telemetry.foundation.admin import formatting

register = template.Library()

for show in (formatting.badge, formatting.chips, formatting.short, formatting.pattern):
    register.simple_tag(show)

Nothing = Literal[""]  # what a template makes of an attribute that is not there


@register.simple_tag
def number(value: float | Nothing | None, decimals: int = 3, signed: bool = False, unit: str = "") -> SafeString:
    return formatting.number(None if value == "" else value, decimals, signed=signed, unit=unit)


@register.simple_tag
def moment(at: datetime | Nothing | None) -> SafeString:
    return formatting.format_moment(None if at == "" else at)
