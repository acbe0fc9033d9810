"""All gates of a request at once, each with its remedy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.governance.gates import Attempt, Person, Severity, Situation, TouchedLine, blockers, gates
from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.core.governance.mandates import grant
from overrides.core.governance.permissions import APPLY, REVIEW
from overrides.core.governance.request_states import Step
from tests.builders import NOW, make_parameters, make_spec

REVIEWER = Person(frozenset({REVIEW, APPLY}))
DAY = timedelta(days=1)


def touched(before: OverrideSpec | None = None, after: OverrideSpec | None = None, **over: Any) -> TouchedLine:
    fields: dict[str, Any] = {"line": "l", "label": "a line", "before": before, "after": after, "in_force": before}
    return TouchedLine(**fields | over)


def situation(*lines: TouchedLine, **over: Any) -> Situation:
    fields: dict[str, Any] = {
        "state": "in_review", "expires_at": NOW + DAY, "is_machine": False, "signed_hash": "h",
        "content_hash": "h", "approvals": 0, "needed": 1, "lines": lines, "policy": GovernancePolicy(),
        "parameters": ModuleParameters.default("pm"),
    }  # fmt: skip
    return Situation(**fields | over)


def found(step: Step, of: Situation, person: Person | None = REVIEWER) -> list[str]:
    return [gate.name for gate in gates(of, Attempt(step, person, NOW))]


NEW = touched(after=make_spec())
APPROVED = {"state": "approved", "approvals": 1}


class TestApproving:
    def test_is_free_for_a_reviewer(self) -> None:
        assert found(Step.SIGN, situation(NEW)) == []

    def test_cannot_be_decided_by_its_author(self) -> None:
        assert found(Step.SIGN, situation(NEW), replace(REVIEWER, is_author=True)) == ["own_request"]
        assert found(Step.REJECT, situation(NEW), replace(REVIEWER, is_author=True)) == ["own_request"]

    def test_needs_the_permission_and_the_group(self) -> None:
        assert found(Step.SIGN, situation(NEW), Person(frozenset())) == ["no_permission"]
        assert found(Step.SIGN, situation(NEW), replace(REVIEWER, counts=False)) == ["other_group"]

    def test_of_what_cannot_take_effect_is_refused_with_everything_that_is_wrong(self) -> None:
        contrary = make_spec({"size_mult": 0.9}, stats={"edge_raw": 1.0, "n": 3})
        line = touched(before=make_spec(), after=contrary, in_force=None, is_vetoed=True, is_pinned=True)

        names = found(Step.SIGN, situation(line, is_machine=True, base_changed="the parameters", signed_hash="other"))

        assert sorted(names) == [
            "edited", "evidence_below_bar", "pinned", "sign_contradiction", "stale_base", "stale_line", "vetoed",
        ]  # fmt: skip

    def test_of_evidence_that_is_not_verified_holds_it_close_to_neutral(self) -> None:
        parameters = make_parameters({"policy": "evidence", "combiner": "evidence"})
        unsure = {"predicted": 0.2, "sd": 0.3, "mu0": 0.0, "s_p": 1.0}
        far = make_spec({"size_mult": 1.1}, policy="evidence", promise=unsure, stats={"edge_raw": 0.2, "n": 40})
        near = make_spec({"size_mult": 1.02}, policy="evidence", promise=unsure, stats={"edge_raw": 0.2, "n": 40})

        assert found(Step.SIGN, situation(touched(after=near), parameters=parameters)) == []
        (gate,) = gates(situation(touched(after=far), parameters=parameters), Attempt(Step.SIGN, REVIEWER, NOW))

        assert (gate.name, gate.severity) == ("evidence_below_bar", Severity.BLOCKS)
        assert gate.message == (
            "a line (0.25 on 40) move more than 2% and are not verified "
            "(wrong sign with probability 0.05 at most, on 20 trades)"
        )

    def test_does_not_need_what_only_applying_needs(self) -> None:
        assert found(Step.SIGN, situation(NEW, approvals=0, needed=9)) == []

    def test_against_it_is_free_whatever_is_wrong_with_the_content(self) -> None:
        line = touched(after=make_spec({"size_mult": 0.9}, stats={"edge_raw": 1.0}), is_vetoed=True)

        assert found(Step.REJECT, situation(line, base_changed="the parameters")) == []


class TestApplying:
    def test_is_free_once_agreed(self) -> None:
        assert found(Step.APPLY, situation(NEW, **APPROVED)) == []

    def test_needs_the_approvals_and_says_why_they_are_many(self) -> None:
        policy = GovernancePolicy(large_movement=5)
        of = situation(NEW, state="approved", approvals=1, needed=2, policy=policy, movement=4.0, moved_before=2.0)

        (gate,) = gates(of, Attempt(Step.APPLY, REVIEWER, NOW))

        assert gate.message == (
            "it has 1 of 2 approvals of this content, because it moves much (4.0 steps, 2.0 before it)"
        )

    def test_by_the_schedule_waits_for_its_time(self) -> None:
        for due, names in ((None, ["not_due"]), (NOW + DAY, ["not_due"]), (NOW, [])):
            assert found(Step.APPLY, situation(NEW, **APPROVED, scheduled_for=due), None) == names

    def test_after_expiry_is_refused(self) -> None:
        assert found(Step.APPLY, situation(NEW, **APPROVED, expires_at=NOW)) == ["expired"]

    def test_on_a_line_with_fresh_statistics_is_free(self) -> None:
        """Drafts are compared by lever targets: new statistics behind the same targets do not make a request stale."""
        fresher = make_spec(stats={"n": 77})
        line = touched(before=make_spec(), after=make_spec({"size_mult": 1.2}), in_force=fresher)

        assert found(Step.APPLY, situation(line, **APPROVED)) == []

    def test_warns_of_rivals_and_goes_on(self) -> None:
        of = situation(touched(after=make_spec(), rivals=(7, 9)), **APPROVED)

        (gate,) = gates(of, Attempt(Step.APPLY, REVIEWER, NOW))

        assert (gate.name, gate.severity, gate.message) == (
            "conflict", Severity.WARNS, "request 7, request 9 would change some of the same lines",
        )  # fmt: skip
        assert blockers([gate]) == []

    def test_of_a_withdrawal_needs_no_evidence(self) -> None:
        line = touched(before=make_spec(stats={"n": 1}), after=None, is_vetoed=True)

        assert found(Step.APPLY, situation(line, **APPROVED)) == []

    @pytest.mark.parametrize(
        "wrong",
        [
            make_spec(policy="evidence"),
            make_spec(scope={"weather": "rain"}),
            make_spec({"exit_aggression_mult": 1.1}),
        ],
    )
    def test_of_what_the_registry_does_not_allow_is_refused(self, wrong: OverrideSpec) -> None:
        assert found(Step.APPLY, situation(touched(after=wrong), **APPROVED)) == ["outside_bounds_or_category"]

    def test_names_few_lines_and_counts_the_others(self) -> None:
        lines = [touched(after=make_spec(stats={"n": 1}), label=f"line {number}") for number in range(5)]

        (gate,) = gates(situation(*lines, **APPROVED), Attempt(Step.APPLY, REVIEWER, NOW))

        assert gate.message == "line 0 (1), line 1 (1), line 2 (1) and 2 more rest on fewer than 10 trades"


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

    def test_stops_in_quarantine_and_on_pinned_lines(self) -> None:
        of = self.of(self.line(is_pinned=True), is_quarantined=True)

        assert found(Step.DELEGATE, of, None) == ["pinned", "quarantined"]


def test_tuning_targets_have_no_sign_to_contradict() -> None:
    tuning = make_spec({"entry_delay_bars": 2.0}, type="pm_tuning", stats={"edge_raw": -1.0})

    assert found(Step.SIGN, situation(touched(after=tuning))) == []
