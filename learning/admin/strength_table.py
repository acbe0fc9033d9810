"""The strengths of a module's learning methods, as the walk-forward page and its CSV show them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from learning.core.evidence_method.learn import FAMILIES, family_name
from learning.core.significance.strength import Strength
from learning.core.walk_forward.outcome_columns import DECIDED
from learning.lessons.methods import METHODS
from learning.lessons.run_strength import strengths_of
from learning.models import BuilderRun, MethodStrength
from overrides.core.engine.definitions.vocabulary import LearningMethod

TOO_LITTLE = "too few closed trades"


@dataclass(frozen=True)
class StrengthRow:
    """One method and the categories that it learns together.

    strength   None if it is not measured yet; `why` then says why, if that is known
    is_braked  whether claims of the method are multiplied by its strength
    is_in_use  whether the newest run of the method used it
    """

    method: LearningMethod
    of: str
    row: MethodStrength | None
    strength: Strength | None
    is_braked: bool
    is_in_use: bool
    why: str = ""


def strength_rows(module: str) -> list[StrengthRow]:
    """Return the newest strengths of every method, in the order of the methods."""
    measured = _newest(module, status=MethodStrength.Status.DONE)
    requested = _newest(module)
    runs = BuilderRun.objects.filter(module=module).order_by("policy", "-as_of", "-id").distinct("policy")
    in_use = dict(runs.values_list("policy", "strength_id"))
    rows = []
    for method in LearningMethod:
        row, coming = measured.get(method), requested.get(method)
        found = strengths_of(row)
        families = [family_name(family) for family in FAMILIES[module]]
        for of in families if METHODS[method].braked else [DECIDED[module]]:
            is_in_use = row is not None and in_use.get(method) == row.key
            why = _why(row, coming)
            rows.append(StrengthRow(method, of, row, found.get(of), METHODS[method].braked, is_in_use, why))
    return rows


def _newest(module: str, **conditions: Any) -> dict[str, MethodStrength]:
    """Return the newest row of each method."""
    rows = MethodStrength.objects.filter(module=module, **conditions).defer("parameters")
    newest = rows.order_by("policy", "-as_of", "-asked_at").distinct("policy")
    return {row.policy: row for row in newest}


def _why(row: MethodStrength | None, coming: MethodStrength | None) -> str:
    """Return why a strength is missing, as far as rows tell."""
    if coming is None:
        return ""
    if coming.is_under_way:
        return "it is being measured"
    if coming.status == MethodStrength.Status.FAILED:
        return coming.error
    return TOO_LITTLE if row is not None else ""


def strength_csv(module: str) -> Iterator[dict[str, Any]]:
    """Yield every number of the table as a row of the page's CSV."""
    for each in strength_rows(module):
        if each.strength is None or each.row is None:
            continue
        about = {"policy": each.method, "combiner": "", "as_of": each.row.as_of.isoformat()}
        parts = ("whole", "lasting", "recent") if each.is_braked else ("whole",)
        for name in parts:
            found = getattr(each.strength, name)
            figures = {"n": each.strength.decisions, "value": found.value, "low": found.low, "high": found.high}
            yield about | {"table": f"strength of {each.of}", "key": name} | figures
