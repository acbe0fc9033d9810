from __future__ import annotations

from typing import Any

import pytest

from config.demo.archive import load
from config.demo.bars import Bars
from config.demo.trades import demo_trades


@pytest.fixture(scope="session")
def sample() -> list[Bars]:
    return load()


@pytest.fixture(scope="session")
def trades(sample: list[Bars]) -> list[dict[str, Any]]:
    return demo_trades(sample)
