"""What is known of proposed weights when they are drafted."""

from __future__ import annotations

import pytest

from learning.coefficients.coefficient_evidence import coefficient_evidence
from learning.coefficients.coefficient_memory import update_coefficients
from learning.coefficients.proposed_weights import weigh_all
from learning.proposals.materialize import materialize
from telemetry.recording.record_trades import record_trades
from tests.builders import NOW
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


@pytest.mark.django_db
def test_is_empty_without_trades_or_weights() -> None:
    assert coefficient_evidence([], at=NOW) == {}
    assert coefficient_evidence(["chain=base"], at=NOW) == {}
