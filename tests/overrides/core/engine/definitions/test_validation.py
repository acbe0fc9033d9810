from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from overrides.core.engine.definitions.validation import check, check_combiner
from overrides.core.engine.definitions.vocabulary import Channel, Combiner, LearningMethod
from tests.overrides.core.builders import make_governed

ALLOWED = {
    (Channel.DM_ALLOC, LearningMethod.PLAN, Combiner.PLAN),
    (Channel.DM_ALLOC, LearningMethod.PLAN, Combiner.MOST_SPECIFIC),
    (Channel.DM_ALLOC, LearningMethod.EVIDENCE, Combiner.EVIDENCE),
    (Channel.PM_STRENGTH, LearningMethod.PLAN, Combiner.PLAN),
    (Channel.PM_STRENGTH, LearningMethod.PLAN, Combiner.MOST_SPECIFIC),
    (Channel.PM_STRENGTH, LearningMethod.EVIDENCE, Combiner.EVIDENCE),
    (Channel.PM_TUNING, LearningMethod.PLAN, Combiner.PLAN),
    (Channel.PM_TUNING, LearningMethod.EVIDENCE, Combiner.PLAN),
}


class TestCheck:
    def test_finds_nothing_wrong_with_a_governed_override(self) -> None:
        assert check(make_governed(), known_dimensions=("macro_phase",)) == []

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"channel": None}, "type: missing"),
            ({"channel": Channel.DM_ALLOC}, "type: dm_alloc belongs to module dm"),
            ({"policy": None}, "policy: missing"),
            ({"module": "risk"}, "type: pm_strength belongs to module pm"),
            ({"action_category": "allocation"}, "action_category: allocation is no category of module pm"),
            ({"action_category": "exit"}, "levers.size_mult: has no effect on exit"),
            ({"levers": {}}, "levers: empty"),
            ({"levers": {"trail_mult": 1.1}}, "levers.trail_mult: belongs to pm_tuning"),
            ({"levers": {"size_mult": 1.31}}, "levers.size_mult: 1.31 is outside 0.7 to 1.3"),
            ({"pattern_key": "uptrend.S1"}, "pattern_key"),
            ({"pattern_key": "up trend.S1.x"}, "pattern_key"),
            ({"scope": {"moon": "full"}}, "scope.moon"),
            ({"id": "a" * 64}, "id: differs"),
        ],
    )
    def test_names_what_is_wrong(self, change: dict[str, Any], named: str) -> None:
        problems = check(replace(make_governed(), **change), known_dimensions=("macro_phase",))

        assert any(str(problem).startswith(named) for problem in problems), problems

    def test_names_everything_at_once(self) -> None:
        spoilt = replace(make_governed(), pattern_key="x", levers={"size_mult": 2.0}, action_category="exit")

        assert len(check(spoilt)) == 4


class TestCheckCombiner:
    @pytest.mark.parametrize("channel", Channel)
    @pytest.mark.parametrize("policy", LearningMethod)
    @pytest.mark.parametrize("combiner", Combiner)
    def test_allows_these_triples_only(self, channel: Channel, policy: LearningMethod, combiner: Combiner) -> None:
        assert (check_combiner(channel, policy, combiner) == []) is ((channel, policy, combiner) in ALLOWED)
