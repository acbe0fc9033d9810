"""The admin's chips, badges, numbers and times for templates: `{% load display %}`."""

from __future__ import annotations

from django import template

from telemetry.admin import display

register = template.Library()

for show in (display.badge, display.chips, display.moment, display.number, display.short, display.pattern):
    register.simple_tag(show)
