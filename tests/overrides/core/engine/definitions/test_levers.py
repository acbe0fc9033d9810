from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.definitions.levers import LEVERS, Lever, levers_of
from overrides.core.engine.definitions.vocabulary import CHANNEL_MODULE, MODULE_CATEGORIES, Blend, Channel

EVERY = pytest.mark.parametrize("lever", LEVERS.values(), ids=lambda lever: lever.name)


class TestRegistry:
    @EVERY
    def test_bounds_contain_neutral(self, lever: Lever) -> None:
        assert lever.low <= lever.neutral <= lever.high
        assert lever.max_step > 0

    @EVERY
    def test_names_categories_of_its_module_only(self, lever: Lever) -> None:
        categories = MODULE_CATEGORIES[CHANNEL_MODULE[lever.channel]]

        assert set(lever.categories) <= set(categories)
        assert set(lever.scales_on) <= set(lever.categories)
        assert lever.raises_exposure in (-1, 1)

    def test_holds_the_plans_table(self) -> None:
        table = {lever.name: (lever.neutral, lever.low, lever.high, lever.max_step) for lever in LEVERS.values()}

        assert table == {
            "alloc_mult": (1, 0.7, 1.3, 0.02),
            "size_mult": (1, 0.7, 1.3, 0.02),
            "entry_aggression_mult": (1, 0.8, 1.2, 0.02),
            "exit_aggression_mult": (1, 0.8, 1.2, 0.02),
            "phase1_frac_mult": (1, 0.5, 1.5, 0.02),
            "trim_delay_mult": (1, 0.5, 2.0, 0.02),
            "trail_mult": (1, 0.5, 2.0, 0.02),
            "entry_delay_bars": (0, 0, 5, 0.2),
            "min_ts_for_add": (0.6, 0, 1, 0.05),
            "min_ox_for_trim": (0.65, 0, 1, 0.05),
            "min_dx_for_add": (0.6, 0, 1, 0.05),
            "max_edx_for_add": (0.7, 0, 1, 0.05),
            "panic_trigger_mult": (1, 0.5, 2.0, 0.02),
            "wait_n_bars_after_trim": (0, 0, 12, 0.2),
            "phase_scaling_s1": (1, 0.5, 1.5, 0.02),
            "phase_scaling_s2": (1, 0.5, 1.5, 0.02),
            "phase_scaling_s3": (1, 0.5, 1.5, 0.02),
        }

    @EVERY
    def test_says_in_words_what_a_lever_is_and_what_a_larger_value_does(self, lever: Lever) -> None:
        assert "; larger " in lever.words

    @pytest.mark.parametrize(
        ("name", "category", "side"),
        [
            ("min_dx_for_add", "add", -1),
            ("max_edx_for_add", "add", 1),
            ("panic_trigger_mult", "exit", 1),
            ("trail_mult", "exit", 1),
            ("wait_n_bars_after_trim", "trim", -1),
            ("phase_scaling_s2", "add", 1),
        ],
    )
    def test_says_which_side_of_a_lever_of_the_map_is_more_exposure(self, name: str, category: str, side: int) -> None:
        assert category in LEVERS[name].categories
        assert LEVERS[name].exposure(category) == side

    def test_groups_tuning_as_execution_and_the_rest_as_capital(self) -> None:
        groups = {lever.group for lever in LEVERS.values() if lever.channel is not Channel.PM_TUNING}

        assert groups == {"capital_levers"}
        assert LEVERS["trail_mult"].group == "execution_levers"

    def test_gives_an_exit_no_size(self) -> None:
        assert "size_mult" not in {lever.name for lever in levers_of("pm", "exit")}

    def test_has_no_levers_for_a_pair_that_does_not_exist(self) -> None:
        assert levers_of("dm", "entry") == ()

    def test_says_that_a_larger_trim_lowers_exposure(self) -> None:
        assert LEVERS["size_mult"].exposure("trim") == -1
        assert LEVERS["size_mult"].exposure("add") == 1


class TestUnits:
    @EVERY
    def test_put_neutral_at_zero(self, lever: Lever) -> None:
        assert lever.unit(lever.neutral) == 0.0
        assert lever.value_at(0.0) == lever.neutral

    @given(name=st.sampled_from(sorted(LEVERS)), share=st.floats(0, 1))
    def test_lead_there_and_back(self, name: str, share: float) -> None:
        lever = LEVERS[name]
        value = lever.low + share * (lever.high - lever.low)

        assert lever.value_at(lever.unit(value)) == pytest.approx(value, rel=1e-14, abs=1e-14)

    @given(unit=st.floats(-1e9, 1e9))
    def test_stay_finite_whatever_the_sum(self, unit: float) -> None:
        assert 0.0 < LEVERS["size_mult"].value_at(unit) < float("inf")

    @given(name=st.sampled_from(sorted(LEVERS)), share=st.floats(0.01, 1))
    def test_reach_one_step_up_and_back_down(self, name: str, share: float) -> None:
        lever = LEVERS[name]
        start = lever.low + share * (lever.high - lever.low)

        low, high = lever.reach(start, lever.max_step)

        assert low < start < high
        if lever.blend is Blend.LOG:
            assert low * high == pytest.approx(start**2, rel=1e-14)
