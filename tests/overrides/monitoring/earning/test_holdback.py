"""The contrast from decisions that state a holdback and closed trades that name them."""

from __future__ import annotations

from math import log
from typing import Any

import pytest

from overrides.models import HoldbackDay
from overrides.monitoring.earning.holdback import holdback_contrast, refresh_holdback
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import record_decisions
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.identifiers import uuid7
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, NOW, action_payload, decision_ids, make_correction, make_decision, make_trade

pytestmark = pytest.mark.django_db
OPENED = NOW - 2 * DAY


def asked(key: str | None, draw: float, percent: float = 5.0, m: float = 1.1, **over: Any) -> dict[str, Any]:
    """Return an action that names a recorded answer of this draw, held back if it is below the percentage."""
    is_held_back = key is not None and draw < percent
    effect = {} if is_held_back else {"size_mult": {"m0": 1.0, "m": m, "parts": {"o": log(m)}, "lines": {"o": "l"}}}
    stated = {} if key is None else {"position_key": key, "holdback": {"percent": percent, "draw": draw}}
    reason = "HOLDBACK" if is_held_back else "SINGLE"
    decision = make_decision(effect, decision_id=uuid7(OPENED), reason=reason, request=stated)
    record_decisions([decision])
    return action_payload(decision_ids=decision_ids(decision), **over)


def close(*trades: Any) -> None:
    record_trades(trades, now=NOW)
    attribute_trades(now=NOW)
    refresh_holdback(now=NOW)


class TestTheSums:
    def test_hold_every_position_with_a_key_on_its_side(self) -> None:
        close(
            make_trade("a", rr=1.0, actions=[asked("a", 50.0)]),
            make_trade("b", rr=-1.0, actions=[asked("b", 1.0)]),
            make_trade("c", rr=5.0, actions=[asked(None, 1.0)]),
            make_trade("d", rr=5.0),
        )

        row = HoldbackDay.objects.get()
        assert (row.book, row.positions, row.served, row.held_back) == ("paper", 2, 1, 1)
        assert row.expected_held_back == pytest.approx(0.1)
        assert row.replayed == pytest.approx(0.1 / 0.95)
        assert row.unseen == pytest.approx((1.0 + 0.25) / 0.95 - (-1.0 - 0.25) / 0.05)

    def test_count_a_key_once(self) -> None:
        late = utc_text(NOW - DAY / 2)
        close(
            make_trade("a", actions=[asked("a", 50.0)]),
            make_trade("again", actions=[asked("a", 50.0)], closed_at=late),
            make_trade("b", actions=[asked("b", 1.0)]),
        )

        assert sum(row.positions for row in HoldbackDay.objects.all()) == 2

    def test_follow_corrections_and_leave_out_backtests(self) -> None:
        close(
            make_trade("a", rr=1.0, actions=[(first := asked("a", 50.0))]),
            make_trade("b", actions=[asked("b", 1.0)]),
            make_trade("t", book="backtest", actions=[asked("t", 1.0)]),
        )
        close(make_correction("a", rr=3.0, actions=[first]))

        row = HoldbackDay.objects.get()
        assert row.positions == 2
        assert row.replayed == pytest.approx(0.3 / 0.95)

    def test_are_none_while_no_holdback_left_a_position_at_neutral(self) -> None:
        close(make_trade("a", actions=[asked("a", 50.0)]))

        assert holdback_contrast() is None

    def test_are_read_per_book(self) -> None:
        close(
            make_trade("a", book="live", actions=[asked("a", 50.0)]),
            make_trade("b", actions=[asked("b", 1.0)]),
        )

        whole, live = holdback_contrast(), holdback_contrast("live")
        assert whole is not None
        assert live is not None
        assert (whole.whole.trades, whole.served, whole.held_back) == (2, 1, 1)
        assert (live.served, live.held_back) == (1, 0)
        assert holdback_contrast("other") is None
