"""Whom a change reaches: those that are served, or those that a change of mode brings to service or takes out of it."""

from __future__ import annotations

import pytest

from overrides.core.engine.definitions.serving_mode import Mode, ServingMode
from overrides.core.impact.served_share import ServedShare, share_served

OFF, SHADOW, ON = ServingMode(), ServingMode(Mode.SHADOW), ServingMode(Mode.ON)
QUARTER = ServingMode(Mode.ON, 25)
BIG_ONLY = ServingMode(Mode.ON, allow={"bucket": ("big",)})
BIG, MICRO = {"bucket": "big"}, {"bucket": "micro"}


class TestShareServed:
    @pytest.mark.parametrize(("mode", "share"), [(OFF, 0.0), (SHADOW, 0.0), (QUARTER, 0.25), (ON, 1.0)])
    def test_is_the_roll_out_of_a_module_that_is_on(self, mode: ServingMode, share: float) -> None:
        assert share_served(mode, BIG) == share

    def test_is_nothing_in_a_scope_that_is_not_allowed(self) -> None:
        assert (share_served(BIG_ONLY, BIG), share_served(BIG_ONLY, MICRO), share_served(BIG_ONLY, {})) == (1, 0, 0)


class TestBetween:
    @pytest.mark.parametrize(
        ("before", "after", "share", "serves_more"),
        [
            (OFF, ON, 1.0, True),
            (ON, OFF, 1.0, False),
            (SHADOW, QUARTER, 0.25, True),
            (QUARTER, ON, 0.75, True),
            (ON, QUARTER, 0.75, False),
            (OFF, SHADOW, 0.0, True),
        ],
    )
    def test_is_the_difference_of_both_shares(
        self, before: ServingMode, after: ServingMode, share: float, serves_more: bool
    ) -> None:
        found, is_more = ServedShare.between(before, after)

        assert (found.of(MICRO), is_more) == (share, serves_more)

    def test_an_allow_list_serves_less(self) -> None:
        found, serves_more = ServedShare.between(ON, BIG_ONLY)

        assert not serves_more
        assert (found.of(BIG), found.of(MICRO)) == (0.0, 1.0)
