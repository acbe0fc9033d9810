"""The content of a module's walk-forward page, and the same numbers as one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from learning.admin.strength_table import strength_csv, strength_rows
from learning.charts.walk_forward import forest, growth
from learning.core.significance.strength import LEAST
from learning.core.walk_forward.calibration import SLOPE_BAR
from learning.core.walk_forward.score import TILT
from learning.models import WalkForward
from learning.validation.walk_forward_runs import CHOICES, Choice, newest_walks
from overrides.admin.charts.calibration import Calibration, calibration_chart
from telemetry.foundation.charts.growing_sum import GrowingSum

COLUMNS = ("policy", "combiner", "table", "key", "n", "value", "low", "high", "as_of")
UPLIFTS = ("uplift", "matched", "optimistic", "optimistic_matched")
OF_CURVES = ("uplift", "matched", "optimistic")
Row = dict[str, Any]


@dataclass(frozen=True)
class MethodResult:
    """One learning method: its newest finished run with charts, and a newer unfinished run, if there is one."""

    choice: Choice
    walk: WalkForward | None
    coming: WalkForward | None
    growth: GrowingSum | None
    calibration: Calibration | None


def walk_page(module: str) -> dict[str, Any]:
    """Return the template's context."""
    newest = newest_walks(module)
    shown = [_method_result(choice, *newest[choice]) for choice in CHOICES]
    finished = [(str(each.choice), each.walk.figures) for each in shown if each.walk and each.walk.figures]
    return {
        "policies": shown,
        "forest": forest(finished),
        "verdict": verdict([(name, figures["uplift"]) for name, figures in finished]),
        "is_empty": not any(each.walk or each.coming for each in shown),
        "is_running": any(each.coming and each.coming.is_under_way for each in shown),
        "latest": max((each.walk for each in shown if each.walk), key=lambda row: row.as_of, default=None),
        "tilt": TILT,
        "slope_bar": SLOPE_BAR,
        "strengths": strength_rows(module),
        "least_strength": LEAST,
    }


def verdict(uplifts: Sequence[tuple[str, dict[str, Any] | None]]) -> str:
    """Return which methods' uplifts exclude zero, as text for a heading.

    >>> verdict([("plan", {"low": -1.0, "high": 1.0}), ("evidence", {"low": 2.0, "high": 3.0})])
    'Above zero: evidence'
    >>> verdict([("plan", {"low": -1.0, "high": 1.0}), ("evidence", None)])
    'No method is clear of zero'
    """
    known = [(name, each) for name, each in uplifts if each is not None and each["low"] is not None]
    above = ", ".join(name for name, each in known if each["low"] > 0)
    below = ", ".join(name for name, each in known if each["high"] < 0)
    sides = [f"{side} zero: {names}" for side, names in (("above", above), ("below", below)) if names]
    return "; ".join(sides).capitalize() if sides else "No method is clear of zero"


def _method_result(choice: Choice, walk: WalkForward | None, coming: WalkForward | None) -> MethodResult:
    """Return what is shown of one method."""
    if walk is None or walk.figures is None or walk.curves is None:
        return MethodResult(choice, None, coming, None, None)
    return MethodResult(choice, walk, coming, growth(walk.curves), calibration_chart(walk.figures["calibration"]))


def csv_rows(module: str) -> Iterator[Row]:
    """Yield every number of the page as a row, identified by table and key."""
    yield from strength_csv(module)
    for walk, _ in newest_walks(module).values():
        if walk is not None:
            about = {"policy": walk.policy, "combiner": walk.combiner, "as_of": walk.as_of.isoformat()}
            yield from (about | row for row in _figures(walk.figures or {}))
            yield from (about | row for row in _curves(walk.curves or {}))


def _figures(figures: dict[str, Any]) -> Iterator[Row]:
    """Yield the figures of a run as rows."""
    for name in UPLIFTS:
        if figures[name] is not None:
            uplift = figures[name]
            band = {end: uplift[end] for end in ("low", "high")}
            yield {"table": "R per 1,000 trades", "key": name, "n": figures["n"], "value": uplift["mean"], **band}
    for name, value in (figures["tilt"] or {}).items():
        yield {"table": "tilt", "key": name, "n": figures["n"], "value": value}
    line = figures["calibration"]
    for name in ("slope", "slope_se", "squared_error_ratio"):
        yield {"table": "calibration", "key": name, "n": figures["n"], "value": line[name]}
    for group in line["groups"]:
        interval = {end: group[end] for end in ("low", "high")}
        predicted = f"predicted {group['predicted']:.6f} R"
        yield {"table": "realised R", "key": predicted, "n": group["n"], "value": group["realised"], **interval}
    for number, fold in enumerate(figures["folds"], 1):
        for name, value in fold.items():
            yield {"table": f"fold {number}", "key": name, "n": fold["decided"], "value": value}


def _curves(columns: dict[str, list[Any]]) -> Iterator[Row]:
    """Yield the curves of a run as rows."""
    for place, day in enumerate(columns.get("day", ())):
        for name in OF_CURVES:
            band = {end: columns[end][place] for end in ("low", "high")} if name == "uplift" else {}
            yield {"table": f"cumulative R, {name}", "key": f"day {day}", "value": columns[name][place], **band}
