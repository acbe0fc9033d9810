"""What a holdback held back and served, counted from decisions and the trades that name them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from overrides.core.engine.definitions.holdback import is_held_back
from overrides.core.monitoring.days.uneven_draw import is_uneven
from overrides.monitoring.earning import holdback_counts as counting
from overrides.monitoring.earning.holdback_counts import holdback_counts
from overrides.serving.engine import load_engine
from overrides.serving.holdback import holdback_secret
from overrides.serving.resolve import resolve_one
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import record_decisions
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import Attribution, AttributionShare, DecisionOutcome
from telemetry.recording.record_trades import record_trades
from tests.builders import NOW, action_payload, make_question, make_spec, make_trade, publish, set_mode
from tests.shared_world import Shared

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(days=1)
KEYS = [f"BTC/USDT {number}" for number in range(40)]


def furnish() -> None:
    publish(make_spec())
    set_mode("on", holdback_percent=20)


@pytest.fixture(scope="module", autouse=True)
def world(shared: Shared) -> Iterator[None]:
    with shared(furnish):
        yield


def ask(*keys: str | None, at: datetime = NOW) -> list[str]:
    """Ask about positions, and return the ids of the decisions."""
    engine = load_engine("pm")
    questions = [make_question(at=utc_text(at), **({} if key is None else {"position_key": key})) for key in keys]
    records = [resolve_one(question, engine, now=at).record for question in questions]
    record_decisions(records)
    return [str(each.decision_id) for each in records]


def trade(name: str, *decisions: str) -> None:
    """Record a trade of one entry that names the decisions, and attribute it."""
    actions: list[Any] = [action_payload(at=utc_text(NOW), decision_ids=[each]) for each in decisions]
    times = {"opened_at": utc_text(NOW), "closed_at": utc_text(NOW)}
    record_trades([make_trade(external_id=name, actions=actions, **times)], now=NOW)
    attribute_trades(now=NOW)


def held() -> list[str]:
    return [key for key in KEYS if is_held_back(holdback_secret(), key, 20)]


class TestHoldbackCounts:
    def test_counts_positions_and_not_answers(self) -> None:
        ask(*KEYS, *KEYS, None)

        found = holdback_counts("pm", LATER)

        asked, traded = found.rows
        assert (found.answers, found.keyless, found.mixed) == (81, 1, 0)
        assert (asked.positions, asked.held, asked.expected) == (40, len(held()), 20.0)
        assert (traded.positions, traded.held, traded.share, traded.expected) == (0, 0, None, None)

    def test_counts_the_positions_that_closed_trades_name_and_trades_of_several(self) -> None:
        ids = dict(zip(KEYS, ask(*KEYS), strict=True))
        trade("a", ids[KEYS[0]])
        trade("b", ids[KEYS[1]], ids[KEYS[2]])

        found = holdback_counts("pm", LATER)

        assert (found.rows[1].positions, found.mixed) == (3, 1)

    def test_counts_who_asks_again_under_another_key_after_a_held_back_answer(self) -> None:
        """Eight positions are held back and asked about again under a key that is served; thirty are served at once."""
        is_held = {f"{n}": is_held_back(holdback_secret(), f"{n}", 20) for n in range(400)}
        shopped, served = [key for key in is_held if is_held[key]][:8], [key for key in is_held if not is_held[key]]
        for number, key in enumerate(shopped + served[:30]):
            ask(*([key, served[-1]] if is_held[key] else [key]), at=NOW + timedelta(hours=number))

        again = holdback_counts("pm", LATER + timedelta(days=1)).again

        assert (again.held, again.held_again, again.served, again.served_again) == (8, 8, 38, 0)
        assert again.is_more_often

    def test_counts_nobody_who_asks_twice_about_the_same_position(self) -> None:
        for number, key in enumerate(KEYS):
            ask(key, key, at=NOW + timedelta(hours=number))

        again = holdback_counts("pm", LATER + timedelta(days=1)).again

        assert (again.held_again, again.served_again, again.is_more_often) == (0, 0, False)

    def test_leaves_out_other_modules_and_answers_from_before(self) -> None:
        ask(*KEYS)

        assert holdback_counts("dm", LATER).answers == 0
        assert holdback_counts("pm", NOW + timedelta(days=31)).answers == 0

    def test_says_how_far_it_looked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(counting, "MOST_ANSWERS", 10)
        ask(*KEYS)

        found = holdback_counts("pm", LATER)

        assert (found.answers, found.is_cut) == (10, True)


def test_a_trade_of_a_position_held_back_is_attributed_nothing_and_its_outcome_is_kept() -> None:
    (decision,) = ask(held()[0])
    trade("held", decision)

    (outcome,) = DecisionOutcome.objects.all()
    assert (str(outcome.decision_id), outcome.misfit) == (decision, "")
    assert outcome.unattributed
    assert Attribution.objects.count() == 1
    assert not AttributionShare.objects.exists()


@pytest.mark.parametrize(
    ("held_back", "positions", "percent", "expected"),
    [(0, 400, 5.0, True), (20, 400, 5.0, False), (40, 400, 5.0, True), (0, 99, 20.0, False), (5, 400, 0.0, False)],
)
def test_a_share_far_from_the_draw_is_uneven(held_back: int, positions: int, percent: float, expected: bool) -> None:
    assert is_uneven(held_back, positions, percent) is expected
