"""Closed vocabularies of the facts: modules, action categories and the grammar of pattern keys."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from telemetry.foundation.core.fields import matching


class Module(StrEnum):
    """The trading module that acted: `dm` decides the allocation, `pm` everything after it."""

    DM = "dm"
    PM = "pm"


class ActionCategory(StrEnum):
    """What an action did."""

    ENTRY = "entry"
    ADD = "add"
    TRIM = "trim"
    EXIT = "exit"
    ALLOCATION = "allocation"


CATEGORIES: Mapping[Module, tuple[ActionCategory, ...]] = MappingProxyType(
    {
        Module.DM: (ActionCategory.ALLOCATION,),
        Module.PM: (ActionCategory.ENTRY, ActionCategory.ADD, ActionCategory.TRIM, ActionCategory.EXIT),
    }
)
SALES = frozenset({ActionCategory.TRIM, ActionCategory.EXIT})  # judged only by what followed

DM_PATTERN_KEY = "dm_pattern.allocation.allocation"

_PART = "[A-Za-z0-9_-]{1,40}"
PATTERN_KEY = rf"{_PART}\.{_PART}\.{_PART}"
read_pattern_key = matching(
    PATTERN_KEY,
    "family.state.motif: three parts of 1 to 40 letters, digits, _ or -, joined by dots",
)
read_book = matching("[a-z0-9_-]{1,40}", "1 to 40 lower-case letters, digits, _ or -")


def family_of(pattern_key: str) -> str:
    """Return the family of a pattern: the strategy, or the family of strategies, whose trades it names.

    >>> family_of("donchian.long.breakout")
    'donchian'
    """
    return pattern_key.partition(".")[0]
