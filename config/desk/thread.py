"""From a trade to the people who approved what moved it: overrides and coefficients, each with its origin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.safestring import SafeString

from overrides.admin.decisions.decision_rows import link_to
from overrides.admin.origins import Origin, as_of, origin_of_coefficients, origins_of
from overrides.core.engine.position_scaling import COEFFICIENTS
from overrides.models import Line
from telemetry.models import AttributionShare, Decision

MOST_ROWS = 50


@dataclass(frozen=True)
class Behind:
    """What earned a share of a trade in one decision, where it came from, and who approved it.

    `override` links to the override; it is empty for the coefficients. `share` is in R per unit of size.
    """

    decision: Decision
    override: SafeString | str
    share: float
    origin: Origin | None


def behind(shares: Iterable[AttributionShare], decisions: Mapping[UUID, Decision]) -> list[Behind]:
    """Return what earned shares of a trade, the largest share first; levers of one override are summed."""
    sums: dict[tuple[UUID, str, str], float] = {}
    for share in shares:
        if share.decision_id in decisions and (share.line_id or share.override_id == COEFFICIENTS):
            key = share.decision_id, share.override_id, share.line_id
            sums[key] = sums.get(key, 0.0) + share.share
    return sorted(_rows(sums, decisions), key=lambda row: -abs(row.share))[:MOST_ROWS]


def _rows(sums: Mapping[tuple[UUID, str, str], float], decisions: Mapping[UUID, Decision]) -> Iterator[Behind]:
    overrides = {override for _, override, line in sums if line}
    lines = Line.objects.in_bulk([line for _, _, line in sums if line]) if overrides else {}
    origins, coefficients = origins_of(overrides), _Coefficients()
    for (key, override, line), share in sums.items():
        decision = decisions[key]
        if line:
            origin = as_of(origins.get(override, ()), decision.version or 0)
            yield Behind(decision, link_to(override, lines.get(line)), share, origin)
        else:
            yield Behind(decision, "", share, coefficients.of(decision))


class _Coefficients:
    """The origins of coefficients, each read once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], Any] = {}

    def of(self, decision: Decision) -> Origin | None:
        key = decision.module, decision.version or 0
        if key not in self._known:
            self._known[key] = origin_of_coefficients(*key)
        found: Origin | None = self._known[key]
        return found
