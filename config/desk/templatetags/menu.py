"""The menu by task, `{% load menu %}{% menu available_apps as sections %}`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import template

from config.desk.menu import Section
from config.desk.menu import menu as menu_of

register = template.Library()


@register.simple_tag
def menu(apps: Iterable[Mapping[str, Any]]) -> list[Section]:
    """Return the sections of the menu."""
    return menu_of(apps or ())
