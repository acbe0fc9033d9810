"""Coefficients on admin pages: a weight as a bar around 1, the changes of a request, and the scaling of a decision."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from overrides.admin.charts.coefficient_bars import weight_bar
from overrides.core.engine.definitions.coefficients import LEVER_DIMENSIONS
from overrides.models import ChangeRequest
from overrides.requests.kinds.lines import COEFFICIENTS
from overrides.versions.load_version import InForce, coefficients_of
from telemetry.foundation.admin.formatting import number
from telemetry.models import Decision

MOST_WEIGHTS = 200


@dataclass(frozen=True)
class WeightRow:
    """One weight that a request changes; `evidence` is None if its trades are no longer learned from."""

    lever: str
    value: str
    before: float
    after: float
    bar: SafeString
    evidence: Mapping[str, Any] | None

    @property
    def percent(self) -> float:
        """The relative change of the weight, in percent."""
        return 100 * (self.after / self.before - 1)

    @property
    def covers_one(self) -> bool:
        """Whether the 95 % interval of the fresh weight contains 1, or is not known."""
        known = self.evidence or {}
        low, high = known.get("low"), known.get("high")
        return low is None or high is None or low <= 1.0 <= high


def bar(weight: float, served: float, words: str) -> SafeString:
    """Format a weight as a bar that starts at 1, with a mark at the served weight."""
    shape = weight_bar(weight, served)
    return format_html(
        '<span class="cw-weight{}"><svg class="cw-mini" viewBox="0 0 {} 12" width="{}" height="12" role="img">'
        '<title>{}</title><rect class="cw-track" width="{}" height="6" y="3"/>'
        '<rect class="cw-bar" x="{}" width="{}" height="6" y="3"/>'
        '<line class="cw-neutral" x1="{}" x2="{}" y1="1" y2="11"/>'
        '<line class="cw-served" x1="{}" x2="{}" y1="0" y2="12"/></svg>{}</span>',
        "" if shape.is_up else " cw-below",
        *(f"{shape.whole:.0f}", f"{shape.whole:.0f}", words),
        *(f"{shape.whole:.0f}", f"{shape.x:.1f}", f"{shape.width:.1f}", f"{shape.one:.1f}", f"{shape.one:.1f}"),
        *(f"{shape.served:.1f}", f"{shape.served:.1f}"),
        number(weight, 3),
    )


def weights_page(
    request: ChangeRequest, in_force: InForce, *, is_open: bool, stored: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the weights that a request of kind lines changes, largest change first.

    An open request is compared with what is in force, a closed one with the version it was drafted against. `stored` is
    the evidence of the weights by name, as stored with the request.
    """
    if COEFFICIENTS not in request.content:
        return {}
    current = in_force.coefficients if is_open else coefficients_of(request.module, request.base_version)
    proposed: Mapping[str, float] = request.content[COEFFICIENTS]
    evidence = request.content.get("evidence", {})
    names = [n for n in current.keys() | proposed.keys() if current.get(n, 1.0) != proposed.get(n, 1.0)]
    signed: Mapping[str, Mapping[str, Any]] = evidence.get("values", {})
    values = {name: {**signed.get(name, {}), **stored.get(name, {})} for name in names}
    rows = [_row(name, current.get(name, 1.0), proposed.get(name, 1.0), values[name] or None) for name in names]
    rows.sort(key=lambda row: (-abs(math.log(row.after / row.before)), row.lever, row.value))
    return {
        "weight_rows": rows[:MOST_WEIGHTS],
        "n_weights": len(rows),
        "n_raising": sum(row.after > row.before for row in rows),
        "n_lowering": sum(row.after < row.before for row in rows),
        "weight_evidence": evidence,
        "weight_evidence_as_of": datetime.fromisoformat(evidence["as_of"]) if evidence.get("as_of") else None,
    }


def _row(name: str, before: float, after: float, evidence: Mapping[str, Any] | None) -> WeightRow:
    lever, _, value = name.partition("=")
    words = f"{name}: {after:.4f}, now {before:.4f}"
    return WeightRow(lever, value, before, after, bar(after, before, words), evidence)


def multipliers_page(decision: Decision) -> dict[str, Any]:
    """Return the coefficients and the cap of a decision, in logs that add up; empty if its version had neither."""
    multipliers = decision.multipliers
    if not multipliers:
        return {}
    is_served = decision.mode == "on"
    scope = decision.scope
    rows = [
        (lever, scope.get(LEVER_DIMENSIONS.get(lever, ""), ""), weight, math.log(weight))
        for lever, weight in multipliers["weights"].items()
    ]
    clip = multipliers["ln_product"] - sum(part for *_, part in rows)
    return {
        "multipliers": multipliers,
        "multiplier_rows": rows,
        "clip_cut": clip if decision.module == "dm" and abs(clip) > 1e-12 else None,
        "kept_product": multipliers["product"] * math.exp(multipliers["cap_cut"]),
        "multipliers_served": is_served,
    }
