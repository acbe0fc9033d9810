"""A rejected line is proposed again once what it rested on has changed: hand numbers, a naive rule, properties."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.governance.rejections import ProposedEvidence, evidence_moved
from tests.builders import make_spec

# Forty trades with variance 1.6: the standard error is the root of .04, .2 R.
THEN = ProposedEvidence(n=40, edge=0.5, se=0.2, is_verified=False, targets={"size_mult": 1.1})
EDGES = st.floats(-2, 2)
EVIDENCE = st.builds(
    ProposedEvidence,
    n=st.integers(1, 200),
    edge=EDGES,
    se=st.floats(0.01, 1),
    is_verified=st.booleans(),
    targets=st.fixed_dictionaries({"size_mult": st.floats(0.7, 1.3)}),
)


class TestEvidenceMoved:
    def test_is_nothing_where_nothing_changed(self) -> None:
        assert evidence_moved(THEN, THEN) == []

    @pytest.mark.parametrize(("n", "returns"), [(59, False), (60, True), (20, False), (40, False)])
    def test_counts_trades_that_grew_by_half(self, n: float, returns: bool) -> None:
        assert bool(evidence_moved(THEN, replace(THEN, n=n))) is returns

    @pytest.mark.parametrize(
        ("edge", "returns"), [(0.69, False), (0.71, True), (0.31, False), (0.29, True), (0.5, False)]
    )
    def test_counts_a_standard_error_of_then(self, edge: float, returns: bool) -> None:
        """The standard error of now may be smaller; that of then decides."""
        assert bool(evidence_moved(THEN, replace(THEN, edge=edge, se=0.01))) is returns

    def test_counts_a_move_of_exactly_one_standard_error(self) -> None:
        then = replace(THEN, edge=0.5, se=0.25)

        assert evidence_moved(then, replace(then, edge=0.75)) == [
            "its edge moved from +0.500 to +0.750 R, at least the standard error of 0.250 R"
        ]

    def test_counts_any_move_of_an_edge_without_an_error_and_none_of_one_without_trades(self) -> None:
        certain, unknown = replace(THEN, se=0.0), replace(THEN, n=0, se=math.inf)

        assert evidence_moved(certain, certain) == []
        assert len(evidence_moved(certain, replace(certain, edge=0.501))) == 1
        assert evidence_moved(unknown, replace(unknown, edge=2.0)) == []

    def test_counts_a_change_of_sign_by_however_little(self) -> None:
        then = replace(THEN, edge=0.01, se=9.0)

        assert evidence_moved(then, replace(then, edge=-0.01)) == ["its edge changed sign, from +0.010 to -0.010 R"]

    def test_counts_a_target_on_the_other_side(self) -> None:
        assert evidence_moved(THEN, replace(THEN, targets={"size_mult": 0.98})) == [
            "its target of size_mult changed sides, from 1.1 to 0.98"
        ]
        assert evidence_moved(THEN, replace(THEN, targets={"size_mult": 1.3})) == []

    @pytest.mark.parametrize(("was", "words"), [(False, "it is verified now"), (True, "it is not verified any more")])
    def test_counts_verification(self, was: bool, words: str) -> None:
        then = replace(THEN, is_verified=was)

        assert evidence_moved(then, replace(then, is_verified=not was)) == [words]

    @given(then=EVIDENCE, now=EVIDENCE)
    def test_agrees_with_the_rule_in_one_sentence(self, then: ProposedEvidence, now: ProposedEvidence) -> None:
        was, becomes = then.targets["size_mult"], now.targets["size_mult"]
        expected = (
            then.edge * now.edge < 0
            or (was - 1) * (becomes - 1) < 0
            or then.is_verified != now.is_verified
            or now.n >= 1.5 * then.n
            or abs(now.edge - then.edge) >= then.se
        )

        assert bool(evidence_moved(then, now)) == bool(expected)

    @given(then=EVIDENCE)
    def test_survives_storing(self, then: ProposedEvidence) -> None:
        stored = json.loads(json.dumps(then.to_document()))

        assert ProposedEvidence.from_document(stored) == then


class TestOf:
    def test_reads_what_an_override_rests_on(self) -> None:
        spec = make_spec({"size_mult": 1.1}, stats={"n": 40, "edge_raw": 0.5, "variance": 1.6})

        found = ProposedEvidence.of(spec, EvidenceParameters())

        assert found.se == pytest.approx(0.2)
        assert replace(found, se=0.2) == THEN

    def test_verifies_by_the_evidence_method_alone(self) -> None:
        """Phi(-0.8 / 0.1) is far below .05, on forty trades."""
        sure = {"stats": {"n": 40, "edge_raw": 0.8, "variance": 0.4}}
        plan, evidence = make_spec(**sure), make_spec(policy="evidence", **sure)

        assert not ProposedEvidence.of(plan, EvidenceParameters()).is_verified
        assert ProposedEvidence.of(evidence, EvidenceParameters()).is_verified

    def test_stores_an_error_that_nothing_bounds(self) -> None:
        found = ProposedEvidence.of(make_spec(stats={"n": 0}), EvidenceParameters())

        assert found.se == math.inf
        assert found.to_document()["se"] is None
        assert ProposedEvidence.from_document(found.to_document()) == found
