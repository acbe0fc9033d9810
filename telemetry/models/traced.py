"""Fields of a decision that are read from its trace; decisions from before traces store them as documents.

Whoever reads a decision sees the same documents either way. A queryset that names such a field in `only` has to name
TRACE as well, and one that reads many decisions calls `load_constants` for each chunk, so that it costs one query.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models.query_utils import DeferredAttribute

from telemetry.core.decision_trace.trace import Moved, Served, keys_of, unpack_moved, unpack_served
from telemetry.models.decision_constants import constants_named

TRACE = ("trace", "movers")
AS_ASKED: dict[str, Any] = {"current": {}, "rollout_key": None, "base_allocation": None}
SERVED = frozenset({"levers", "challenger", "multipliers"})


class TracedAttribute(DeferredAttribute):
    """The value of a traced field: the stored document, or what the trace says."""

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        if instance is None:
            return self
        stored = super().__get__(instance, cls)
        if stored is not None or instance.trace is None:
            return stored
        name = self.field.attname
        return getattr(served_of(instance) if name in SERVED else moved_of(instance), name)

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class TracedField(models.JSONField):
    """A document of a decision; null where the decision has a trace."""

    descriptor_class = TracedAttribute

    def deconstruct(self) -> Any:
        """Return the field as migrations name it: a plain document."""
        name, _, arguments, options = super().deconstruct()
        return name, "django.db.models.JSONField", arguments, options


class RequestAttribute(TracedAttribute):
    """The request of a decision, with what a decision with a trace leaves out because it was not asked."""

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        stored = super().__get__(instance, cls)
        return stored if instance is None or instance.trace is None else AS_ASKED | stored


class RequestField(TracedField):
    """The request of a decision."""

    descriptor_class = RequestAttribute


def served_of(decision: Any) -> Served:
    """Return the first part of a decision's trace, unpacked once."""
    found: Served | None = decision.__dict__.get("_served")
    if found is None:
        found = decision.__dict__["_served"] = unpack_served(bytes(decision.trace))
    return found


def moved_of(decision: Any) -> Moved:
    """Return the second part of a decision's trace, unpacked once."""
    found: Moved | None = decision.__dict__.get("_moved")
    if found is None:
        content, movers = bytes(decision.trace), decision.movers or ()
        known = constants_named(keys_of(content, movers))
        found = decision.__dict__["_moved"] = unpack_moved(content, movers, known)
    return found


def load_constants(decisions: Iterable[Any]) -> None:
    """Read the constants of many decisions with one query, to be found when their documents are read."""
    keys: set[int] = set()
    for decision in decisions:
        if decision.trace is not None:
            keys.update(keys_of(bytes(decision.trace), decision.movers or ()))
    if keys:
        constants_named(keys)
