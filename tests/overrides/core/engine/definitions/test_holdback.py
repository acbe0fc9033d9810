from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.definitions.holdback import holdback_draw, is_held_back

SECRET = bytes(range(32))
KEYS = [f"BTC/USDT 2026-{number}" for number in range(20_000)]


class TestHoldbackDraw:
    @given(key=st.text(max_size=200), secret=st.binary(max_size=64))
    def test_is_a_percentage_of_six_decimals(self, key: str, secret: bytes) -> None:
        draw = holdback_draw(secret, key)

        assert 0.0 <= draw < 100.0
        assert round(draw, 6) == draw

    def test_never_changes(self) -> None:
        assert [holdback_draw(SECRET, key) for key in ("", "a", "\ud800")] == [82.634365, 31.799108, 72.261062]

    def test_differs_with_the_secret(self) -> None:
        first, second = ({key for key in KEYS if is_held_back(secret, key, 10)} for secret in (SECRET, b"another"))

        assert 100 < len(first & second) < 300  # a tenth of a tenth

    @pytest.mark.parametrize("percent", [1, 5, 20])
    def test_holds_back_the_share_that_was_asked_for(self, percent: float) -> None:
        held = sum(is_held_back(SECRET, key, percent) for key in KEYS)
        spread = (len(KEYS) * percent / 100 * (1 - percent / 100)) ** 0.5

        assert abs(held - len(KEYS) * percent / 100) < 4 * spread

    @given(key=st.text(max_size=50), percent=st.floats(0, 20), more=st.floats(0, 20))
    def test_a_smaller_share_is_part_of_a_larger_one(self, key: str, percent: float, more: float) -> None:
        if is_held_back(SECRET, key, percent):
            assert is_held_back(SECRET, key, percent + more)

    def test_holds_nothing_back_at_0(self) -> None:
        assert not any(is_held_back(SECRET, key, 0) for key in KEYS)
