"""What overrides contribute to every decision alike: stored once, named by the decisions with 8-byte keys."""

from __future__ import annotations

from collections.abc import Collection

from django.db import models

from telemetry.core.decision_trace.constants import Constants

MOST_KNOWN = 200_000  # constants that a process remembers, about 60 MB

_known: dict[int, Constants] = {}


class DecisionConstants(models.Model):
    """An override with its line, and the targets and weight factors that do not change from decision to decision."""

    key = models.BigIntegerField(primary_key=True, editable=False, help_text="hash of the content")
    override_id = models.CharField(max_length=64)
    line_id = models.CharField(max_length=64)
    packed = models.BinaryField(help_text="levers, targets and weight factors (core.decision_trace.constants)")

    class Meta:
        indexes = [models.Index(fields=["line_id", "override_id"], name="decision_constants_by_line")]

    def __str__(self) -> str:
        return f"constants {self.key} of override {self.override_id[:12]}"


def constants_named(keys: Collection[int]) -> dict[int, Constants]:
    """Return the constants with these keys; one query reads those that this process does not know yet.

    What is remembered is never wrong: a key is a hash of its content, and rows are never changed.
    """
    missing = [key for key in keys if key not in _known]
    if missing:
        if len(_known) + len(missing) > MOST_KNOWN:
            _known.clear()
            missing = list(keys)
        rows = DecisionConstants.objects.filter(pk__in=missing).values_list("key", "override_id", "line_id", "packed")
        _known.update({key: Constants(override, line, bytes(packed)) for key, override, line, packed in rows})
    return {key: _known[key] for key in keys if key in _known}


def keys_of_line(line: str) -> list[int]:
    """Return the keys of the constants of a line's overrides."""
    return list(DecisionConstants.objects.filter(line_id=line).values_list("key", flat=True))


def keys_of_override(line: str, override: str) -> list[int]:
    """Return the keys of the constants of an override, by the index on lines."""
    return list(DecisionConstants.objects.filter(line_id=line, override_id=override).values_list("key", flat=True))
