"""Charts of walk-forward results: the uplift over time, and the uplifts of all methods with their bands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from telemetry.foundation.charts.canvas import WIDTH
from telemetry.foundation.charts.growing_sum import RIGHT, GrowingSum, growing_sum
from telemetry.foundation.charts.scales import LinearScale, Mark
from telemetry.foundation.core.number_text import signed, typeset

EPOCH = date(1970, 1, 1).toordinal()
ROW, FIRST_ROW, NAMES = 26.0, 20.0, 186.0


def growth(curves: Mapping[str, Sequence[float]]) -> GrowingSum | None:
    """Return the chart of the columns of `learning.core.walk_forward.uplift_curve.curve`; None if there are no days."""
    if not curves["day"]:
        return None
    days = [EPOCH + int(day) for day in curves["day"]]
    uplift, low, high, optimistic = (
        list(zip(days, curves[name], strict=True)) for name in ("uplift", "low", "high", "optimistic")
    )
    return growing_sum(uplift, low, high, optimistic, [value for _, value in (*low, *high, *optimistic)])


@dataclass(frozen=True)
class WalkForwardRow:
    """One uplift with its band; the in-sample uplift is drawn as a hollow mark."""

    name: str
    description: str
    y: float
    x: float
    x_low: float
    x_high: float
    x_optimistic: float | None
    is_sure: bool

    @property
    def word_y(self) -> float:
        """The baseline of the row's label."""
        return self.y + 4


@dataclass(frozen=True)
class Forest:
    """The chart: its rows and the ticks of its scale."""

    rows: tuple[WalkForwardRow, ...]
    values: tuple[Mark, ...]
    x_zero: float
    bottom: float
    height: float
    left: float = NAMES
    right: float = WIDTH - RIGHT
    width: float = WIDTH


def forest(walks: Iterable[tuple[str, Mapping[str, Any]]]) -> Forest | None:
    """Return two rows for each (name, figures), as sized and at matched tilt; None if no trade was sized."""
    lines = [
        (f"{name}, {how}", figures[key], figures[f"optimistic{'_matched' * (key == 'matched')}"])
        for name, figures in walks
        for key, how in (("uplift", "as sized"), ("matched", "matched"))
        if figures[key] is not None
    ]
    if not lines:
        return None
    spans = [each for _, uplift, _ in lines for each in (uplift["low"], uplift["mean"], uplift["high"])]
    hollow = [None if optimistic is None else optimistic["mean"] for _, _, optimistic in lines]
    x = LinearScale.around_zero([*spans, *hollow], NAMES, WIDTH - RIGHT)
    rows = tuple(
        _row(name, uplift, inside, x, FIRST_ROW + ROW * place)
        for place, ((name, uplift, _), inside) in enumerate(zip(lines, hollow, strict=True))
    )
    bottom = FIRST_ROW + ROW * (len(rows) - 1) + 14
    return Forest(rows, x.ticks(signed), x(0.0), bottom, bottom + 24)


def _row(
    name: str, uplift: Mapping[str, float | None], optimistic: float | None, x: LinearScale, y: float
) -> WalkForwardRow:
    """Return one row of the chart."""
    mean = uplift["mean"] or 0.0
    low, high = (mean if uplift[end] is None else float(uplift[end] or 0.0) for end in ("low", "high"))
    return WalkForwardRow(
        name=name,
        description=typeset(f"{mean:+.2f} R per 1,000 trades, 95 % from {low:+.2f} to {high:+.2f}"),
        y=y,
        x=x(mean),
        x_low=x(low),
        x_high=x(high),
        x_optimistic=None if optimistic is None else x(optimistic),
        is_sure=low > 0 or high < 0,
    )
