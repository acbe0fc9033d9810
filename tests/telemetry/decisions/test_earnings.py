"""What levers earned: overrides, coefficients, cap and the rest apart, and together the total."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.contrib.auth.models import User

from telemetry.decisions.earnings import Earned, earned_by, earned_in, earned_lately
from telemetry.models import Attribution, AttributionShare, Trade
from telemetry.recording.record_trades import record_trades
from tests.builders import NOW, make_trades

pytestmark = pytest.mark.django_db

PARTS = (
    ("o" * 64, "l" * 64, 0.5),
    ("p" * 64, "m" * 64, -0.2),
    ("coefficients", "", 2.0),
    ("cap", "", -0.1),
    ("prior", "", 0.3),
)


def attributed(trade: Trade, *, residual: float = 0.0) -> Attribution:
    total = sum(share for *_, share in PARTS) + residual
    row = Attribution.objects.create(
        trade=trade, rr=1.0, total=total, carried=0.0, residual=residual, attributed_at=NOW
    )
    decision = uuid4()
    for override, line, share in PARTS:
        AttributionShare.objects.create(
            attribution=row, decision_id=decision, lever="x", override_id=override, line_id=line, part=0.1, share=share
        )
    return row


@pytest.fixture
def trades() -> list[Trade]:
    record_trades(make_trades([1.0, 1.0]), now=NOW)
    return list(Trade.objects.order_by("pk"))


class TestEarned:
    def test_sums_each_kind_apart(self, trades: list[Trade]) -> None:
        for trade in trades:
            attributed(trade)

        found = earned_by(AttributionShare.objects.all())

        sums = [found.overrides, found.coefficients, found.cap, found.rest]
        assert sums == pytest.approx([0.6, 4.0, -0.2, 0.6])
        assert found.answers == 2

    def test_of_one_trade_adds_up_to_its_total(self, trades: list[Trade]) -> None:
        row = attributed(trades[0], residual=0.05)

        found = earned_in(row, row.shares.all())

        sums = [found.overrides, found.coefficients, found.cap, found.rest]
        assert sums == pytest.approx([0.3, 2.0, -0.1, 0.35])
        assert found.answers == 1

    def test_of_nothing_is_nothing(self) -> None:
        found = earned_by(AttributionShare.objects.all())

        assert (found.is_nothing, found.answers) == (True, 0)

    def test_lately_counts_the_trades_that_were_attributed_last(self, trades: list[Trade], author: User) -> None:
        for trade in trades:
            attributed(trade)

        rows = User.objects.filter(pk=author.pk)
        one, both = (rows.values_list(earned_lately(number))[0][0] for number in (1, 9))

        assert Earned(**one).overrides == pytest.approx(0.3)
        assert Earned(**both).overrides == pytest.approx(0.6)
