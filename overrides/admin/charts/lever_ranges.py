"""Chart of the levers of an override between their bounds."""

from __future__ import annotations

from dataclasses import dataclass

from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.parameters import WeightParameters
from telemetry.foundation.charts.canvas import WIDTH
from telemetry.foundation.charts.scales import LinearScale

LEFT, RIGHT, TOP = 14.0, 14.0, 28.0  # labels are above their track, not beside it
TRACK_ROW, HALF_BAND = 56.0, 6.0


@dataclass(frozen=True)
class LeverRange:
    """One lever: its bounds, neutral, the override's target, and the range that one answer may reach from neutral."""

    name: str
    low: float
    high: float
    neutral: float
    target: float
    x_neutral: float
    x_target: float
    x_reach: float
    reach_width: float
    y: float

    @property
    def top(self) -> float:
        return self.y - HALF_BAND

    @property
    def below(self) -> float:
        return self.y + HALF_BAND


@dataclass(frozen=True)
class LeverRanges:
    """The ranges of all levers of an override, one below the other."""

    height: float
    tracks: tuple[LeverRange, ...]
    left: float = LEFT
    right: float = WIDTH - RIGHT
    width: float = WIDTH


def lever_tracks(spec: OverrideSpec, parameters: WeightParameters) -> LeverRanges:
    """Return every target of the override between its lever's bounds, on that lever's scale (logarithmic or linear)."""
    names = [name for name in LEVERS if name in spec.levers]
    tracks = tuple(_track(name, spec.levers[name], parameters, row) for row, name in enumerate(names))
    return LeverRanges(len(tracks) * TRACK_ROW + 6, tracks)


def _track(name: str, target: float, parameters: WeightParameters, row: int) -> LeverRange:
    lever = LEVERS[name]
    low, high = parameters.bounds_of(name)

    scale = LinearScale(lever.unit(low), lever.unit(high), LEFT, WIDTH - RIGHT)

    def x(value: float) -> float:
        return WIDTH / 2 if low == high else scale(lever.unit(value))

    lowest, highest = lever.reach(lever.neutral, parameters.step_of(name))
    return LeverRange(
        name=name,
        low=low,
        high=high,
        neutral=lever.neutral,
        target=target,
        x_neutral=x(lever.neutral),
        x_target=x(target),
        x_reach=x(lowest),
        reach_width=x(highest) - x(lowest),
        y=TOP + row * TRACK_ROW,
    )
