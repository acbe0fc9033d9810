from __future__ import annotations

from typing import Any

import pytest

from config.demo.backtest.closed_trades import demo_trades
from config.demo.market.archive import load
from telemetry.core.market_context.bars import Bars


@pytest.fixture(scope="session")
def sample() -> list[Bars]:
    return load()


@pytest.fixture(scope="session")
def trades(sample: list[Bars]) -> list[dict[str, Any]]:
    return demo_trades(sample)
