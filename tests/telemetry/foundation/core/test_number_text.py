from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.foundation.core.number_text import fixed, plain, signed, typeset

NUMBERS = st.floats(-1e9, 1e9)


class TestTypeset:
    @given(NUMBERS)
    def test_leaves_no_hyphen_and_no_other_change(self, value: float) -> None:
        text = typeset(f"{value:+.3e}")

        assert "-" not in text
        assert float(text.replace("\N{MINUS SIGN}", "-")) == float(f"{value:+.3e}")


class TestSigned:
    @given(NUMBERS.filter(lambda value: abs(value) > 1e-9))
    def test_says_the_sign_of_what_plain_says(self, value: float) -> None:
        assert signed(value).lstrip("+") == plain(value)
        assert signed(value)[0] in "+\N{MINUS SIGN}"

    def test_gives_no_sign_to_a_zero(self) -> None:
        assert [signed(value) for value in (0.0, -0.0, 1e-14)] == ["0", "0", "0"]


class TestFixed:
    @given(NUMBERS)
    def test_is_the_number_to_the_decimals_asked_for(self, value: float) -> None:
        assert float(fixed(value, 3).replace("\N{MINUS SIGN}", "-")) == pytest.approx(value, abs=6e-4)

    def test_of_almost_nothing_has_no_sign(self) -> None:
        assert fixed(-0.0004, 3) == "0.000"
