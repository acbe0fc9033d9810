"""A first look: finds an edge that is there, none in noise, and counts a cluster once."""

from __future__ import annotations

from dataclasses import replace

from learning.core.first_look.columns import judged_of
from learning.core.first_look.look import FirstLook, first_look
from learning.core.first_look.method_look import MethodLook
from learning.core.significance.verdict import Verdict
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import LearningMethod
from telemetry.core.trades import Trade
from tests.learning.core.first_look.builders import two_a_day

PM = ModuleParameters.default("pm")


def look(trades: list[Trade], seed: int = 0) -> FirstLook:
    return first_look(judged_of(trades, "pm"), PM, seed=seed)


def of(found: FirstLook, method: LearningMethod) -> MethodLook:
    return next(each for each in found.methods if each.method is method)


def counts(found: FirstLook) -> list[tuple[int, ...]]:
    """Return the counts in the twins of each method."""
    return [each.weeks + each.shifts for each in found.methods]


class TestFirstLook:
    def test_finds_an_edge_that_is_there_and_says_that_twins_do_not(self) -> None:
        found = of(look(two_a_day()), LearningMethod.EVIDENCE)

        assert found.verdict is Verdict.EDGE
        assert found.found > 0
        assert set(found.weeks + found.shifts) == {0}
        assert found.walk["uplift"]["low"] > 0
        best = found.lines[0]
        assert best.scope == {"macro_phase": "Good"}
        assert best.is_counted
        assert best.edge is not None
        assert best.edge > 0.5

    def test_calls_noise_what_is_noise(self) -> None:
        for each in look(two_a_day(edge=0.0)).methods:
            assert each.verdict in (Verdict.NOISE, Verdict.UNDECIDED)
            assert not (each.method is LearningMethod.EVIDENCE and each.found)

    def test_is_the_same_for_the_same_seed_and_makes_other_twins_for_another(self) -> None:
        trades = two_a_day(600, edge=0.0, noise=1.0)

        first, again, other = look(trades), look(trades), look(trades, seed=40)

        assert first == again
        assert [each.found for each in first.methods] == [each.found for each in other.methods]
        assert counts(first) != counts(other)

    def test_counts_the_trades_of_a_cluster_once(self) -> None:
        trades = [replace(each, cluster_id=f"entry {number}") for number, each in enumerate(two_a_day(60))]
        copies = [replace(each, external_id=f"{each.external_id} again") for each in trades]

        once, twice = look(trades), look([*trades, *copies])

        assert (once.units, twice.units, twice.outcomes) == (60, 60, 120)
        lines, again = (
            {(each.pattern_key, tuple(each.scope.items())): each.n for each in of(found, method).lines}
            for found, method in ((once, LearningMethod.PLAN), (twice, LearningMethod.PLAN))
        )
        assert lines == again != {}

    def test_of_nothing_finds_nothing(self) -> None:
        found = look([])

        assert (found.outcomes, found.units, found.first, found.as_of) == (0, 0, None, None)
        assert [(each.found, each.lines, each.walk) for each in found.methods] == [(0, (), {})] * 2

    def test_a_refusal_of_the_facts_is_a_result(self) -> None:
        small = replace(PM, lessons=replace(PM.lessons, cell_budget=1))

        plan, _ = first_look(judged_of(two_a_day(60), "pm"), small).methods

        assert "cell" in plan.problem
        assert plan.sentence == plan.problem
