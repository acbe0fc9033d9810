from __future__ import annotations

from itertools import pairwise

import pytest

from overrides.admin.charts.lever_waterfall import MOST_BARS, moves
from overrides.core.monitoring.replaying.lever_path import Movement


def movement(*parts: float, step_cut: float = 0.0, bounds_cut: float = 0.0) -> Movement:
    total = sum(parts) + step_cut + bounds_cut
    named = {f"override {place}": part for place, part in enumerate(parts)}
    return Movement("size_mult", named, 1.0, step_cut, bounds_cut, 1.0, total)


class TestMoves:
    def test_hangs_each_bar_where_the_one_before_ended(self) -> None:
        bars = moves(movement(0.05, -0.02, step_cut=-0.01), {}).bars

        for before, after in pairwise(bars[:-1]):
            assert after.start == before.end
        assert bars[-2].end == pytest.approx(bars[-1].end)

    def test_stays_within_the_picture_on_both_sides_of_neutral(self) -> None:
        picture = moves(movement(0.05, -0.2, 0.01), {})

        assert picture.left < picture.x_neutral < picture.right
        for bar in picture.bars:
            assert picture.left - 1e-9 <= bar.x <= bar.x + bar.width <= picture.right + 1e-9

    def test_sums_the_lightest_into_one_bar(self) -> None:
        bars = moves(movement(*[0.01] * (MOST_BARS + 3)), {}).bars

        assert bars[MOST_BARS].name == "3 others"
        assert bars[MOST_BARS].amount == pytest.approx(0.03)

    def test_draws_what_did_not_move_at_all(self) -> None:
        assert {bar.width for bar in moves(movement(0.0), {}).bars} == {0.0}

    def test_calls_overrides_by_their_names(self) -> None:
        assert moves(movement(0.05), {"override 0": "micro · Good"}).bars[0].name == "micro · Good"
