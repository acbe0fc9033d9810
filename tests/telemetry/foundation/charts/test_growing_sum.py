"""The chart of a growing sum: positions computed by hand, within the frame, and valid markup."""

from __future__ import annotations

from datetime import date
from xml.etree import ElementTree

from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from telemetry.foundation.charts.canvas import LEFT, WIDTH
from telemetry.foundation.charts.growing_sum import BOTTOM, RIGHT, TOP, GrowingSum, growing_sum

FIRST = date(2026, 3, 1).toordinal()
TOTAL = [(FIRST, 0.0), (FIRST + 10, 5.0), (FIRST + 20, 10.0)]
LOW = [(FIRST + 10, 0.0), (FIRST + 20, 5.0)]
HIGH = [(FIRST + 10, 10.0), (FIRST + 20, 15.0)]
BESIDE = [(FIRST + 10, 1.0), (FIRST + 20, 2.0)]


def chart(span: tuple[float, ...] = (0.0, 100 / 1.08)) -> GrowingSum:
    """Return the chart on a scale that ends at 100: beyond its highest value lie 8 % of its range."""
    return growing_sum(TOTAL, LOW, HIGH, BESIDE, span)


def points(text: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in text.split())]


def test_a_total_lies_where_its_day_and_its_share_of_the_scale_say() -> None:
    middle = (LEFT + WIDTH - RIGHT) / 2  # 5 of 100 is a twentieth of the way from 178 up to 16, 8.1
    assert chart().total == f"{LEFT},178.0 {middle},169.9 {WIDTH - RIGHT},161.8"


def test_the_band_goes_out_on_top_and_back_below() -> None:
    assert [y for _, y in points(chart().band)] == [161.8, 153.7, 169.9, 178.0]


def test_the_other_sum_begins_on_its_own_first_day() -> None:
    assert [x for x, _ in points(chart().beside)] == [x for x, _ in points(chart().total)][1:]


def test_says_its_days_and_its_last_total() -> None:
    found = chart()

    assert (found.first_day, found.last_day, found.end) == ("2026-03-01", "2026-03-21", 10.0)
    assert [mark.label for mark in found.days] == ["2026-03-01", "2026-03-21"]


def test_of_one_day_has_one_mark() -> None:
    found = growing_sum(TOTAL[:1], LOW[:1], HIGH[:1], [], [0.0])

    assert [mark.label for mark in found.days] == ["2026-03-01"]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_never_leaves_its_frame(totals: list[float]) -> None:
    total = [(FIRST + place, each) for place, each in enumerate(totals)]
    wide = [(day, each + 1e5) for day, each in total]
    found = growing_sum(total, total, wide, total, totals)

    placed = [*points(found.total), *points(found.band), *points(found.beside)]
    assert all(LEFT <= x <= WIDTH - RIGHT and TOP <= y <= BOTTOM for x, y in placed)


def test_the_markup_is_well_formed_and_says_what_it_shows() -> None:
    words = {"what": "Sum earned", "beside": "at equal exposure"}
    root = ElementTree.fromstring(render_to_string("foundation/growing_sum.svg", {"picture": chart()} | words))

    assert root.get("role") == "img"
    assert root.get("aria-label") == (
        "Sum earned from 2026-03-01 to 2026-03-21: 10.00 R at the end; dashed: at equal exposure"
    )
