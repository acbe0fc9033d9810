"""What is computed today as an older format of the engine would have stored it, so that the two can be compared.

A format could not store what it did not know. Of that only what is neutral today is left out: a lever at its neutral
value that nothing moved, and a weight factor of 1. Whatever else came in since is a difference, and so is everything
that a stored decision holds beyond its format.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from overrides.core.engine.definitions.formats import Format
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.weights import SYMBOLS


def stored_as(known: Format, computed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a decision without what the format did not know and is neutral.

    >>> stored_as(Format((), {}, {}, ()), {"levers": {"size_mult": {"served": 1.0}, "trail_mult": {"served": 0.9}}})
    {'levers': {'trail_mult': {'served': 0.9}}}
    """
    seen = dict(computed)
    if "levers" in seen:
        seen["levers"] = _levers(known, seen["levers"])
    if "contributions" in seen:
        since = set(SYMBOLS) - set(known.factors)
        seen["contributions"] = [_contribution(since, each) for each in seen["contributions"]]
    if seen.get("challenger"):
        seen["challenger"] = seen["challenger"] | {"levers": _levers(known, seen["challenger"]["levers"])}
    return seen


def _levers(known: Format, levers: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: detail
        for name, detail in levers.items()
        if name in known.levers or detail != {"served": LEVERS[name].neutral}
    }


def _contribution(since: Set[str], contribution: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out factors that came `since`: one of 1 changes no weight, None is that of a combiner without weights."""
    return {name: value for name, value in contribution.items() if name not in since or value not in (None, 1)}
