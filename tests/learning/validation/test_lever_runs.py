"""Levers measured over recorded trades: 320 of them, of which half gain by waiting two bars."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from learning.core.walk_forward.lever_gain import LeverVerdict
from learning.lessons.lever_evidence import newest_levers
from learning.models import LeverAlternative, LeverRun
from learning.tasks import levers_task
from learning.validation.lever_runs import measure_levers, request_levers
from telemetry.core.trades import Trade
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.models import OutboxMessage
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, NOW, action_payload, make_trade

DELAY = "entry_delay_bars"
LATER = NOW + timedelta(days=1)
pytestmark = pytest.mark.django_db


def told(count: int = 320, gain: float = 1.0) -> list[Trade]:
    """Return trades, three a day until the day before yesterday; those in Good gain by waiting two bars."""
    random = np.random.default_rng(3)
    trades = []
    for number in range(count):
        is_good = number % 2 == 0
        at = NOW - DAY * 3 - timedelta(hours=8) * (count - number)
        changes = random.normal(0, 0.2, 2) + np.array([0.0, gain * is_good])
        entry = action_payload(
            at=utc_text(at),
            scope={"macro_phase": "Good" if is_good else "Dip", "bucket": "micro"},
            counterfactuals={DELAY: {"1": round(float(changes[0]), 6), "2": round(float(changes[1]), 6)}},
        )
        times = {"opened_at": utc_text(at), "closed_at": utc_text(at + timedelta(hours=5))}
        trades.append(make_trade(f"t{number}", rr=float(random.normal()), actions=[entry], **times))
    return trades


def measured(now: Any = NOW) -> LeverRun:
    (row,) = measure_levers(module="pm", now=now)
    return row


class TestMeasurement:
    @pytest.fixture
    def row(self, db: None) -> LeverRun:
        record_trades(told(), now=NOW)
        return measured()

    def test_finds_what_is_planted(self, row: LeverRun) -> None:
        (found,) = newest_levers("pm")[DELAY]

        assert row.status == "done"
        assert (found.told, found.verdict, found.as_of) == (
            320,
            LeverVerdict.SUPPORTED,
            NOW.replace(hour=0, minute=0),
        )
        assert found.walk is not None
        assert found.walk.gain == pytest.approx(500, rel=0.2)
        one, two = found.alternatives
        assert (one.alternative, two.alternative, two.n) == ("1", "2", 320)
        assert two.mean == pytest.approx(0.5, abs=0.05)
        assert 0 < two.gain < two.mean
        assert two.lfsr < 0.05 < one.lfsr
        assert two.chosen > 0
        assert row.lines is not None
        assert found.lines == len(row.lines) > 0
        assert {line["scope"].get("macro_phase") for line in row.lines} == {"Good"}

    def test_is_made_once_a_day(self, row: LeverRun) -> None:
        assert measured(NOW + timedelta(hours=1)).pk == row.pk
        assert measured(LATER).pk != row.pk

    def test_made_again_replaces_what_an_attempt_left(self, row: LeverRun) -> None:
        before = list(LeverAlternative.objects.order_by("alternative").values("alternative", "gain", "lfsr"))
        LeverRun.objects.filter(pk=row.pk).update(status="failed")

        measured()

        assert list(LeverAlternative.objects.order_by("alternative").values("alternative", "gain", "lfsr")) == before


def test_few_trades_are_told_as_they_are() -> None:
    record_trades(told(12), now=NOW)

    measured()

    (found,) = newest_levers("pm")[DELAY]
    assert (found.verdict, found.walk, found.lines) == (LeverVerdict.TOO_FEW, None, 0)
    assert [(each.n, each.gain, each.lfsr, each.walk_gain) for each in found.alternatives] == [(12, 0.0, 0.5, None)] * 2
    assert found.alternatives[1].mean == pytest.approx(0.5, abs=0.2)


def test_nothing_told_is_measured_as_nothing() -> None:
    row = measured()

    assert (row.status, row.levers, row.lines) == ("done", {}, [])


def test_dm_has_no_levers_to_tune() -> None:
    assert measure_levers(module="dm", now=NOW) == []
    assert request_levers(module="dm", now=NOW) == []


def test_is_asked_for_at_once_and_measured_by_a_task() -> None:
    (row,) = request_levers(module="pm", now=NOW)
    assert (row.status, OutboxMessage.objects.filter(task="learning.levers").count()) == ("waiting", 1)

    levers_task(key=row.key, now=utc_text(NOW))

    assert LeverRun.objects.get().status == "done"


def test_facts_that_cannot_be_fitted_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from learning.core.evidence_method.blocks import BudgetExceeded

    def refuse(*_: object, **__: object) -> None:
        raise BudgetExceeded("scope: too many; drop one of them")

    record_trades(told(12), now=NOW)
    monkeypatch.setattr("learning.validation.measured_lever.walk_lever", refuse)

    row = measured()

    assert (row.status, row.error) == ("failed", "scope: too many; drop one of them")
    assert newest_levers("pm") == {}
