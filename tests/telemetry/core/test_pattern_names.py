"""The pattern key under which a bot asks is the one that an import of its trades has."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from telemetry.core.file_formats.file_rows import Defaults
from telemetry.core.file_formats.freqtrade_facts import Run
from telemetry.core.file_formats.freqtrade_trade import trade_payload
from telemetry.core.file_formats.spellings import NOTHING
from telemetry.core.pattern_names import pattern_key
from telemetry.core.vocabulary import read_pattern_key

NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=45).filter(
    lambda name: name.strip()
)
CLASSES = st.from_regex(r"[A-Z][A-Za-z0-9_]{1,60}", fullmatch=True).filter(lambda name: name.lower() not in NOTHING)


class TestPatternKey:
    @given(CLASSES, st.booleans(), st.one_of(st.none(), st.sampled_from(["nan", "None", " "]), NAMES))
    def test_is_that_of_the_imported_trade(self, strategy: str, is_short: bool, tag: str | None) -> None:
        trade = {
            "trade_id": 1, "pair": "BTC/USDT", "strategy": strategy, "is_short": is_short, "enter_tag": tag,
            "open_date": "2026-03-01 10:00:00", "close_date": "2026-03-01 14:00:00", "open_rate": 10.0,
            "profit_ratio": 0.05, "initial_stop_loss_ratio": -0.1,
        }  # fmt: skip
        asked = pattern_key(strategy, "short" if is_short else "long", tag)

        assert read_pattern_key(asked) == asked
        payload: dict[str, Any] = trade_payload(trade, Run(), Defaults())
        assert payload["actions"][0]["pattern_key"] == asked
