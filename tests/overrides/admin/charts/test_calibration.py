"""The chart of predicted against realised edges: positions computed by hand, within the frame, and valid markup."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from django.template.loader import render_to_string

from overrides.admin.charts.calibration import calibration_chart


def group(predicted: float, realised: float, n: int = 10) -> dict[str, Any]:
    return {"n": n, "predicted": predicted, "realised": realised, "low": realised - 0.1, "high": realised + 0.1}


class TestCalibration:
    def test_puts_what_came_true_on_the_diagonal(self) -> None:
        picture = calibration_chart({"groups": [group(-0.2, -0.2), group(0.3, 0.3)], "slope": 1.0})

        assert picture is not None
        assert picture.slope == picture.ideal
        x1, y1, x2, y2 = picture.ideal
        for dot in picture.dots:
            assert (dot.x - x1) / (x2 - x1) == pytest.approx((dot.y - y1) / (y2 - y1))

    def test_keeps_lines_inside_both_axes(self) -> None:
        picture = calibration_chart({"groups": [group(-0.01, -3.0), group(0.01, 3.0)], "slope": -400.0})

        assert picture is not None
        assert picture.slope is not None
        for x1, y1, x2, y2 in (picture.slope, picture.ideal):
            assert all(picture.left - 1e-9 <= x <= picture.right + 1e-9 for x in (x1, x2))
            assert all(picture.top - 1e-9 <= y <= picture.bottom + 1e-9 for y in (y1, y2))

    def test_without_a_slope_has_no_line(self) -> None:
        picture = calibration_chart({"groups": [group(0.0, 0.1), group(0.1, 0.0)], "slope": None})

        assert picture is not None
        assert picture.slope is None

    def test_of_one_group_is_none(self) -> None:
        assert calibration_chart({"groups": [group(0.0, 0.1)], "slope": None}) is None

    def test_is_well_formed_and_says_what_it_shows(self) -> None:
        picture = calibration_chart({"groups": [group(0, 0), group(1, 1)], "slope": 0.9})

        root = ElementTree.fromstring(render_to_string("overrides/charts/calibration.svg", {"picture": picture}))

        assert root.get("role") == "img"
        assert len(root.get("aria-label", "")) > 30
        assert "None" not in ElementTree.tostring(root, encoding="unicode")
