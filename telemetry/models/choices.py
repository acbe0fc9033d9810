"""Choices of module and category."""

from __future__ import annotations

from telemetry.core.vocabulary import ActionCategory, Module

MODULES = [(module.value, module.value) for module in Module]


CATEGORIES = [(category.value, category.value) for category in ActionCategory]
