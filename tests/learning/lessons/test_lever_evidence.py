from __future__ import annotations

from typing import Any

import pytest

from learning.core.tuning.evidence_source import Source
from learning.core.tuning.lever_lines import LeverLine
from learning.core.walk_forward.lever_gain import LeverVerdict
from learning.lessons.lever_evidence import newest_lever_run, newest_levers
from tests.builders import DAY, NOW
from tests.learning.levers import GAIN, UNSURE, make_lever_run, make_line

pytestmark = pytest.mark.django_db
DELAY, GATE = "entry_delay_bars", "min_ts_for_add"


def test_is_that_of_the_newest_finished_run() -> None:
    make_lever_run(walks={DELAY: None}, as_of=NOW - DAY)
    make_lever_run([make_line()], supported=[DELAY], alternatives={DELAY: ["10", "2", "never"], "trail_mult": ["2"]})
    make_lever_run(as_of=NOW + DAY, status="running")

    (found,) = newest_levers("pm")[DELAY]

    assert (found.module, found.lever, found.as_of, found.told, found.lines) == ("pm", DELAY, NOW, 900, 1)
    assert (found.verdict, found.is_supported, found.walk) == (LeverVerdict.SUPPORTED, True, GAIN)
    assert [each.alternative for each in found.alternatives] == ["2", "10", "never"]
    first = found.alternatives[0]
    assert (first.n, first.mean, first.gain, first.sd, first.lfsr) == (900, 0.15, 0.08, 0.03, 0.004)
    assert (first.days, first.chosen, first.walk_gain, first.walk_low, first.walk_high) == (61.5, 300, 42.0, 12.5, 71.0)


def test_says_where_a_walk_was_not_possible() -> None:
    make_lever_run(walks={DELAY: None})

    (found,) = newest_levers("pm")[DELAY]

    assert (found.verdict, found.walk, found.is_supported) == (LeverVerdict.TOO_FEW, None, False)


@pytest.mark.parametrize(("module", "lever"), [("pm", "trail_mult"), ("dm", DELAY)])
def test_is_nothing_where_nothing_was_told(module: str, lever: str) -> None:
    make_lever_run([make_line()])

    assert lever not in newest_levers(module)


def test_costs_one_query(django_assert_num_queries: Any) -> None:
    make_lever_run([make_line()], alternatives={DELAY: ["1", "2", "3"]})

    with django_assert_num_queries(1):
        newest_levers("pm")


def test_a_run_counts_from_when_it_was_known() -> None:
    make_lever_run(as_of=NOW - DAY, asked_at=NOW)

    assert newest_lever_run("pm", NOW - DAY / 2) is None
    assert newest_lever_run("pm", NOW) is not None


class TestSources:
    def test_windows_decide_where_they_could_be_walked(self) -> None:
        make_lever_run(walks={GATE: GAIN}, by_windows={GATE: UNSURE}, alternatives={GATE: ["0.5"]})

        windows, trades = newest_levers("pm")[GATE]

        assert (windows.source, windows.decides, windows.standing) == (Source.WINDOWS, True, "evidence only")
        assert (trades.source, trades.decides) == (Source.TRADES, False)
        assert [(each.alternative, each.gained, each.refusal[:10]) for each in windows.alternatives] == [
            ("0.55", 61.5, ""), ("0.65", 61.5, "it changes"),
        ]  # fmt: skip
        assert [(each.alternative, each.gained) for each in trades.alternatives] == [("0.5", None)]

    def test_trades_decide_where_too_few_windows_were_told(self) -> None:
        make_lever_run(walks={GATE: GAIN}, by_windows={GATE: None})

        trades, windows = newest_levers("pm")[GATE]

        assert (trades.source, trades.decides) == (Source.TRADES, True)
        assert (windows.decides, windows.standing) == (False, "too few windows")

    def test_a_run_stored_before_there_were_sources_is_of_trades(self) -> None:
        stored = {"trades": 900, "verdict": "supported", "walk": GAIN.to_document(), "lines": 1}
        line = {
            name: value for name, value in make_line().to_document().items() if name not in ("source", "categories")
        }
        make_lever_run(levers={DELAY: stored})

        (found,) = newest_levers("pm")[DELAY]

        assert (found.source, found.decides, found.told, found.walk) == (Source.TRADES, True, 900, GAIN)
        assert LeverLine.from_document(line) == make_line()
