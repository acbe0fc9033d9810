"""What an older format did not know and is neutral is left out of what is computed today, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from overrides.core.engine.definitions.formats import FIRST, Format
from overrides.core.monitoring.replaying.format_view import stored_as

OLDER = Format(
    levers=tuple(name for name in FIRST.levers if name != "entry_delay_bars"),
    learned=FIRST.learned,
    recorded=FIRST.recorded,
    factors=tuple(name for name in FIRST.factors if name != "w_var"),
)
CONTRIBUTION = {"id": "a", "w_edge": 1.0, "w_n": 0.5, "w_var": 1.0, "w_total": 0.5, "parts": {"size_mult": 0.1}}
LEVERS = {"size_mult": {"served": 1.0}, "entry_delay_bars": {"served": 0.0}}


def computed(**over: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "reason": "SINGLE", "flags": ("STEP_LIMITED",), "levers": LEVERS, "contributions": [CONTRIBUTION],
        "challenger": None,
    }  # fmt: skip
    return fields | over


class TestStoredAs:
    def test_is_everything_of_a_format_that_knew_it(self) -> None:
        assert stored_as(FIRST, computed()) == computed()

    def test_leaves_out_a_lever_at_neutral(self) -> None:
        assert stored_as(OLDER, computed())["levers"] == {"size_mult": {"served": 1.0}}

    @pytest.mark.parametrize("detail", [{"served": 0.2}, {"served": 0.0, "target": 0.0, "value": 0.0}])
    def test_keeps_a_lever_that_is_not_neutral_or_was_moved(self, detail: dict[str, float]) -> None:
        levers = LEVERS | {"entry_delay_bars": detail}

        assert stored_as(OLDER, computed(levers=levers))["levers"] == levers

    @pytest.mark.parametrize("value", [1.0, None])
    def test_leaves_out_a_factor_of_one_and_one_that_is_not_weighed(self, value: float | None) -> None:
        [found] = stored_as(OLDER, computed(contributions=[CONTRIBUTION | {"w_var": value}]))["contributions"]

        assert found == {name: each for name, each in CONTRIBUTION.items() if name != "w_var"}

    @pytest.mark.parametrize("value", [0.999999999999, 0.0, 1.1])
    def test_keeps_a_factor_that_weighs(self, value: float) -> None:
        contribution = CONTRIBUTION | {"w_var": value}

        assert stored_as(OLDER, computed(contributions=[contribution]))["contributions"] == [contribution]

    def test_looks_at_the_challengers_levers_too(self) -> None:
        challenger = {"reason": "SINGLE", "levers": LEVERS}

        found = stored_as(OLDER, computed(challenger=challenger))["challenger"]

        assert found == {"reason": "SINGLE", "levers": {"size_mult": {"served": 1.0}}}

    def test_leaves_out_only_levers_and_factors(self) -> None:
        assert stored_as(OLDER, computed())["flags"] == ("STEP_LIMITED",)
        assert stored_as(OLDER, {"effect": {"entry_delay_bars": {"m": 1.0}}}) == {
            "effect": {"entry_delay_bars": {"m": 1.0}}
        }
