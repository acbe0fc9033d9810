"""Arms of a lever: what is refused, and draws that are uniform, fixed and independent of each other."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.definitions.arms import Arm, ArmDraw, arm_draws, checked_arms
from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.engine.definitions.holdback import holdback_draw
from overrides.core.engine.definitions.levers import LEVERS

SECRET = bytes(range(32))
KEYS = [f"BTC/USDT 2026-{number}" for number in range(20_000)]
DELAY: dict[str, Any] = {
    "alternative": 2.0, "probability": 0.3, "share_percent": 50.0, "rr_per_week": 5.0, "rr_per_position": 0.5
}  # fmt: skip


class TestAnArm:
    def test_is_read_from_its_document_and_written_back(self) -> None:
        arms = checked_arms({"entry_delay_bars": DELAY | {"alternative": 2}})

        assert arms == {"entry_delay_bars": Arm(2.0, 0.3, 50.0, 5.0, 0.5)}
        assert arms["entry_delay_bars"].to_document() == DELAY

    @pytest.mark.parametrize("lever", [name for name, lever in LEVERS.items() if lever.scales_on])
    def test_of_a_lever_that_scales_is_refused_with_the_reason(self, lever: str) -> None:
        with pytest.raises(FieldError, match=rf"arms\.{lever}: its effect is known exactly"):
            checked_arms({lever: DELAY | {"alternative": 1.0}})

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("alternative", 5.5, r"alternative: must be 0 to 5"),
            ("alternative", None, r"alternative: None is not a number"),
            ("alternative", float("nan"), "not finite"),
            ("probability", 0.09, r"probability: must be 0\.1 to 0\.5"),
            ("probability", 0.51, r"probability: must be 0\.1 to 0\.5"),
            ("probability", True, "not a number"),
            ("share_percent", 0, r"share_percent: must be 0\.01 to 100"),
            ("share_percent", 101, r"share_percent: must be"),
            ("rr_per_week", 0, r"rr_per_week: must be"),
            ("rr_per_position", 5.5, r"rr_per_position: is more than rr_per_week"),
            ("probability", 0.1234567, "more than six decimals"),
            ("seed", 1, r"seed: unknown name"),
        ],
    )
    def test_with_an_impossible_value_is_refused_by_its_field(self, field: str, value: object, words: str) -> None:
        with pytest.raises(FieldError, match=rf"arms\.entry_delay_bars.*{words}"):
            checked_arms({"entry_delay_bars": DELAY | {field: value}})

    @pytest.mark.parametrize("missing", DELAY)
    def test_that_lacks_a_field_is_refused(self, missing: str) -> None:
        with pytest.raises(FieldError, match=f"{missing}: missing"):
            checked_arms({"entry_delay_bars": {name: value for name, value in DELAY.items() if name != missing}})

    @pytest.mark.parametrize("arms", [[], None, "x", {"moon_mult": DELAY}, {"trail_mult": 1}])
    def test_that_is_none_is_refused(self, arms: object) -> None:
        with pytest.raises(FieldError, match="arms"):
            checked_arms(arms)


class TestTheDraws:
    @given(key=st.text(max_size=200), secret=st.binary(max_size=64), lever=st.sampled_from(sorted(LEVERS)))
    def test_are_those_of_the_hash_by_hand(self, key: str, secret: bytes, lever: str) -> None:
        message = b"arm\0" + lever.encode() + b"\0" + key.encode("utf-8", "surrogatepass")
        whole = int.from_bytes(hmac.digest(secret, message, sha256)[:16])
        share, arm = (whole >> 64) >> 11, (whole & (2**64 - 1)) >> 11

        assert arm_draws(secret, lever, key) == (share * 10**8 // 2**53 / 1e6, arm * 10**8 // 2**53 / 1e8)

    def test_never_change(self) -> None:
        assert [arm_draws(SECRET, "trail_mult", key) for key in ("", "a", "\ud800")] == [
            (94.084243, 0.30992502),
            (32.162109, 0.01755128),
            (15.134345, 0.71439531),
        ]

    @pytest.mark.parametrize("lever", ["trail_mult", "entry_delay_bars"])
    def test_reach_the_share_and_the_probability_that_were_asked_for(self, lever: str) -> None:
        drawn = [arm_draws(SECRET, lever, key) for key in KEYS]
        explored = [arm for share, arm in drawn if share < 20]

        assert abs(len(explored) - 4000) < 4 * (20_000 * 0.2 * 0.8) ** 0.5
        assert abs(sum(arm < 0.3 for arm in explored) - 0.3 * len(explored)) < 4 * (len(explored) * 0.21) ** 0.5

    def test_of_two_levers_and_of_the_holdback_are_independent(self) -> None:
        """Each pair of draws below a half: a quarter of the keys, within four standard errors."""
        columns = [
            [arm_draws(SECRET, "trail_mult", key)[1] < 0.5 for key in KEYS],
            [arm_draws(SECRET, "trail_mult", key)[0] < 50 for key in KEYS],
            [arm_draws(SECRET, "entry_delay_bars", key)[1] < 0.5 for key in KEYS],
            [holdback_draw(SECRET, key) < 50 for key in KEYS],
        ]
        for at, one in enumerate(columns):
            for other in columns[:at]:
                both = sum(each and also for each, also in zip(one, other, strict=True))
                assert abs(both - 5000) < 4 * (20_000 * 0.25 * 0.75) ** 0.5


class TestADraw:
    ARM = Arm.checked("entry_delay_bars", DELAY)

    @pytest.mark.parametrize(
        ("share_draw", "draw", "admitted", "value"),
        [(49.9, 0.29, True, 2.0), (49.9, 0.3, True, 0.2), (50.0, 0.0, True, 0.2), (0.0, 0.0, False, 0.2)],
    )
    def test_serves_the_alternative_only_where_everything_allows_it(
        self, share_draw: float, draw: float, admitted: bool, value: float
    ) -> None:
        assert ArmDraw(self.ARM, share_draw, draw, admitted, 0.0).beside(0.2).value == value

    def test_is_read_from_what_a_decision_stores(self) -> None:
        draw = ArmDraw(self.ARM, 12.5, 0.125, True, 1.5, 0.2)

        assert ArmDraw.from_document(draw.to_document()) == draw
        with pytest.raises(KeyError):
            ArmDraw.from_document({})
