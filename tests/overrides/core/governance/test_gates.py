"""All gates of a request at once, each with its remedy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.governance.gates import Gate, Severity, blockers, gates, health, is_below_bar, lowers, target_levers
from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.core.governance.mandates import grant
from overrides.core.governance.permissions import APPLY, REVIEW
from overrides.core.governance.request_states import Step
from overrides.core.governance.situation import Attempt, Person, Situation, TouchedLine, Unready
from tests.builders import NOW, make_parameters, make_spec

REVIEWER = Person(frozenset({REVIEW, APPLY}))
DAY = timedelta(days=1)


def touched(before: OverrideSpec | None = None, after: OverrideSpec | None = None, **over: Any) -> TouchedLine:
    fields: dict[str, Any] = {
        "line": "l", "label": "a line", "action_category": "entry", "before": before, "after": after,
        "in_force": target_levers(before),
    }  # fmt: skip
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


def only(step: Step, of: Situation, person: Person | None = REVIEWER) -> Gate:
    (gate,) = gates(of, Attempt(step, person, NOW))
    return gate


NEW = touched(after=make_spec())
APPROVED = {"state": "approved", "approvals": 1}
CONTRARY = make_spec(stats={"edge_raw": -1.0})
VOTING = {Step.SIGN, Step.APPROVE, Step.REQUEST_CHANGES, Step.REDRAFT, Step.REJECT}
AGREEING = {Step.SIGN, Step.APPROVE}
APPLYING = {Step.APPLY, Step.SCHEDULE, Step.UNSCHEDULE}
EFFECT = {Step.SIGN, Step.APPROVE, Step.APPLY, Step.DELEGATE}


class TestRules:
    @pytest.mark.parametrize(
        ("name", "of", "person", "steps"),
        [
            ("wrong_state", situation(state="applied"), REVIEWER, set(Step)),
            (
                "expired", situation(expires_at=NOW), REVIEWER,
                set(Step) - {Step.EXPIRE, Step.DELEGATE, Step.ACT_AT_ONCE, Step.CANCEL},
            ),
            ("no_permission", situation(), Person(frozenset()), VOTING | APPLYING),
            ("own_request", situation(), replace(REVIEWER, is_author=True), VOTING),
            ("other_group", situation(), replace(REVIEWER, counts=False), AGREEING),
            ("already_agreed", situation(**APPROVED), REVIEWER, AGREEING),
            ("missing_approvals", situation(), REVIEWER, {Step.APPLY, Step.SCHEDULE}),
            ("edited", situation(signed_hash="other"), REVIEWER, AGREEING | {Step.APPLY, Step.SCHEDULE}),
            ("stale_base", situation(base_changed="the parameters"), REVIEWER, EFFECT),
            ("stale_line", situation(touched(before=make_spec(), in_force={})), REVIEWER, EFFECT),
            ("conflict", situation(touched(rivals=(7,))), REVIEWER, EFFECT),
            ("evidence_below_bar", situation(touched(after=make_spec(stats={"n": 1}))), REVIEWER, EFFECT),
            ("method_not_ready", situation(unready=(Unready("not measured", "wait"),)), REVIEWER, EFFECT),
            ("sign_contradiction", situation(touched(after=CONTRARY)), REVIEWER, EFFECT),
            ("outside_bounds_or_category", situation(touched(after=make_spec({"size_mult": 9.0}))), REVIEWER, EFFECT),
            ("vetoed", situation(replace(NEW, is_vetoed=True)), REVIEWER, EFFECT),
            ("pinned", situation(replace(NEW, is_pinned=True), is_machine=True), REVIEWER, EFFECT),
            ("capped", situation(replace(NEW, cap={"size_mult": 1.05}), is_machine=True), REVIEWER, EFFECT),
            ("no_author", situation(is_machine=True), REVIEWER, {Step.REQUEST_CHANGES}),
            ("has_author", situation(), REVIEWER, {Step.REDRAFT}),
            ("mandate_exceeded", situation(NEW), None, {Step.DELEGATE}),
            ("cap_reached", situation(movement=51.0), None, {Step.DELEGATE}),
            ("quarantined", situation(is_quarantined=True), None, {Step.DELEGATE}),
            ("not_due", situation(), None, {Step.APPLY}),
        ],
    )  # fmt: skip
    def test_say_which_steps_a_gate_guards(
        self, name: str, of: Situation, person: Person | None, steps: set[Step]
    ) -> None:
        assert {step for step in Step if name in found(step, of, person)} == steps

    @pytest.mark.parametrize("step", sorted(VOTING | APPLYING))
    def test_about_people_do_not_hold_for_the_machine(self, step: Step) -> None:
        assert {"no_permission", "own_request", "other_group"}.isdisjoint(found(step, situation(NEW), None))

    @pytest.mark.parametrize(
        ("steps", "held", "needed", "message"),
        [
            (VOTING, APPLY, REVIEW, "you may not decide about requests"),
            (APPLYING, REVIEW, APPLY, "you may not apply requests"),
        ],
    )
    def test_require_the_permission_of_the_step(self, steps: set[Step], held: str, needed: str, message: str) -> None:
        for step in steps:
            for permissions, refused in (({held}, [(message, needed)]), ({needed}, [])):
                attempt = Attempt(step, Person(frozenset(permissions)), NOW)
                refusals = [each for each in gates(situation(), attempt) if each.name == "no_permission"]

                assert [(each.message, each.permission) for each in refusals] == refused

    def test_list_what_blocks_before_what_warns(self) -> None:
        line = touched(after=make_spec(stats={"n": 1}), rivals=(7,))

        assert found(Step.SIGN, situation(line)) == ["evidence_below_bar", "conflict"]


@pytest.mark.parametrize(
    ("names", "word"),
    [
        (["edited"], "stale"),
        (["stale_base"], "stale"),
        (["stale_line"], "stale"),
        (["evidence_below_bar"], "evidence_lapsed"),
        (["conflict"], "conflict"),
        (["conflict", "evidence_below_bar"], "evidence_lapsed"),
        (["evidence_below_bar", "edited"], "stale"),
        (["expired", "vetoed"], "valid"),
    ],
)
def test_health_is_the_gravest_fault(names: list[str], word: str) -> None:
    assert health([Gate(name, "", "") for name in names]) == word


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
        line = touched(before=make_spec(), after=contrary, in_force={}, is_vetoed=True, is_pinned=True)

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
        gate = only(Step.SIGN, situation(touched(after=far), parameters=parameters))

        assert (gate.name, gate.severity) == ("evidence_below_bar", Severity.BLOCKS)
        assert gate.message == (
            "a line (0.25 on 40) move more than 2% and are not verified "
            "(wrong sign with probability 0.05 at most, on 20 trades)"
        )

    def test_does_not_need_what_only_applying_needs(self) -> None:
        assert found(Step.SIGN, situation(NEW, approvals=0, needed=9)) == []

    @pytest.mark.parametrize(
        ("state", "approvals", "names"),
        [
            ("in_review", 1, []),
            ("approved", 0, []),
            ("approved", 1, ["already_agreed"]),
            ("approved", 2, ["already_agreed"]),
            ("scheduled", 0, []),
            ("scheduled", 1, ["already_agreed"]),
        ],
    )
    def test_again_is_for_an_approval_that_was_lost(self, state: str, approvals: int, names: list[str]) -> None:
        assert found(Step.SIGN, situation(NEW, state=state, approvals=approvals)) == names

    def test_needs_the_fewest_trades_of_the_policy(self) -> None:
        for trades, names in ((10, []), (9.9, ["evidence_below_bar"])):
            assert found(Step.SIGN, situation(touched(after=make_spec(stats={"n": trades})))) == names

    def test_of_a_pinned_line_is_for_requests_of_people(self) -> None:
        for is_machine, names in ((False, []), (True, ["pinned"])):
            assert found(Step.SIGN, situation(replace(NEW, is_pinned=True), is_machine=is_machine)) == names

    def test_against_it_is_free_whatever_is_wrong_with_the_content(self) -> None:
        line = touched(after=make_spec({"size_mult": 0.9}, stats={"edge_raw": 1.0}), is_vetoed=True)

        assert found(Step.REJECT, situation(line, base_changed="the parameters")) == []


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


def test_tuning_targets_have_no_sign_to_contradict() -> None:
    tuning = make_spec({"entry_delay_bars": 2.0}, type="pm_tuning", stats={"edge_raw": -1.0})

    assert found(Step.SIGN, situation(touched(after=tuning))) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, None, False),
        (None, 0.9, True),
        (None, 1.1, False),
        (1.2, None, True),
        (0.8, None, False),
        (1.2, 1.1, True),
        (1.1, 1.2, False),
        (1.1, 1.1, False),
    ],
)
def test_lowers_compares_with_neutral_where_there_is_no_override(
    before: float | None, after: float | None, expected: bool
) -> None:
    in_force, new = (None if size is None else make_spec({"size_mult": size}) for size in (before, after))

    assert lowers(in_force, new) is expected


@pytest.mark.parametrize(
    ("size", "trades", "sd", "expected"),
    [
        (1.02, 30, 0.3, False),
        (1.02, 29, 0.3, True),
        (1.1, 30, 0.1, False),
        (1.1, 30, 0.3, True),
    ],
)
def test_below_the_bar_is_too_few_trades_or_too_far_for_them(
    size: float, trades: float, sd: float, expected: bool
) -> None:
    """Phi(-0.2 / 0.1) = .023 is sure enough to move more than 2 %, Phi(-0.2 / 0.3) = .25 is not."""
    promise = {"predicted": 0.2, "sd": sd, "mu0": 0.0, "s_p": 1.0}
    spec = make_spec({"size_mult": size}, policy="evidence", promise=promise, stats={"edge_raw": 0.2, "n": trades})

    assert is_below_bar(spec, GovernancePolicy(least_n=30), ModuleParameters.default("pm")) is expected
