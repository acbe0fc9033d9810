"""The steps of a strength: what each fit knew, what it predicted, and that nothing else is compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from learning.core.cells.rows import DAY
from learning.core.evidence_method.fit import fit
from learning.core.evidence_method.observations import Observations
from learning.core.evidence_method.predict import predict
from learning.core.significance.strength import strength_of
from learning.core.walk_forward.plan_walker import plan_sizing
from learning.core.walk_forward.prequential import (
    beliefs_of,
    cuts_of,
    evidence_beliefs,
    evidence_strength,
    plan_strength,
)
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.vocabulary import Combiner
from tests.learning.core.walk_forward.builders import FIRST_DAY, make_world, parameters

AS_OF, PARAMETERS = 240.0, EvidenceParameters()


def log(seed: int = 1, rows: int = 3000, edge: float = 0.8) -> Observations:
    """Return trades of 240 days, open for up to five, whose first value earns `edge` R more than the second."""
    rng = np.random.default_rng(seed)
    day, scope = np.sort(rng.uniform(0, AS_OF, rows)), rng.integers(0, 2, (rows, 2))
    day[0] = 0.0
    outcome = edge * (scope[:, 0] == 0) + rng.normal(0, 1, rows)
    found = Observations.of_trades(day, rng.integers(0, 3, rows), np.zeros(rows, int), scope, outcome, ("a", "b"))
    return replace(found, known=day + rng.uniform(0, 5, rows))


class TestCuts:
    def test_are_six_of_a_month_or_of_an_eighth_of_a_short_span(self) -> None:
        assert [cut for cut, _ in cuts_of(0.0, 1000.0)] == [970.0, 940.0, 910.0, 880.0, 850.0, 820.0]
        assert list(cuts_of(100.0, 180.0))[-1] == (120.0, 130.0)


class TestEvidenceBeliefs:
    def test_are_those_of_fits_that_knew_only_what_had_closed(self) -> None:
        observations = log()

        found = evidence_beliefs(observations, AS_OF, PARAMETERS)

        assert found.step.max() == 5
        for step in range(6):
            cut = AS_OF - 30.0 * (step + 1)
            before = fit(observations.take(observations.known < cut), cut, PARAMETERS)
            decided = observations.take(
                (observations.day >= cut) & (observations.day < cut + 30) & (observations.known <= AS_OF)
            )
            expected = predict(before, decided.pattern, decided.category, decided.scope)
            assert (found.lasting + found.recent)[found.step == step] == pytest.approx(expected.edge)
            assert found.outcome[found.step == step].tolist() == decided.outcome.tolist()

    def test_do_not_change_with_what_comes_later(self) -> None:
        """A later outcome of the newest step changes what came true, never what was believed."""
        observations = log()
        worse = replace(observations, outcome=observations.outcome - 5.0 * (observations.day >= AS_OF - 30))

        known, changed = (evidence_beliefs(each, AS_OF, PARAMETERS) for each in (observations, worse))

        assert known.lasting.tolist() == changed.lasting.tolist()
        assert known.outcome.tolist() != changed.outcome.tolist()

    def test_leave_out_decisions_whose_outcome_is_not_known_yet(self) -> None:
        observations = log()

        found = evidence_beliefs(observations, AS_OF, PARAMETERS)

        late = (observations.known > AS_OF) & (observations.day >= AS_OF - 30)
        assert late.any()
        assert len(found) == np.count_nonzero(observations.day >= AS_OF - 180) - np.count_nonzero(late)

    def test_leave_out_steps_that_know_or_predict_too_little(self) -> None:
        observations = log(rows=400)

        found = evidence_beliefs(observations, AS_OF, PARAMETERS)

        assert found.step.max() == 3  # the others knew fewer than 200 trades
        assert len(evidence_beliefs(observations.take(np.arange(190)), AS_OF, PARAMETERS)) == 0


class TestEvidenceStrength:
    def test_is_near_one_where_an_edge_lasts_and_near_nothing_where_there_is_none(self) -> None:
        lasting, none = (evidence_strength(log(edge=edge), [[0], [1]], AS_OF, PARAMETERS) for edge in (0.8, 0.0))

        assert lasting[0] is not None
        assert lasting[0].whole.value == pytest.approx(1.0, abs=0.15)
        assert lasting[0].came_true
        assert none[0] is None or none[0].whole.se > 0.2
        assert lasting[1] is None  # a family without trades

    def test_falls_where_an_edge_ends(self) -> None:
        """The edge of the first 60 days is gone when the first of the six fits believes in it."""
        observations = log(edge=0.0)
        early = (observations.day < 60) & (observations.scope[:, 0] == 0)

        (found,) = evidence_strength(
            replace(observations, outcome=observations.outcome + 1.5 * early), [[0]], AS_OF, PARAMETERS
        )

        assert found is not None
        assert found.whole.factor < 0.2
        assert not found.came_true


class TestPlanStrength:
    def test_compares_what_the_combined_lessons_expected_with_what_was_earned(self) -> None:
        trades, as_of = make_world(1, 3000, edge=2.0), (FIRST_DAY + 300) * DAY
        known = trades.known_at(as_of)

        found = plan_strength(known, as_of, parameters(), Combiner.PLAN)

        decided, steps = known.decided(), []
        for cut, end in cuts_of(float(decided.at.min() / DAY), as_of / DAY):
            start, stop = round(cut * DAY), round(end * DAY)
            coming = decided.take((decided.at >= start) & (decided.at < stop))
            edge = plan_sizing(known.known_at(start), coming, start, parameters(), Combiner.PLAN).edge
            steps.append((coming.at / DAY, edge, 0 * edge, coming.outcome, 1 + 0 * edge))
        assert found == strength_of(beliefs_of(steps))
        assert found is not None
        assert found.steps == 6
        assert found.whole.factor > 0.5

    def test_is_none_without_trades(self) -> None:
        trades = make_world(1, 3000, edge=2.0)

        assert plan_strength(trades.take(np.arange(0)), FIRST_DAY * DAY, parameters(), Combiner.PLAN) is None
        assert plan_strength(trades.take(np.arange(150)), FIRST_DAY * DAY, parameters(), Combiner.PLAN) is None
