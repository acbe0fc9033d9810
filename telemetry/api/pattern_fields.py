"""Filters and schema parts for module, pattern key, category and scope, shared by the endpoints of all three apps."""

from __future__ import annotations

from rest_framework import serializers

from telemetry.core.vocabulary import PATTERN_KEY, ActionCategory, Module, read_pattern_key
from telemetry.foundation.api.query_parameters import Filter, Filters
from telemetry.foundation.core.fields import member

MODULES = [module.value for module in Module]
CATEGORIES = [category.value for category in ActionCategory]


def pattern_key() -> serializers.RegexField:
    """Return a serializer field for a pattern key, `family.state.motif`."""
    return serializers.RegexField(f"^{PATTERN_KEY}$", help_text="`family.state.motif`")


MODULE = Filter(member(Module), "module", "dm decides the allocation, pm everything after it", tuple(Module))
PATTERN: Filters = {
    "module": MODULE,
    "pattern_key": Filter(
        read_pattern_key, "pattern_key", "`family.state.motif`", type={"type": "string", "pattern": f"^{PATTERN_KEY}$"}
    ),
    "action_category": Filter(
        member(ActionCategory), "action_category", "dm: allocation; pm: the others", tuple(ActionCategory)
    ),
}


class ScopeField(serializers.DictField):
    """A scope as a mapping from dimension to value."""

    child = serializers.CharField()
