"""Django choices of modules and action categories."""

from __future__ import annotations

from telemetry.core.vocabulary import ActionCategory, Module

MODULES = [(module.value, module.value) for module in Module]


CATEGORIES = [(category.value, category.value) for category in ActionCategory]
