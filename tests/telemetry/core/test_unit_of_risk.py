from __future__ import annotations

import json
from typing import Any

import pytest

from telemetry.core.file_formats.exclusions import FORCED, NO_BARS, NO_STOP
from telemetry.core.file_formats.measured_rows import choose_units, measured
from telemetry.core.unit_of_risk import Unit, UnitChoice, choose_unit, has_real_stop, rr_by_atr
from tests.telemetry.core.file_formats.builders import freqtrade_trade, given, result, rows


def read(*trades: dict[str, Any]) -> list[Any]:
    return rows(json.dumps(result(Macd=trades)).encode())


class TestRealStop:
    @pytest.mark.parametrize("ratio", [0.003, 0.05, 0.15, -0.1])
    def test_lies_within_its_bounds(self, ratio: float) -> None:
        assert has_real_stop(ratio, 1.0, None)

    @pytest.mark.parametrize("ratio", [0.0029, 0.16, -0.99, -1.0, None])
    def test_is_not_one_that_is_never_reached(self, ratio: float | None) -> None:
        assert not has_real_stop(ratio, 1.0, None)

    def test_is_measured_in_price_and_not_in_stake(self) -> None:
        assert has_real_stop(-0.9, 10.0, None)
        assert not has_real_stop(-0.02, 10.0, None)

    def test_is_not_moved_by_code(self) -> None:
        assert not has_real_stop(-0.1, 1.0, True)
        assert has_real_stop(-0.1, 1.0, False)


class TestChooseUnit:
    def test_takes_the_stop_where_nearly_all_are_real(self) -> None:
        assert choose_unit([True] * 18 + [False] * 2) == UnitChoice(Unit.STOP, 20, 18)

    def test_takes_the_atr_otherwise(self) -> None:
        assert choose_unit([True] * 17 + [False] * 3) == UnitChoice(Unit.ATR, 20, 17)

    def test_has_a_floor_for_flat_pairs(self) -> None:
        assert rr_by_atr(0.004, 1.0, 0.0, 100.0) == pytest.approx(1.0)
        assert rr_by_atr(0.04, 10.0, 0.0, 100.0) == pytest.approx(1.0)


class TestMeasuredRows:
    def test_have_one_unit_for_a_whole_strategy(self) -> None:
        found = read(freqtrade_trade(), freqtrade_trade(initial_stop_loss_ratio=-0.99))
        choices = choose_units(found, {}, {})

        assert choices == {"Macd": UnitChoice(Unit.ATR, 2, 1)}
        assert [given(measured(row, choices))["rr"] for row in found] == [None, None]
        assert {given(measured(row, choices))["excluded_reason"] for row in found} == {NO_BARS}

    def test_lack_one_where_the_stop_is_not_real(self) -> None:
        real, odd = read(freqtrade_trade(), freqtrade_trade(initial_stop_loss_ratio=-0.99))
        choices = {"Macd": UnitChoice(Unit.STOP)}

        assert given(measured(real, choices))["rr"] == 0.5
        assert (given(measured(odd, choices))["rr"], given(measured(odd, choices))["excluded_reason"]) == (
            None,
            NO_STOP,
        )

    def test_take_the_unit_that_a_person_names(self) -> None:
        assert choose_units(read(freqtrade_trade()), {}, {"Macd": Unit.ATR}) == {"Macd": UnitChoice(Unit.ATR)}

    def test_keep_the_reason_of_a_forced_exit(self) -> None:
        (row,) = read(freqtrade_trade(exit_reason="force_exit", initial_stop_loss_ratio=-0.99))

        assert given(row)["excluded_reason"] == FORCED
        assert given(measured(row, {"Macd": UnitChoice(Unit.ATR)}))["excluded_reason"] == FORCED

    def test_say_why(self) -> None:
        assert UnitChoice(Unit.ATR).reason == "It was chosen by hand."
