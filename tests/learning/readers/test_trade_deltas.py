from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from learning.core.tuning.trade_deltas import TradeDeltas
from learning.readers.group_columns import since_epoch
from learning.readers.trade_deltas import TUNED, load_trade_deltas
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, KEY, NOW, action_payload, make_correction, make_trade

TRIM = "trim_delay_mult"
LEARNED = ModuleParameters.default("pm").learned_from
pytestmark = pytest.mark.django_db


def loaded(at: Any = NOW, **over: Any) -> TradeDeltas:
    return load_trade_deltas(LEARNED, at, **over)


def action(category: str, alternatives: dict[str, float] | None = None, **over: Any) -> dict[str, Any]:
    told = {} if alternatives is None else {"counterfactuals": {TRIM: alternatives}}
    return action_payload(action_category=category, **told | over)


def test_adds_up_all_actions_in_the_pattern_and_scope_of_the_entry() -> None:
    trim = action("trim", {"0.5": -0.25}, scope={"macro_phase": "Dip"}, pattern_key="other.long.trim")
    record_trades([make_trade(actions=[action("entry"), trim, action("exit", {"0.5": 1.0, "2": 0.5})])], now=NOW)

    trades = loaded()

    assert (len(trades), trades.patterns) == (1, (KEY,))
    assert [trades.values[dim][code] for dim, code in enumerate(trades.scope[0].tolist()) if code >= 0] == [
        "Good", "micro",
    ]  # fmt: skip
    assert trades.levers[TRIM].names == ("0.5", "2")
    np.testing.assert_array_equal(trades.levers[TRIM].changes, [[0.75, 0.5]])
    assert trades.levers[TRIM].known.tolist() == [since_epoch(NOW - DAY)]


def test_is_known_with_the_last_action_that_tells() -> None:
    """The exit tells half a day after the close: until then the trim alone would tell the opposite."""
    later = NOW - DAY / 2
    told = [action("entry"), action("trim", {"0.5": -0.25}), action("exit", {"0.5": 1.0}, known_at=utc_text(later))]
    record_trades([make_trade(actions=told)], now=NOW)

    before, after = loaded(later - timedelta(hours=1)), loaded(later)

    assert (len(before), before.levers[TRIM].names) == (1, ())
    assert after.levers[TRIM].changes.tolist() == [[0.75]]
    assert after.levers[TRIM].known.tolist() == [since_epoch(later)]


def test_counts_a_trade_once_by_its_first_entry() -> None:
    entries = [
        action("entry", {"2": 1.0}, scope={"bucket": name}, at=utc_text(NOW - 2 * DAY + timedelta(hours=hour)))
        for hour, name in enumerate(("micro", "nano"))
    ]
    record_trades([make_trade(actions=entries)], now=NOW)

    trades = loaded()

    assert len(trades) == 1
    assert trades.values[trades.dimensions.index("bucket")] == ("micro",)
    assert trades.levers[TRIM].changes.tolist() == [[2.0]]


def test_reads_replays() -> None:
    replays = {"replays": {"entry_delay_bars": {"0": 1.5, "2": 2.0}}, "taken_arms": {"entry_delay_bars": "0"}}
    record_trades([make_trade(actions=[action_payload(**replays)])], now=NOW)

    assert loaded().levers["entry_delay_bars"].changes.tolist() == [[0.5]]


def test_reads_what_the_module_learns_from_and_the_newest_revision() -> None:
    told = [action("entry", {"2": 1.0})]
    record_trades(
        [
            make_trade("a", actions=told),
            make_trade("live", book="live", actions=told),
            make_trade("excluded", excluded_reason="a test", actions=told),
            make_trade("trim alone", actions=[action("trim", {"2": 1.0}, rr_after=0.5)]),
        ],
        now=NOW,
    )
    record_trades([make_correction("a", actions=[action("entry", {"2": 3.0})])], now=NOW)

    assert loaded().levers[TRIM].changes.tolist() == [[3.0]]


def test_reads_one_pattern_and_the_levers_that_are_asked_for() -> None:
    other = action("entry", {"2": 5.0}, pattern_key="ema.long.cross")
    record_trades([make_trade("a", actions=[action("entry", {"2": 1.0})]), make_trade("b", actions=[other])], now=NOW)

    assert loaded(pattern_key="ema.long.cross").levers[TRIM].changes.tolist() == [[5.0]]
    assert list(loaded(levers=("trail_mult",)).levers) == ["trail_mult"]
    assert tuple(loaded().levers) == TUNED


def test_of_no_trades_is_empty() -> None:
    trades = loaded()

    assert (len(trades), trades.patterns) == (0, ())
    assert all(deltas.names == () for deltas in trades.levers.values())


def test_counts_a_cluster_once() -> None:
    told = [action("entry", {"2": 1.0})]
    record_trades([make_trade(name, cluster_id="c", actions=told) for name in ("a", "b")], now=NOW)

    trades = loaded()

    assert len(set(trades.trade.tolist())) == 2
    assert len(set(trades.cluster.tolist())) == 1


def test_levers_are_those_of_the_tuning_channel() -> None:
    assert set(TUNED) == {name for name, lever in LEVERS.items() if lever.channel == "pm_tuning"}
