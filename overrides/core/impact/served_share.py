"""The share of callers to whom a module's levers are served: its mode, its roll-out, and the scopes it allows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from overrides.core.engine.definitions.serving_mode import Mode, ServingMode


def share_served(mode: ServingMode, scope: Mapping[str, str]) -> float:
    """Return the share of the callers with this scope that are served, 0 to 1, where they name their positions.

    Positions that are held back are not served; a caller that names none is held back from nothing.

    >>> share_served(ServingMode(Mode.ON, 25), {}), share_served(ServingMode(Mode.SHADOW, 100), {})
    (0.25, 0.0)
    >>> share_served(ServingMode(Mode.ON, 50, holdback_percent=10), {})
    0.45
    >>> share_served(ServingMode(Mode.ON, 100, {"bucket": ("big",)}), {"bucket": "micro"})
    0.0
    """
    if mode.mode is not Mode.ON or any(scope.get(name) not in values for name, values in mode.allow.items()):
        return 0.0
    return mode.rollout_percent / 100 * (1 - mode.holdback_percent / 100)


NOBODY = ServingMode()  # off


@dataclass(frozen=True)
class ServedShare:
    """The share of callers that a change of levers reaches: those whom `more` serves and `fewer` does not.

    A change of overrides reaches all that the mode in force serves (`fewer` is off). A change of mode brings the
    levers of the version to those between the two modes, or takes them away.
    """

    more: ServingMode
    fewer: ServingMode = NOBODY

    @classmethod
    def between(cls, before: ServingMode, after: ServingMode) -> tuple[ServedShare, bool]:
        """Return the share between two modes, and whether `after` is the one that serves more."""
        is_more = _extent(after) >= _extent(before)
        return (cls(after, before) if is_more else cls(before, after)), is_more

    def of(self, scope: Mapping[str, str]) -> float:
        """Return the share of the callers with this scope, 0 to 1; less than 0 where scopes are exchanged."""
        return share_served(self.more, scope) - share_served(self.fewer, scope)

    def to_document(self, mean_ln: float) -> dict[str, Any]:
        """Return the mean change of ln exposure as served, with the modes it holds for, as JSON values."""
        return {"percent": 100 * math.expm1(mean_ln), "more": _document(self.more), "fewer": _document(self.fewer)}


def _extent(mode: ServingMode) -> tuple[float, int]:
    """Return how much a mode serves, for comparison: its share of callers, then whether every scope is allowed."""
    served = mode.rollout_percent * (1 - mode.holdback_percent / 100)
    return (served if mode.mode is Mode.ON else 0.0), -len(mode.allow)


def _document(mode: ServingMode) -> dict[str, Any]:
    allow = {name: list(values) for name, values in mode.allow.items()}
    held = {"holdback_percent": mode.holdback_percent} if mode.holdback_percent else {}
    return {"mode": mode.mode.value, "rollout_percent": mode.rollout_percent, "allow": allow, **held}
