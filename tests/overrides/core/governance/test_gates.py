"""All gates of a request at once, each with its remedy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.governance.gates import Gate, Severity, gates, health, is_below_bar, lowers
from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.core.governance.permissions import APPLY, REVIEW
from overrides.core.governance.request_states import Step
from overrides.core.governance.situation import Attempt, Person, Situation, Unready
from tests.builders import NOW, make_parameters, make_spec
from tests.overrides.core.governance.situations import APPROVED, NEW, REVIEWER, found, only, situation, touched

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
            ("against_measurement", situation(replace(NEW, contradicts="has the other sign")), REVIEWER, EFFECT),
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

    @pytest.mark.parametrize(
        ("is_machine", "cap", "names"), [(True, 1.05, ["capped"]), (True, 1.1, []), (False, 1.05, [])]
    )
    def test_of_a_line_beyond_its_cap_is_for_requests_of_people(
        self, is_machine: bool, cap: float, names: list[str]
    ) -> None:
        """The line's target is 1.1: at a cap of 1.1 it is as far from neutral as a machine may move it."""
        of = situation(touched(after=make_spec({"size_mult": 1.1}), cap={"size_mult": cap}), is_machine=is_machine)

        assert found(Step.SIGN, of) == names

    def test_of_a_judgement_against_the_measurement_is_warned_of_it(self) -> None:
        line = replace(NEW, contradicts="has the other sign than the measured edge")

        gate = only(Step.SIGN, situation(line))

        assert (gate.name, gate.severity, gate.message) == (
            "against_measurement", Severity.WARNS,
            "a line: its judgement has the other sign than the measured edge",
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("step", "is_machine", "names"),
        [
            (Step.REQUEST_CHANGES, False, []),
            (Step.REQUEST_CHANGES, True, ["no_author"]),
            (Step.REDRAFT, True, []),
            (Step.REDRAFT, False, ["has_author"]),
        ],
    )
    def test_asks_people_for_changes_and_machines_for_another_draft(
        self, step: Step, is_machine: bool, names: list[str]
    ) -> None:
        assert found(step, situation(NEW, is_machine=is_machine)) == names

    def test_against_it_is_free_whatever_is_wrong_with_the_content(self) -> None:
        line = touched(after=make_spec({"size_mult": 0.9}, stats={"edge_raw": 1.0}), is_vetoed=True)

        assert found(Step.REJECT, situation(line, base_changed="the parameters")) == []


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
