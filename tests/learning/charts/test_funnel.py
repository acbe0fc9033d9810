from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.charts.funnel import LEFT, RIGHT, SQUARE, Funnel, Spot, funnel, funnel_rows
from telemetry.foundation.charts.canvas import WIDTH
from tests.learning.core.significance.test_funnel import noise

MOST_BYTES = 300_000


def cells_of(*cells: tuple[float, float, float, float, int]) -> dict[str, Any]:
    """Return columns of cells (n, raw, se, shrunk, emitted)."""
    columns = list(zip(*cells, strict=True)) or [()] * 5
    return dict(zip(("n", "raw", "se", "shrunk", "emitted"), map(list, columns), strict=True)) | {"total": len(cells)}


def many(n: int = 20_000, seed: int = 3) -> dict[str, Any]:
    """Return the columns of a run without any edge, in which one cell in forty is a lesson."""
    rng = np.random.default_rng(seed)
    count = np.floor(np.exp(rng.uniform(math.log(20), math.log(20_000), n)))
    se = 1.4 / np.sqrt(count)
    raw = rng.normal(0, se)
    columns = {"n": count, "raw": raw, "se": se, "shrunk": 0.2 * raw, "emitted": (np.arange(n) % 40 == 0).astype(int)}
    return {name: np.round(column, 6).tolist() for name, column in columns.items()} | {"total": n}


def drawn(columns: dict[str, Any], *spots: Spot, **how: Any) -> Funnel:
    picture = funnel(columns, spots, **how)
    assert picture is not None
    return picture


def points(line: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (point.split(",") for point in line.split())]


class TestPlaces:
    def test_a_known_point_is_where_it_is_worked_out_by_hand(self) -> None:
        """Precisions 4, 10 and 25; the scale ends at the 99.5 % quantile, 24.85, plus 2 %: ln 2.5 / ln 6.33675."""
        picture = drawn(cells_of((100, 0.0, 0.25, 0.0, 0), (100, 0.5, 0.1, 0.25, 1), (100, 0.0, 0.04, 0.0, 0)))

        high = 1.02 * (10 + 0.99 * 15)
        x = LEFT + math.log(2.5) / math.log(high / 4) * (WIDTH - LEFT - RIGHT)
        largest = 1.05 * (0.99 * 0.5)
        middle = picture.zero_y
        y, believed = (middle - edge / largest * (middle - picture.top) for edge in (min(0.5, largest), 0.25))
        assert picture.dots == f"M{x:.1f} {y:.1f}h0"
        assert picture.tails == f"M{x:.1f} {y:.1f}V{believed:.1f}"

    def test_a_cell_of_1_96_standard_errors_lies_on_the_cone(self) -> None:
        on_it = (100.0, 1.96 * 0.1, 0.1, 0.0, 1)
        picture = drawn(cells_of((100, 0.5, 0.25, 0.5, 0), on_it, (100, -0.5, 0.04, -0.5, 0)))
        (x, y), *_ = [(float(a), float(b)) for a, b in re.findall(r"M([\d.]+) ([\d.]+)h0", picture.dots)]
        upper, lower = points(picture.upper), points(picture.lower)

        assert np.interp(x, [a for a, _ in upper], [b for _, b in upper]) == pytest.approx(y, abs=0.3)
        mirrored = [(a, 2 * picture.zero_y - b) for a, b in upper]
        assert np.array(lower) == pytest.approx(np.array(mirrored), abs=0.2)

    def test_better_known_cells_lie_to_the_right_and_gains_above(self) -> None:
        spots = [Spot("a", "", 0.5, 0.2, 0.1), Spot("b", "", -0.5, 0.1, -0.1)]
        first, second = drawn(cells_of((100, 0.0, 0.5, 0.0, 0)), *spots).spots

        assert first.x < second.x
        assert first.y < first.y_shrunk < second.y_shrunk < second.y

    def test_cells_in_one_square_make_it_darker(self) -> None:
        cells = [(100.0, 0.1, 0.1, 0.1, 0)] * 5 + [(100.0, -0.4, 0.1, -0.4, 0), (50.0, 0.0, 0.3, 0.0, 0)]
        picture = drawn(cells_of(*cells))

        squares = [len(re.findall("M", path)) for path in picture.shades]
        assert squares == [2, 0, 1, 0, 0]
        assert f"h{SQUARE}v{SQUARE}h-{SQUARE}z" in picture.shades[0]

    def test_what_lies_beyond_the_scale_is_counted_and_drawn_at_its_edge(self) -> None:
        cells = [(100.0, 0.01 * (each % 10), 0.1, 0.0, 0) for each in range(999)] + [(100.0, 50.0, 0.1, 1.0, 1)]
        picture = drawn(cells_of(*cells))

        assert picture.beyond == 1
        assert float(picture.dots.split()[1].removesuffix("h0")) == picture.top

    def test_constant_outcomes_have_a_place(self) -> None:
        picture = drawn(cells_of((100, 1.0, 0.0, 1.0, 1), (100, 0.2, 0.1, 0.1, 0)))
        assert picture.beyond == 1
        assert "nan" not in picture.dots + picture.upper

    def test_spots_are_within_the_scale_though_nothing_else_is_that_far_out(self) -> None:
        columns = many(2000)
        picture = drawn(columns, Spot("far", "", 9.0, 0.2, 0.3))
        assert picture.top < picture.spots[0].y < picture.zero_y

    def test_beside_spots_what_is_emitted_is_like_the_rest(self) -> None:
        assert drawn(many(500), Spot("one", "", 0.1, 0.1, 0.1), mini=True).dots == ""

    def test_there_is_none_without_cells(self) -> None:
        assert funnel(None) is None
        assert funnel(cells_of()) is None


@given(
    st.lists(
        st.tuples(st.just(20), st.floats(-1e9, 1e9), st.floats(0, 1e6), st.floats(-1e9, 1e9), st.integers(0, 1)),
        min_size=1,
        max_size=40,
    )
)
def test_everything_lies_inside_the_picture(cells: list[tuple[float, float, float, float, int]]) -> None:
    picture = drawn(cells_of(*cells))

    inside = points(picture.upper) + points(picture.lower)
    for path in (*picture.shades, picture.dots):
        inside += [(float(x), float(y)) for x, y in re.findall(r"M([\d.]+) ([\d.]+)", path)]
    assert all(LEFT - 0.1 <= x <= WIDTH - RIGHT + 0.1 and 13.9 <= y <= picture.bottom + 0.1 for x, y in inside)


class TestSquaresOfARun:
    def squares(self, picture: Funnel) -> list[int]:
        return [len(re.findall("M", path)) for path in picture.shades]

    def test_draw_the_same_as_the_cells_one_by_one(self) -> None:
        cells = noise(20_000)
        whole, counted = drawn(cells.to_document(most=20_000)), drawn(cells.to_document(most=400))

        one, other = (
            {(square, shade) for shade, path in enumerate(each.shades) for square in path.split("z")}
            for each in (whole, counted)
        )
        assert len(one ^ other) < 0.01 * len(one)  # individually stored numbers are rounded, counted ones are not
        assert counted.dots.count("M") == whole.dots.count("M") == 400
        assert counted.beyond == whole.beyond

    def test_fill_the_middle_which_the_farthest_leave_empty(self) -> None:
        older = noise(20_000).to_document(most=2000)
        counted = drawn(older)
        del older["squares"]

        def in_the_middle(picture: Funnel) -> int:
            heights = [float(y) for path in picture.shades for y in re.findall(r"M[\d.]+ ([\d.]+)", path)]
            return sum(abs(y - picture.zero_y) < 6 for y in heights)

        assert in_the_middle(drawn(older)) < 20 < 200 < in_the_middle(counted)

    def test_keep_their_shade_in_a_smaller_picture(self) -> None:
        """The same cells fall in fewer squares, so each square is equally dark or darker."""
        document = noise(20_000).to_document(most=400)
        large, mini = self.squares(drawn(document)), self.squares(drawn(document, mini=True))

        assert 0 < sum(mini) < sum(large)
        assert np.average(range(5), weights=mini) >= np.average(range(5), weights=large)

    def test_shrink_to_the_middle_where_a_spot_widens_the_scale(self) -> None:
        picture = drawn(noise(20_000).to_document(most=400), Spot("far", "", 30.0, 0.2, 0.3))
        heights = [float(y) for path in picture.shades for y in re.findall(r"M[\d.]+ ([\d.]+)", path)]

        assert heights
        assert all(abs(y - picture.zero_y) < 20 for y in heights)

    def test_are_rows_of_the_table_after_the_cells(self) -> None:
        cells = noise(3000)
        rows = list(funnel_rows(cells.to_document(most=100)))

        assert sum(row["cells"] for row in rows) == 3000
        assert [row["n"] is None for row in rows] == [False] * 100 + [True] * (len(rows) - 100)


def test_twenty_thousand_cells_stay_small() -> None:
    picture = drawn(many())

    paths = [*picture.shades, picture.dots, picture.tails, picture.upper, picture.lower]
    assert sum(map(len, paths)) < MOST_BYTES / 2
    assert picture.beyond < 0.02 * 20_000


def test_its_numbers_are_a_table() -> None:
    rows = list(funnel_rows(cells_of((20, 0.5, 0.25, 0.1, 1), (30, 1.0, 0.0, 1.0, 0))))
    assert rows == [
        {"cells": 1, "n": 20, "raw": 0.5, "se": 0.25, "precision": 4.0, "shrunk": 0.1, "emitted": 1},
        {"cells": 1, "n": 30, "raw": 1.0, "se": 0.0, "precision": None, "shrunk": 1.0, "emitted": 0},
    ]
