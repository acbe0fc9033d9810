from __future__ import annotations

from typing import Any

import pytest

from learning.core.walk_forward.lever_gain import LeverVerdict
from learning.lessons.lever_evidence import newest_lever_evidence, newest_lever_run
from tests.builders import DAY, NOW
from tests.learning.levers import GAIN, make_lever_run, make_line

pytestmark = pytest.mark.django_db
DELAY = "entry_delay_bars"


def test_is_that_of_the_newest_finished_run() -> None:
    make_lever_run(walks={DELAY: None}, as_of=NOW - DAY)
    make_lever_run([make_line()], supported=[DELAY], alternatives={DELAY: ["10", "2", "never"], "trail_mult": ["2"]})
    make_lever_run(as_of=NOW + DAY, status="running")

    found = newest_lever_evidence("pm", DELAY)

    assert found is not None
    assert (found.module, found.lever, found.as_of, found.trades, found.lines) == ("pm", DELAY, NOW, 900, 1)
    assert (found.verdict, found.is_supported, found.walk) == (LeverVerdict.SUPPORTED, True, GAIN)
    assert [each.alternative for each in found.alternatives] == ["2", "10", "never"]
    first = found.alternatives[0]
    assert (first.n, first.mean, first.gain, first.sd, first.lfsr) == (900, 0.15, 0.08, 0.03, 0.004)
    assert (first.days, first.chosen, first.walk_gain, first.walk_low, first.walk_high) == (61.5, 300, 42.0, 12.5, 71.0)


def test_says_where_a_walk_was_not_possible() -> None:
    make_lever_run(walks={DELAY: None})

    found = newest_lever_evidence("pm", DELAY)

    assert found is not None
    assert (found.verdict, found.walk, found.is_supported) == (LeverVerdict.TOO_FEW, None, False)


@pytest.mark.parametrize(("module", "lever"), [("pm", "trail_mult"), ("dm", DELAY)])
def test_is_nothing_where_nothing_was_told(module: str, lever: str) -> None:
    make_lever_run([make_line()])

    assert newest_lever_evidence(module, lever) is None


def test_costs_one_query(django_assert_num_queries: Any) -> None:
    make_lever_run([make_line()], alternatives={DELAY: ["1", "2", "3"]})

    with django_assert_num_queries(1):
        newest_lever_evidence("pm", DELAY)


def test_a_run_counts_from_when_it_was_known() -> None:
    make_lever_run(as_of=NOW - DAY, asked_at=NOW)

    assert newest_lever_run("pm", NOW - DAY / 2) is None
    assert newest_lever_run("pm", NOW) is not None
