"""The gates in the way of what takes effect: applied by people or a schedule, or by the builder under a mandate."""

from __future__ import annotations

from typing import Any

import pytest

from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.governance.gates import Severity, blockers, target_levers
from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.core.governance.mandates import grant
from overrides.core.governance.request_states import Step
from overrides.core.governance.situation import Situation, TouchedLine
from tests.builders import NOW, make_spec
from tests.overrides.core.governance.situations import APPROVED, DAY, NEW, found, only, situation, touched


class TestApplying:
    def test_is_free_once_agreed(self) -> None:
        assert found(Step.APPLY, situation(NEW, **APPROVED)) == []

    def test_needs_the_approvals_and_says_why_they_are_many(self) -> None:
        policy = GovernancePolicy(large_movement=5)
        of = situation(NEW, state="approved", approvals=1, needed=2, policy=policy, movement=4.0, moved_before=2.0)

        assert only(Step.APPLY, of).message == (
            "it has 1 of 2 approvals of this content, because it moves much (4.0 steps, 2.0 before it)"
        )

    @pytest.mark.parametrize(
        ("approvals", "lapsed", "message"),
        [
            (1, (), "it has 1 of 2 approvals of this content"),
            (0, ("ann: demoted", "bob: deactivated"),
             "it has 0 of 2 approvals of this content (ann: demoted; bob: deactivated)"),
        ],
    )  # fmt: skip
    def test_names_no_size_where_every_request_needs_as_many(
        self, approvals: int, lapsed: tuple[str, ...], message: str
    ) -> None:
        policy = GovernancePolicy(approvals=2)
        of = situation(NEW, state="approved", approvals=approvals, needed=2, policy=policy, lapsed=lapsed)

        assert only(Step.APPLY, of).message == message

    def test_before_its_time_says_when_that_is(self) -> None:
        for due, message in ((None, "it is not scheduled"), (NOW + DAY, "it is scheduled for 2026-03-03 12:00 UTC")):
            assert only(Step.APPLY, situation(NEW, **APPROVED, scheduled_for=due), None).message == message

    def test_by_the_schedule_waits_for_its_time(self) -> None:
        for due, names in ((None, ["not_due"]), (NOW + DAY, ["not_due"]), (NOW, [])):
            assert found(Step.APPLY, situation(NEW, **APPROVED, scheduled_for=due), None) == names

    def test_after_expiry_is_refused(self) -> None:
        assert found(Step.APPLY, situation(NEW, **APPROVED, expires_at=NOW)) == ["expired"]

    def test_on_a_line_with_fresh_statistics_is_free(self) -> None:
        """Drafts are compared by lever targets: new statistics behind the same targets do not make a request stale."""
        fresher = make_spec(stats={"n": 77})
        line = touched(make_spec(), make_spec({"size_mult": 1.2}), in_force=target_levers(fresher))

        assert found(Step.APPLY, situation(line, **APPROVED)) == []

    def test_warns_of_rivals_and_goes_on(self) -> None:
        of = situation(touched(after=make_spec(), rivals=(7, 9)), **APPROVED)

        gate = only(Step.APPLY, of)

        assert (gate.name, gate.severity, gate.message) == (
            "conflict", Severity.WARNS, "request 7, request 9 would change some of the same lines",
        )  # fmt: skip
        assert blockers([gate]) == []

    def test_has_no_rivals_where_it_changes_nothing_that_is_served(self) -> None:
        of = situation(touched(after=make_spec(), rivals=(7,)), **APPROVED, is_served=False)

        assert found(Step.APPLY, of) == []

    def test_of_a_withdrawal_needs_no_evidence(self) -> None:
        line = touched(before=make_spec(stats={"n": 1}), after=None, is_vetoed=True)

        assert found(Step.APPLY, situation(line, **APPROVED)) == []

    @pytest.mark.parametrize(
        "wrong",
        [
            make_spec(type=None),
            make_spec(policy="evidence"),
            make_spec(scope={"weather": "rain"}),
            make_spec({"exit_aggression_mult": 1.1}),
        ],
    )
    def test_of_what_the_registry_does_not_allow_is_refused(self, wrong: OverrideSpec) -> None:
        assert found(Step.APPLY, situation(touched(after=wrong), **APPROVED)) == ["outside_bounds_or_category"]

    @pytest.mark.parametrize(
        ("count", "named"),
        [
            (3, "line 0 (1), line 1 (1), line 2 (1)"),
            (4, "line 0 (1), line 1 (1), line 2 (1) and 1 more"),
            (5, "line 0 (1), line 1 (1), line 2 (1) and 2 more"),
        ],
    )
    def test_names_few_lines_and_counts_the_others(self, count: int, named: str) -> None:
        lines = [touched(after=make_spec(stats={"n": 1}), label=f"line {number}") for number in range(count)]

        assert only(Step.APPLY, situation(*lines, **APPROVED)).message == f"{named} rest on fewer than 10 trades"


class TestDelegating:
    IN_FORCE = make_spec({"size_mult": 1.2})
    TERMS = grant(IN_FORCE, GovernancePolicy(), NOW)

    def line(self, size: float = 1.1, **over: Any) -> TouchedLine:
        after = make_spec({"size_mult": size})
        return touched(before=self.IN_FORCE, after=after, **{"mandate": self.TERMS} | over)

    def of(self, line: TouchedLine, **over: Any) -> Situation:
        return situation(line, state="draft", is_machine=True, **over)

    def test_is_free_inside_the_mandate(self) -> None:
        assert found(Step.DELEGATE, self.of(self.line()), None) == []

    def test_is_refused_beyond_it_or_without_one(self) -> None:
        assert found(Step.DELEGATE, self.of(self.line(1.3)), None) == ["mandate_exceeded"]
        assert found(Step.DELEGATE, self.of(self.line(mandate=None)), None) == ["mandate_exceeded"]

    def test_stops_at_the_cap_above_all_mandates(self) -> None:
        for before, names in ((45.0, []), (45.1, ["cap_reached"])):
            assert found(Step.DELEGATE, self.of(self.line(), movement=5.0, moved_before=before), None) == names

    def test_of_what_does_not_move_passes_a_cap_of_nothing(self) -> None:
        assert found(Step.DELEGATE, self.of(self.line(), policy=GovernancePolicy(daily_cap=0.0)), None) == []

    @pytest.mark.parametrize(
        ("lowering_applies", "size", "names"),
        [(True, 1.1, []), (True, 1.3, ["mandate_exceeded"]), (False, 1.1, ["mandate_exceeded"])],
    )
    def test_needs_no_mandate_to_lower_exposure_where_the_policy_lets_it(
        self, lowering_applies: bool, size: float, names: list[str]
    ) -> None:
        policy = GovernancePolicy(lowering_applies=lowering_applies)

        assert found(Step.DELEGATE, self.of(self.line(size, mandate=None), policy=policy), None) == names

    def test_stops_in_quarantine_and_on_pinned_lines(self) -> None:
        of = self.of(self.line(is_pinned=True), is_quarantined=True)

        assert found(Step.DELEGATE, of, None) == ["pinned", "quarantined"]
