"""Charts of walk-forward results: positions computed by hand, within the frame, and valid markup."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from django.template.loader import render_to_string

from learning.charts.walk_forward import NAMES, forest, growth
from telemetry.foundation.charts.canvas import LEFT, WIDTH
from telemetry.foundation.charts.growing_sum import BOTTOM, RIGHT, TOP

CURVES: dict[str, list[float]] = {
    "day": [19_700, 19_710, 19_720],
    "uplift": [0.0, 4.0, 6.0],
    "low": [-1.0, 1.0, 2.0],
    "high": [1.0, 8.0, 12.0],
    "matched": [0.0, 1.0, 2.0],
    "optimistic": [1.0, 10.0, 20.0],
}


def band(mean: float, low: float | None, high: float | None) -> dict[str, float | None]:
    return {"mean": mean, "low": low, "high": high}


def figures(**over: Any) -> dict[str, Any]:
    found = {name: band(1.0, 0.5, 1.5) for name in ("uplift", "matched", "optimistic", "optimistic_matched")}
    return found | over


def points(text: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in text.split())]


class TestGrowth:
    def test_runs_from_the_first_day_to_the_last_inside_its_frame(self) -> None:
        picture = growth(CURVES)

        assert picture is not None
        line = points(picture.total)
        assert [x for x, _ in line] == [LEFT, (LEFT + WIDTH - RIGHT) / 2, WIDTH - RIGHT]
        everything = [*line, *points(picture.band), *points(picture.beside)]
        assert all(TOP <= y <= BOTTOM for _, y in everything)
        assert (picture.first_day, picture.last_day) == ("2023-12-09", "2023-12-29")

    def test_begins_at_zero_and_rises(self) -> None:
        picture = growth(CURVES)

        assert picture is not None
        heights = [y for _, y in points(picture.total)]
        assert heights[0] == pytest.approx(picture.y_zero, abs=0.06)
        assert heights[0] > heights[1] > heights[2]

    def test_the_band_goes_out_on_top_and_back_below(self) -> None:
        picture = growth(CURVES)

        assert picture is not None
        around = points(picture.band)
        assert [x for x, _ in around] == [x for x, _ in around][::-1]
        assert all(above[1] < below[1] for above, below in zip(around[:3], around[:2:-1], strict=True))

    def test_of_one_day_is_a_picture_still(self) -> None:
        picture = growth({name: column[:1] for name, column in CURVES.items()})

        assert picture is not None
        assert len(picture.days) == 1

    def test_of_no_days_is_none(self) -> None:
        assert growth({name: [] for name in CURVES}) is None


class TestForest:
    def test_has_two_rows_a_policy(self) -> None:
        picture = forest([("evidence", figures()), ("plan/plan", figures(matched=None))])

        assert picture is not None
        assert [row.name for row in picture.rows] == ["evidence, as sized", "evidence, matched", "plan/plan, as sized"]

    def test_says_whether_a_band_covers_zero(self) -> None:
        picture = forest([("evidence", figures(matched=band(1.0, -0.5, 2.0)))])

        assert picture is not None
        assert [row.is_sure for row in picture.rows] == [True, False]
        assert all(NAMES <= row.x_low <= row.x <= row.x_high <= WIDTH - RIGHT for row in picture.rows)

    def test_of_a_single_day_shows_the_mean_without_a_band(self) -> None:
        picture = forest([("evidence", figures(uplift=band(1.0, None, None)))])

        assert picture is not None
        assert picture.rows[0].x_low == picture.rows[0].x == picture.rows[0].x_high

    def test_of_nothing_is_none(self) -> None:
        assert forest([]) is None
        assert forest([("evidence", figures(uplift=None, matched=None))]) is None


def test_the_markup_is_well_formed_and_says_what_it_shows() -> None:
    picture = forest([("evidence", figures())])
    root = ElementTree.fromstring(render_to_string("learning/charts/uplift_forest.svg", {"forest": picture}))

    assert root.get("role") == "img"
    assert len(root.get("aria-label", "")) > 30
    assert "None" not in ElementTree.tostring(root, encoding="unicode")
