"""Whether an override of the evidence method is sure of its sign, and moves no farther than that allows."""

from __future__ import annotations

from typing import Any

import pytest

from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.governance.evidence_bar import clears_evidence_bar, exceeds_held_target, false_sign_rate
from tests.builders import make_spec

BAR = EvidenceParameters()


def evidence(
    size: float = 1.02, *, predicted: float = 0.2, sd: float = 0.1, n: float = 40, **over: Any
) -> OverrideSpec:
    promise = {"predicted": predicted, "sd": sd, "mu0": 0.0, "s_p": 1.3}
    stats = {"edge_raw": predicted, "n": n, "variance": 1.69}
    return make_spec({"size_mult": size}, **{"policy": "evidence", "promise": promise, "stats": stats} | over)


class TestFalseSignRate:
    def test_is_the_normal_tail_beyond_the_edge(self) -> None:
        """Phi(-2) = .0227501, Phi(-1.6449) = .05, whatever the sign."""
        assert false_sign_rate(evidence()) == pytest.approx(0.0227501, abs=1e-7)
        assert false_sign_rate(evidence(0.99, predicted=-0.164485, sd=0.1)) == pytest.approx(0.05, abs=1e-5)

    def test_of_a_judgement_is_that_of_a_mean_of_its_trades(self) -> None:
        """An edge of .25 R and variance 4, worth 64 trades: sd .25, Phi(-1) = .1586553."""
        judged = evidence(promise=None, stats={"edge_raw": 0.25, "n": 64, "variance": 4.0})

        assert false_sign_rate(judged) == pytest.approx(0.1586553, abs=1e-7)

    @pytest.mark.parametrize(
        ("over", "rate"),
        [
            ({"sd": 0.0}, 0.0),
            ({"sd": 0.0, "predicted": 0.0}, 0.5),
            ({"sd": -1.0}, 0.5),
            ({"promise": None, "stats": {"n": 0}}, 0.5),
        ],
    )
    def test_is_defined_at_the_edges(self, over: dict[str, Any], rate: float) -> None:
        assert false_sign_rate(evidence(**over)) == rate


class TestVerified:
    def test_needs_a_sure_sign_and_trades_of_its_own(self) -> None:
        assert clears_evidence_bar(evidence(n=20), BAR)
        assert not clears_evidence_bar(evidence(n=19), BAR)
        assert not clears_evidence_bar(evidence(sd=0.13), BAR)  # Phi(-1.54) = .062

    @pytest.mark.parametrize(
        ("size", "over", "expected"),
        [
            (1.02, {"sd": 0.3}, False),
            (1 / 1.02, {"sd": 0.3, "predicted": -0.2}, False),
            (1.021, {"sd": 0.3}, True),
            (1.2, {}, False),
            (1.2, {"n": 5}, True),
            (1.2, {"sd": 0.3, "policy": "plan"}, False),
        ],
    )
    def test_lets_an_override_move_farther_than_the_cap(
        self, size: float, over: dict[str, Any], expected: bool
    ) -> None:
        assert exceeds_held_target(evidence(size, **over), BAR) is expected

    def test_holds_nothing_where_the_cap_is_off(self) -> None:
        assert not exceeds_held_target(evidence(1.2, sd=0.3), EvidenceParameters(cap_unverified=False))
