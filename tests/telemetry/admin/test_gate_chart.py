"""The chart of one gate: positions worked by hand, words that say the same, and valid markup inside the frame."""

from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree

import pytest
from django.template.loader import render_to_string

from telemetry.admin.gate_chart import EDGE, HEIGHT, WIDTH, GateChart, gate_chart
from tests.telemetry.core.episode_builders import HOUR, START


def chart(scores: list[float], threshold: float = 0.6, lever: str = "min_ts_for_add", *, decided: int = 0) -> GateChart:
    times = [START + index * HOUR for index in range(len(scores))]
    return gate_chart(lever, threshold, times, scores, (START, START + 4 * HOUR), decided, is_entered=True)


def test_places_samples_by_time_and_score() -> None:
    found = chart([0.5, 0.7], decided=1)

    # A range of .2 with .15 of it to spare on either side: .5 lies 1.15 / 1.3 down, the threshold in the middle.
    height = HEIGHT - 2 * EDGE
    first, second = found.dots
    assert (first.x, second.x) == (EDGE, EDGE + (WIDTH - 2 * EDGE) / 4)
    assert first.y == pytest.approx(EDGE + height * 1.15 / 1.3)
    assert second.y == pytest.approx(EDGE + height * 0.15 / 1.3)
    assert found.threshold_y == pytest.approx(HEIGHT / 2)
    assert [(dot.is_open, dot.is_entry) for dot in found.dots] == [(False, False), (True, True)]


def test_says_what_it_shows() -> None:
    found = chart([0.52, 0.58, 0.4], decided=1)

    assert found.reading == "TS 0.58, asked at least 0.60"
    assert found.description == "min_ts_for_add: TS from 0.40 to 0.58 in 3 samples, asked at least 0.60"


def test_of_a_cap_opens_below_the_threshold() -> None:
    found = chart([0.4, 0.6], 0.5, "max_edx_for_add")

    assert [dot.is_open for dot in found.dots] == [True, False]
    assert found.reading == "EDX 0.40, asked at most 0.50"


@pytest.mark.parametrize("scores", [[0.6], [0.0, 1.0], [0.6, 0.6], [0.599999, 0.600001]])
def test_stays_inside_its_frame(scores: list[float]) -> None:
    found = chart(scores)
    picture = ElementTree.fromstring(render_to_string("telemetry/gate_chart.svg", {"chart": found}))

    circles = [each for each in picture.iter() if each.tag.endswith("circle")]
    assert len(circles) == len(scores)
    for each in circles:
        assert 0 < float(each.attrib["cx"]) < WIDTH
        assert 0 < float(each.attrib["cy"]) < HEIGHT
    assert 0 < found.threshold_y < HEIGHT


def test_of_a_window_without_length_has_its_sample_at_the_left() -> None:
    found = gate_chart("min_ts_for_add", 0.6, [START], [0.5], (START, START + timedelta(0)), 0, is_entered=False)

    assert (found.dots[0].x, found.dots[0].is_entry) == (EDGE, False)
