"""What an approval lets the builder do without a person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.core.governance.mandates import DUE_BEFORE, exceeded, grant, moves_farther, remaining
from telemetry.foundation.core.canonical_json import utc_text
from tests.builders import NOW, make_spec

POLICY = GovernancePolicy(evidence_kept=0.5, mandate_days=30)
LATER = NOW + timedelta(days=1)


def spec(size: float, n: float = 40, edge: float = 0.8, **levers: float) -> OverrideSpec:
    edge = edge if size >= 1 else -edge
    return make_spec({"size_mult": size, **levers}, stats={"n": n, "edge_raw": edge, "variance": 0.5})


def delay(bars: float) -> OverrideSpec:
    """A linear lever of neutral 0, so that the border of a tolerance is a double."""
    return make_spec({"entry_delay_bars": bars}, type="pm_tuning", stats={"edge_raw": 0.8})


TERMS = grant(spec(1.2), POLICY, NOW)

FUTURE = "updated_at: 2026-03-03 12:00 UTC lies in the future"


class TestGrant:
    def test_reaches_from_neutral_to_the_approved_target(self) -> None:
        assert dict(TERMS.reach) == {"size_mult": (1.0, 1.2)}
        assert dict(grant(spec(0.8), POLICY, NOW).reach) == {"size_mult": (0.8, 1.0)}

    def test_signs_direction_floor_and_date(self) -> None:
        assert (TERMS.direction, TERMS.least_n, TERMS.least_edge) == (1, 20, 0.4)
        assert TERMS.review_by == NOW + timedelta(days=30)
        assert grant(spec(0.8), POLICY, NOW).direction == -1

    def test_raises_exposure_where_no_lever_scales_it(self) -> None:
        assert grant(delay(2.0), POLICY, NOW).direction == 1

    @pytest.mark.parametrize(("edge", "sign"), [(0.8, 1), (0.0, 0), (-0.8, -1)])
    def test_signs_the_sign_of_the_edge(self, edge: float, sign: int) -> None:
        assert grant(spec(1.2, edge=edge), POLICY, NOW).edge_sign == sign


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

    @pytest.mark.parametrize(
        ("approved", "proposed", "why"),
        [
            (0.8, spec(0.75), "size_mult: 0.75 is beyond the approved 0.8 to 1"),
            (0.8, spec(1.1, edge=-0.8), "size_mult: changes sign"),
            (1.0, spec(1.1), "size_mult: 1.1 is beyond the approved 1 to 1"),
        ],
    )
    def test_tells_a_farther_target_from_one_over_neutral(
        self, approved: float, proposed: OverrideSpec, why: str
    ) -> None:
        assert exceeded(grant(spec(approved), POLICY, NOW), proposed, LATER) == [why]

    @pytest.mark.parametrize(
        ("approved", "proposed", "reasons"), [(2.0, -1e-12, 0), (2.0, -2e-12, 1), (-2.0, 1e-12, 0), (-2.0, 2e-12, 1)]
    )
    def test_forgives_a_target_the_last_bits_and_no_more(self, approved: float, proposed: float, reasons: int) -> None:
        assert len(exceeded(grant(delay(approved), POLICY, NOW), delay(proposed), LATER)) == reasons

    def test_is_nothing_at_the_floor(self) -> None:
        assert exceeded(TERMS, spec(1.1, n=20, edge=0.4), LATER) == []

    @pytest.mark.parametrize("approved", [spec(1.2, edge=0.0), spec(1.2, edge=-0.8)])
    def test_is_the_sign_of_any_edge_that_was_not_approved(self, approved: OverrideSpec) -> None:
        terms = grant(approved, POLICY, NOW)

        assert exceeded(terms, spec(1.1), LATER) == [
            "edge_raw: +0.800 R is of the other sign than the edge that was approved"
        ]

    def test_is_no_change_of_sign_where_the_edge_is_gone(self) -> None:
        assert exceeded(TERMS, spec(1.1, edge=0.0), LATER) == ["edge_raw: +0.000 R is less than the 0.400 R it needs"]

    @pytest.mark.parametrize(("seconds", "why"), [(0, []), (1, [FUTURE])])
    def test_is_evidence_of_the_future(self, seconds: int, why: list[str]) -> None:
        stats = spec(1.1).stats.to_document() | {"updated_at": utc_text(LATER + timedelta(seconds=seconds))}

        assert exceeded(TERMS, make_spec({"size_mult": 1.1}, stats=stats), LATER) == why

    def test_says_everything_at_once(self) -> None:
        assert len(exceeded(TERMS, spec(1.3, n=1, edge=0.1, entry_aggression_mult=1.1), LATER)) == 4

    def test_holds_for_everything_once_it_was_to_be_reviewed(self) -> None:
        assert exceeded(TERMS, None, TERMS.review_by) == ["mandate: was to be reviewed by 2026-04-01 12:00 UTC"]
        assert exceeded(TERMS, spec(1.1), TERMS.review_by - timedelta(seconds=1)) == []

    def test_holds_where_there_is_no_mandate(self) -> None:
        assert exceeded(None, None, NOW) == ["mandate: there is none on this line"]

    @given(st.floats(0.7, 1.3), st.floats(0.7, 1.3))
    def test_never_lets_the_target_go_farther_or_over_neutral(self, approved: float, proposed: float) -> None:
        edge = 0.8 if (approved >= 1) == (proposed >= 1) else -0.8  # of the sign that was approved, on either side

        inside = exceeded(grant(spec(approved), POLICY, NOW), spec(proposed, edge=edge), LATER) == []

        assert inside == (min(1, approved) - 1e-12 <= proposed <= max(1, approved) + 1e-12)


def test_renewal_opens_two_weeks_before_the_review() -> None:
    """The database has the same two weeks (`may_be_renewed`)."""
    assert timedelta(days=14) == DUE_BEFORE


def test_remaining_counts_units_and_days() -> None:
    left = remaining(TERMS, spec(1.2), LATER)

    assert left["days"] == pytest.approx(29)
    assert left["size_mult"] == pytest.approx(0)
    assert remaining(TERMS, spec(1.0), LATER)["size_mult"] == pytest.approx(0.18232155679395)


def test_remaining_counts_from_neutral_to_an_approved_cut() -> None:
    """A cut to 0.8 allows ln(1 / 0.8) = 0.2231436 units, all of them at neutral and none at the target."""
    terms = grant(spec(0.8), POLICY, NOW)

    assert remaining(terms, spec(1.0), LATER)["size_mult"] == pytest.approx(0.2231436, abs=1e-7)
    assert remaining(terms, spec(0.8), LATER)["size_mult"] == pytest.approx(0)


class TestMovesFarther:
    @pytest.mark.parametrize(
        ("before", "after"),
        [(1.1, 1.2), (0.9, 0.8), (1.2, 0.99), (0.8, 1.01), (None, 1.01)],
        ids=["up", "down", "to the other side", "back over neutral", "a new line"],
    )
    def test_is_so_where_a_lever_leaves_neutral_behind(self, before: float | None, after: float) -> None:
        assert moves_farther(None if before is None else spec(before), spec(after))

    @pytest.mark.parametrize(("before", "after"), [(1.2, 1.1), (0.8, 0.9), (1.2, 1.2), (1.2, 1.0), (0.8, 1.0)])
    def test_is_not_so_towards_neutral_or_where_it_stays(self, before: float, after: float) -> None:
        assert not moves_farther(spec(before), spec(after))

    @pytest.mark.parametrize(
        ("before", "after", "is_so"),
        [
            (None, 1e-12, False),
            (None, 2e-12, True),
            (1e-12, 2e-12, False),
            (1e-12, 3e-12, True),
            (-1e-12, 2e-12, True),
            (-2e-12, 1e-12, False),
        ],
    )
    def test_is_so_beyond_the_last_bits_alone(self, before: float | None, after: float, is_so: bool) -> None:
        """In doubles 1e-12 + 1e-12 is 2e-12, so that the second and the third pair stand at the border."""
        assert moves_farther(None if before is None else delay(before), delay(after)) is is_so

    def test_is_not_so_for_a_withdrawal(self) -> None:
        assert not moves_farther(spec(1.2), None)

    def test_is_so_where_one_lever_of_several_moves_farther(self) -> None:
        assert moves_farther(spec(1.2), spec(1.1, exit_aggression_mult=1.1))
