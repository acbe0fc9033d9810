from __future__ import annotations

from config.demo.backtest.counterfactuals import ENTRY_LEVERS, RULES
from config.demo.backtest.replayed_levers import NOT_REPLAYED, NOTES, REPLAYED, SOURCE
from overrides.core.engine.definitions.levers import LEVERS
from telemetry.recording.replay_notes import replay_notes


class TestNotes:
    def test_tell_of_every_lever_whether_it_is_replayed_unless_its_effect_is_exact(self) -> None:
        inexact = {lever.name for lever in LEVERS.values() if not lever.scales_on}

        assert inexact == NOTES.keys()
        assert not REPLAYED.keys() & NOT_REPLAYED.keys()

    def test_call_replayed_what_trades_carry_alternatives_of(self) -> None:
        assert REPLAYED.keys() == RULES.keys() | set(ENTRY_LEVERS)
        assert all(each.startswith("Replayed ") for each in REPLAYED.values())
        assert all(each.startswith("Not replayed: ") for each in NOT_REPLAYED.values())

    def test_are_known_by_the_source_of_the_demos_trades(self) -> None:
        found = replay_notes("phase_scaling_s1", {SOURCE, "another"})

        assert found == [(SOURCE, NOTES["phase_scaling_s1"])]
        assert replay_notes("phase_scaling_s1", {"another"}) == []
        assert replay_notes("size_mult", {SOURCE}) == []
