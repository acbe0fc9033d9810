"""Charts of walk-forward results: the uplift over time, and the uplifts of all methods with their bands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from telemetry.foundation.charts.canvas import LEFT, WIDTH, polyline
from telemetry.foundation.charts.scales import LinearScale, Mark
from telemetry.foundation.core.number_text import signed, typeset

HEIGHT, TOP, BOTTOM = 210.0, 16.0, 178.0
RIGHT = 20.0
EPOCH = date(1970, 1, 1)
ROW, FIRST_ROW, NAMES = 26.0, 20.0, 186.0


@dataclass(frozen=True)
class Growth:
    """Cumulative uplift by day; `band` is a polygon, the others are lines."""

    band: str
    uplift: str
    optimistic: str
    values: tuple[Mark, ...]
    days: tuple[Mark, ...]
    y_zero: float
    end: float
    first_day: str
    last_day: str
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = BOTTOM
    height: float = HEIGHT
    width: float = WIDTH


def growth(curves: Mapping[str, Sequence[float]]) -> Growth | None:
    """Return the chart of the columns of `learning.core.walk_forward.uplift_curve.curve`; None if there are no days."""
    days = curves["day"]
    if not days:
        return None
    x = _days_scale(days)
    y = LinearScale.around_zero([each for name in ("low", "high", "optimistic") for each in curves[name]], BOTTOM, TOP)

    def line(column: Sequence[float]) -> str:
        return polyline((x(day), y(value)) for day, value in zip(days, column, strict=True))

    back = zip(reversed(days), reversed(curves["low"]), strict=True)
    band = f"{line(curves['high'])} {polyline((x(day), y(value)) for day, value in back)}"
    ends = (days[0], days[-1]) if days[-1] > days[0] else (days[0],)
    return Growth(
        band=band,
        uplift=line(curves["uplift"]),
        optimistic=line(curves["optimistic"]),
        values=y.ticks(signed),
        days=tuple(Mark(x(day), _date(day)) for day in ends),
        y_zero=y(0.0),
        end=curves["uplift"][-1],
        first_day=_date(days[0]),
        last_day=_date(days[-1]),
    )


def _days_scale(days: Sequence[float]) -> LinearScale:
    """Return the horizontal scale of days."""
    return LinearScale(days[0], max(days[-1], days[0] + 1), LEFT, WIDTH - RIGHT)


def _date(day: float) -> str:
    """Format a day since 1970-01-01 as a date."""
    return (EPOCH + timedelta(days=int(day))).isoformat()


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
