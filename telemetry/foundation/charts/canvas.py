"""What all charts share: width, margins for labels, and lines of points."""

from __future__ import annotations

from collections.abc import Iterable

WIDTH, LEFT, RIGHT = 480.0, 82.0, 66.0
TOP = 18.0


def polyline(points: Iterable[tuple[float, float]]) -> str:
    """Return points as SVG writes them.

    >>> polyline([(1.0, 2.25), (3.0, 4.0)])
    '1.0,2.2 3.0,4.0'
    """
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
