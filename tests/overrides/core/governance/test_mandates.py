"""What an approval lets the builder do without a person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.core.governance.mandates import exceeded, grant, remaining
from tests.builders import NOW, make_spec

POLICY = GovernancePolicy(evidence_kept=0.5, mandate_days=30)
LATER = NOW + timedelta(days=1)


def spec(size: float, n: float = 40, edge: float = 0.8, **levers: float) -> OverrideSpec:
    edge = edge if size >= 1 else -edge
    return make_spec({"size_mult": size, **levers}, stats={"n": n, "edge_raw": edge, "variance": 0.5})


TERMS = grant(spec(1.2), POLICY, NOW)


class TestGrant:
    def test_reaches_from_neutral_to_the_approved_target(self) -> None:
        assert dict(TERMS.reach) == {"size_mult": (1.0, 1.2)}
        assert dict(grant(spec(0.8), POLICY, NOW).reach) == {"size_mult": (0.8, 1.0)}

    def test_signs_direction_floor_and_date(self) -> None:
        assert (TERMS.direction, TERMS.least_n, TERMS.least_edge) == (1, 20, 0.4)
        assert TERMS.review_by == NOW + timedelta(days=30)
        assert grant(spec(0.8), POLICY, NOW).direction == -1


class TestExceeded:
    @pytest.mark.parametrize("size", [1.2, 1.1, 1.000001])
    def test_is_nothing_inside(self, size: float) -> None:
        assert exceeded(TERMS, spec(size), LATER) == []

    def test_is_nothing_for_a_withdrawal(self) -> None:
        assert exceeded(TERMS, None, LATER) == []

    @pytest.mark.parametrize(
        ("proposed", "why"),
        [
            (spec(1.21), "size_mult: 1.21 is beyond the approved 1 to 1.2"),
            (spec(0.95, edge=-0.8), "size_mult: changes sign"),
            (spec(1.1, edge=-0.8), "edge_raw: -0.800 R is of the other sign than the edge that was approved"),
            (spec(1.1, entry_aggression_mult=1.1), "entry_aggression_mult: is a new lever"),
            (spec(1.1, n=19), "n: 19 trades are fewer than the 20 it needs"),
            (spec(1.1, edge=0.39), r"edge_raw: +0.390 R is less than the 0.400 R it needs"),
        ],
    )
    def test_says_what_needs_a_person(self, proposed: OverrideSpec, why: str) -> None:
        assert exceeded(TERMS, proposed, LATER) == [why]

    def test_says_everything_at_once(self) -> None:
        assert len(exceeded(TERMS, spec(1.3, n=1, edge=0.1, entry_aggression_mult=1.1), LATER)) == 4

    def test_holds_for_everything_once_it_was_to_be_reviewed(self) -> None:
        assert exceeded(TERMS, None, TERMS.review_by) == ["mandate: was to be reviewed by 2026-04-01 12:00"]
        assert exceeded(TERMS, spec(1.1), TERMS.review_by - timedelta(seconds=1)) == []

    def test_holds_where_there_is_no_mandate(self) -> None:
        assert exceeded(None, None, NOW) == ["mandate: there is none on this line"]

    @given(st.floats(0.7, 1.3), st.floats(0.7, 1.3))
    def test_never_lets_the_target_go_farther_or_over_neutral(self, approved: float, proposed: float) -> None:
        inside = exceeded(grant(spec(approved), POLICY, NOW), spec(proposed), LATER) == []

        assert inside == (min(1, approved) - 1e-12 <= proposed <= max(1, approved) + 1e-12)


def test_remaining_counts_units_and_days() -> None:
    left = remaining(TERMS, spec(1.2), LATER)

    assert left["days"] == pytest.approx(29)
    assert left["size_mult"] == pytest.approx(0)
    assert remaining(TERMS, spec(1.0), LATER)["size_mult"] == pytest.approx(0.18232155679395)
