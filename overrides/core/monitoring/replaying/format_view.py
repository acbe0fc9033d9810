"""Recomputed decisions as an older format of the engine would have stored them, for comparison with the stored ones.

A format could not store what it did not know. Only neutral values of what it did not know are left out: a lever at its
neutral value that nothing moved, and a weight factor of 1. Any other value is a difference, and so is everything that a
stored decision holds beyond its format.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from overrides.core.engine.definitions.formats import Format
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.weights import SYMBOLS


def stored_as(known: Format, computed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a decision without neutral values of names that the format did not know.

    >>> stored_as(Format((), {}, {}, ()), {"levers": {"size_mult": {"served": 1.0}, "trail_mult": {"served": 0.9}}})
    {'levers': {'trail_mult': {'served': 0.9}}}
    """
    fields = dict(computed)
    if "levers" in fields:
        fields["levers"] = _levers(known, fields["levers"])
    if "contributions" in fields:
        fields["contributions"] = [_contribution(known, each) for each in fields["contributions"]]
    if fields.get("challenger"):
        fields["challenger"] = fields["challenger"] | {"levers": _levers(known, fields["challenger"]["levers"])}
    return fields


def _levers(known: Format, levers: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: detail
        for name, detail in levers.items()
        if name in known.levers or detail != {"served": LEVERS[name].neutral}
    }


def _contribution(known: Format, contribution: Mapping[str, Any]) -> dict[str, Any]:
    """Return a contribution without unknown factors that are 1, or None under combiners that do not weigh."""
    since = set(SYMBOLS) - set(known.factors)
    return {name: value for name, value in contribution.items() if name not in since or value not in (None, 1)}
