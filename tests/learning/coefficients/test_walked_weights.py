"""The walk-forward of coefficients from rows: the weights of a fold are those that the product would have proposed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from learning.coefficients.coefficient_memory import update_coefficients
from learning.coefficients.proposed_weights import proposed_weights
from learning.coefficients.walked_weights import WalkedWeights, walked_weights
from learning.models import WalkForward
from learning.validation.walk_forward_runs import CHOICES, walk_forward
from overrides.core.engine.definitions.vocabulary import LearningMethod
from telemetry.models import Outcome
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, NOW
from tests.learning.coefficients.test_coefficient_memory import allocated

pytestmark = pytest.mark.django_db

DAYS = 80
SINCE = NOW.replace(hour=0, minute=0) - DAY * DAYS
EVIDENCE = [choice for choice in CHOICES if choice.policy is LearningMethod.EVIDENCE]


def trades_of(first: int, last: int) -> list[Any]:
    """Return four allocations on each of these days, opened a day before they close; two timeframes differ."""
    made = []
    for day in range(first, last):
        for number in range(4):
            timeframe, chain = ("1h", "4h")[number % 2], ("base", "sol")[number // 2]
            rr = (0.5 if number % 2 else -0.5) + 0.3 * float(np.sin(7 * day + number))
            age = (NOW - (SINCE + DAY * (day + 1) + timedelta(hours=3 + number))) / DAY
            made.append(allocated(f"t{day}-{number}", rr, age, {"timeframe": timeframe, "chain": chain}))
    return made


def walked(folds: int = 1) -> WalkForward:
    [row] = walk_forward(module="dm", choices=EVIDENCE, folds=folds, now=NOW)
    assert row.figures is not None
    return row


def test_are_those_that_the_product_proposes_at_the_start_of_the_fold() -> None:
    record_trades(trades_of(0, DAYS - 2), now=NOW)
    figures = walked().figures
    assert figures is not None
    [fold] = figures["folds"]
    start = datetime.fromtimestamp(86_400 * fold["start_day"], NOW.tzinfo)
    later = [f"t{day}-{n}" for day in range(DAYS) for n in range(4) if SINCE + DAY * (day + 1) >= start]
    Outcome.objects.filter(trade__external_id__in=later).delete()
    update_coefficients(now=start)

    proposed = proposed_weights(module="dm", at=start)["coefficients"]

    gains = figures["coefficients"]["weights"]
    assert set(gains) == set(proposed) >= {"timeframe=1h", "timeframe=4h"}
    decided = [each for each in trades_of(0, DAYS - 2) if each.actions[0].at >= start]
    outcomes = np.array([each.rr for each in decided])
    for name, weight in proposed.items():
        lever, _, value = name.partition("=")
        size = np.array([weight if each.actions[0].scope[lever] == value else 1.0 for each in decided])
        gain = float(((size / size.mean() - 1) * (outcomes - outcomes.mean())).sum())
        assert (gains[name]["gain"], gains[name]["n"]) == (pytest.approx(gain, abs=1e-4), int((size != 1).sum()))


def test_cover_a_dimension_that_no_lesson_is_learned_from() -> None:
    """The outcomes differ by timeframe alone; the lessons of a run do not see it, and its coefficient does."""
    record_trades(trades_of(0, DAYS - 2), now=NOW)

    walked(4)

    found = walked_weights()
    assert found.as_of == NOW
    assert found.voice is not None
    assert found.voice.mean > 0
    assert found.gains["timeframe=4h"]["low"] > 0
    assert "chain=base" not in found.gains or abs(found.gains["chain=base"]["gain"]) < 1


def test_are_empty_before_a_run_and_of_pm() -> None:
    walk_forward(module="pm", choices=EVIDENCE, now=NOW)

    assert walked_weights() == WalkedWeights()
