"""The table of a request's states, and its copy in the database."""

from __future__ import annotations

import pytest

from overrides.core.governance.request_states import OPEN, TRANSITIONS, State, Step, WrongState, after, allows, moves

CLOSED = sorted(set(State) - set(OPEN))
LEADS = {  # from draft, in_review, changes_requested, approved and scheduled; "-" where the step is not allowed
    Step.EDIT: "draft in_review in_review in_review in_review",
    Step.SUBMIT: "in_review - in_review - -",
    Step.SIGN: "- in_review - approved scheduled",
    Step.APPROVE: "- approved - approved scheduled",
    Step.REQUEST_CHANGES: "- changes_requested - changes_requested changes_requested",
    Step.REDRAFT: "- cancelled cancelled cancelled cancelled",
    Step.REJECT: "- rejected rejected rejected rejected",
    Step.CANCEL: "cancelled cancelled cancelled cancelled cancelled",
    Step.SCHEDULE: "- - - scheduled scheduled",
    Step.UNSCHEDULE: "- - - - approved",
    Step.APPLY: "- - - applied applied",
    Step.FAIL: "- - - - failed",
    Step.EXPIRE: "expired expired expired expired expired",
    Step.DELEGATE: "applied - - - -",
    Step.ACT_AT_ONCE: "applied - - - -",
}


class TestTransitions:
    def test_name_every_step(self) -> None:
        assert set(TRANSITIONS) == set(Step)

    @pytest.mark.parametrize("step", Step)
    def test_lead_from_each_open_state_to_the_one_of_the_table(self, step: Step) -> None:
        found = [after(step, state).value if allows(step, state) else "-" for state in OPEN]

        assert found == LEADS[step].split()

    @pytest.mark.parametrize("state", CLOSED)
    def test_lead_nowhere_from_a_closed_state(self, state: State) -> None:
        assert [step for step in Step if allows(step, state)] == []

    def test_reach_every_state(self) -> None:
        assert {end for _, end in moves()} == {state.value for state in State}

    @pytest.mark.parametrize("state", OPEN)
    def test_let_every_open_request_be_taken_back_and_expire(self, state: State) -> None:
        assert (after(Step.CANCEL, state), after(Step.EXPIRE, state)) == (State.CANCELLED, State.EXPIRED)

    def test_apply_only_what_was_agreed_or_needs_no_vote_before(self) -> None:
        assert {start for start, end in moves() if end == "applied"} == {"approved", "scheduled", "draft"}
        assert {step for step in Step if State.APPLIED in TRANSITIONS[step].values()} == {
            Step.APPLY, Step.DELEGATE, Step.ACT_AT_ONCE,
        }  # fmt: skip

    def test_void_an_approval_by_an_edit(self) -> None:
        assert {after(Step.EDIT, state) for state in OPEN if state is not State.DRAFT} == {State.IN_REVIEW}

    def test_say_which_states_allow_a_step(self) -> None:
        with pytest.raises(WrongState, match="is expired; only approved, scheduled allows to schedule"):
            after(Step.SCHEDULE, "expired")
