"""What is known of proposed weights when they are drafted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from learning.coefficients.coefficient_evidence import coefficient_evidence, measure_coefficients
from learning.coefficients.coefficient_memory import update_coefficients
from learning.coefficients.proposed_weights import weigh_all
from learning.models import Coefficient, WalkForward
from learning.proposals.materialize import materialize
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, NOW
from tests.learning.coefficients.test_coefficient_memory import allocated

pytestmark = pytest.mark.django_db


def trade_for_ten_days() -> None:
    """Record allocations on two chains for ten days: one wins, the other loses, each day by another amount."""
    for day in range(1, 11):
        for chain, sign in (("base", 1.0), ("solana", -1.0)):
            trades = [allocated(f"{chain} {day} {n}", sign * (1 + day / 10), day, {"chain": chain}) for n in range(4)]
            record_trades(trades, now=NOW)
    update_coefficients(now=NOW)


def test_has_trades_days_interval_and_means_of_each_weight() -> None:
    trade_for_ten_days()
    _, fresh = weigh_all(at=NOW)

    found = coefficient_evidence(["chain=base"], at=NOW)

    base = found["chain=base"]
    assert (base["n"], base["short"], base["long"]) == (40, fresh["chain=base"].short, fresh["chain=base"].long)
    assert 8 < base["days"] <= 10
    assert base["low"] < fresh["chain=base"].weight <= base["high"]


def test_counts_the_moved_weights_in_noise_too() -> None:
    trade_for_ten_days()

    verdict = coefficient_evidence(["chain=base"], at=NOW)[""]

    assert (verdict["found"], verdict["tested"], len(verdict["twins"])) == (2, 2, 5)
    assert "2 moved weights were found in 2 tested values" in verdict["sentence"]


def test_is_stored_with_the_request_that_proposes_the_weights() -> None:
    trade_for_ten_days()

    request = materialize(module="dm", now=NOW)

    assert request is not None
    stored = request.evidence.get().parsed["coefficients"]
    assert set(stored) == {"", "chain=base", "chain=solana"}
    assert stored["chain=base"]["n"] == 40


def walked(gains: dict[str, Any], uplift: dict[str, float] | None, **over: Any) -> WalkForward:
    """Store a finished walk-forward run of dm with this result for the coefficients."""
    columns: dict[str, Any] = {
        "key": f"{len(gains)}{over}"[:64], "module": "dm", "policy": "plan", "combiner": "plan", "folds": 8,
        "as_of": NOW, "n_outcomes": 80, "parameters": {}, "code_version": "x", "status": "done", "asked_at": NOW,
        "seen_at": NOW,
        "figures": {"coefficients": {"uplift": uplift, "weights": gains}},
    }  # fmt: skip
    return WalkForward.objects.create(**columns | over)


GAIN = {"gain": 4.5, "low": 1.0, "high": 8.0, "n": 30, "days": 12, "folds": 2}
ABOVE = {"mean": 9.0, "low": 2.0, "high": 16.0}


def test_has_the_newest_walk_forward_of_each_weight_and_of_all_together() -> None:
    trade_for_ten_days()
    walked({"chain=base": GAIN | {"gain": -1.0}}, None, asked_at=NOW - DAY)
    walked({"chain=base": GAIN}, ABOVE)
    walked({}, None, asked_at=NOW + DAY, figures={"uplift": None})  # computed before coefficients were walked

    found = coefficient_evidence(["chain=base", "chain=solana"], at=NOW)

    assert (found["chain=base"]["walk"], found["chain=solana"]["walk"]) == (GAIN, None)
    assert found[""]["walk"] == ABOVE
    assert found[""]["walk_as_of"] == "2026-03-02T12:00:00Z"
    assert "the walk-forward is above zero (+9.0 R per 1,000 trades" in found[""]["sentence"]


def test_counts_the_twins_in_which_a_weight_is_as_far_from_one() -> None:
    trade_for_ten_days()
    record_trades([allocated(f"flat {n}", 0.0, 1 + n % 10, {"chain": "flat"}) for n in range(40)], now=NOW)
    update_coefficients(now=NOW)

    found = coefficient_evidence(["chain=base", "chain=flat"], at=NOW)

    assert found["chain=base"]["twins"] == {"as_far": 0, "of": 5}
    assert found["chain=flat"]["twins"]["as_far"] >= 4


def test_is_measured_for_every_weight_once_an_hour() -> None:
    trade_for_ten_days()
    walked({"chain=base": GAIN}, ABOVE)

    assert measure_coefficients(now=NOW) == 3
    assert measure_coefficients(now=NOW + timedelta(minutes=59)) == 0
    assert measure_coefficients(now=NOW + timedelta(minutes=60)) == 3

    known = coefficient_evidence(["chain=base"], at=NOW + timedelta(minutes=60))
    base, solana = (Coefficient.objects.get(key=key) for key in ("base", "solana"))
    one = known["chain=base"]
    assert (base.low, base.high, base.effective_days) == (one["low"], one["high"], one["days"])
    assert (base.walk_gain, base.evidence) == (4.5, {"twins": {"as_far": 0, "of": 5}, "walk": GAIN})
    assert solana.walk_gain is None
    assert solana.evidence == {"twins": {"as_far": 0, "of": 5}, "walk": None}
    assert Coefficient.objects.get(key="").evidence == known[""]


def test_is_measured_again_after_a_walk_forward() -> None:
    trade_for_ten_days()
    measure_coefficients(now=NOW)
    walked({"chain=base": GAIN}, ABOVE)

    assert measure_coefficients(now=NOW + timedelta(minutes=5)) == 3
    assert Coefficient.objects.get(key="base").walk_gain == 4.5


def test_is_measured_of_nothing_without_trades() -> None:
    assert measure_coefficients(now=NOW) == 0


def test_stays_when_memories_are_updated() -> None:
    trade_for_ten_days()
    measure_coefficients(now=NOW)
    record_trades([allocated("one more", 1.0, 0.5, {"chain": "base"})], now=NOW)

    update_coefficients(now=NOW)

    base = Coefficient.objects.get(key="base")
    assert (base.n, base.measured_at) == (41, NOW)
    assert base.low is not None


@pytest.mark.django_db
def test_is_empty_without_trades_or_weights() -> None:
    assert coefficient_evidence([], at=NOW) == {}
    assert coefficient_evidence(["chain=base"], at=NOW) == {}
