"""What decides a request stands first on its page; what was known then and what an edit changed are shown."""

from __future__ import annotations

import html
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.models import ChangeRequest
from overrides.requests.authoring import edit_request
from overrides.requests.evidence import Measured
from overrides.requests.kinds.kind import DraftLine
from overrides.requests.manual_entry import draft_by_hand, edit
from overrides.requests.review import approve, reject
from tests.admin_pages import browser_of, page
from tests.builders import approve_and_apply, draft, make_spec, publish, without_triggers
from tests.conftest import make_user
from tests.learning.admin.test_significance_admin import words

pytestmark = pytest.mark.django_db
REQUESTS = "/admin/overrides/changerequest/"
DIP = {"macro_phase": "Dip"}
RUN = {
    "verdict": "noise", "tone": "noise", "label": "indistinguishable from noise", "sentence": "It is all noise.",
    "method": "plan", "found": 8, "twins": [8, 9], "tested": 100, "as_of": "2026-06-30T00:00:00Z",
}  # fmt: skip


def now() -> datetime:
    return datetime.now(UTC)


def shown(person: User, request: ChangeRequest) -> str:
    return page(browser_of(person), f"{REQUESTS}{request.pk}/change/")


def text_of(person: User, request: ChangeRequest) -> str:
    return html.unescape(words(shown(person, request)))


class TestOrder:
    def test_is_decision_changes_evidence_discussion_history_and_the_buttons_again(
        self, author: User, reviewer: User
    ) -> None:
        text = shown(reviewer, draft(make_spec(), author=author, at=now(), measured=Measured(RUN)))

        marks = [
            'id="cw-decision"',
            'class="button cw-approve"',
            'id="cw-changes"',
            'id="cw-then"',
            ">Votes<",
            ">History<",
        ]
        assert [text.index(mark) for mark in marks] == sorted(text.index(mark) for mark in marks)
        assert text.rindex('class="button cw-approve"') > text.index(">History<")


class TestWhatChanges:
    def test_is_counted_by_action_and_scope(self, author: User, reviewer: User) -> None:
        gone = make_spec(scope=DIP)
        publish(gone)
        added = [make_spec(), make_spec({"trail_mult": 1.2}, type="pm_tuning", action_category="trim")]
        lines = [DraftLine(gone.line, None, ["withdrawn"]), *(_stored(each) for each in added)]

        text = text_of(reviewer, draft(lines=lines, author=author, at=now()))

        assert "3 lines of 3 scopes: new 2 added gone 1 withdrawn" in text
        assert "donchian.long.breakout entry: 2 scopes, 1 added, 1 withdrawn" in text

    def test_has_both_channels_of_a_scope_in_one_row(self, author: User, reviewer: User) -> None:
        tuning = make_spec({"entry_delay_bars": 1.0}, type="pm_tuning")

        text = shown(reviewer, draft(make_spec(), tuning, author=author, at=now()))

        table = text[text.index('id="cw-changes"') :]
        assert "2 lines of 1 scope" in table
        assert table[: table.index("</table>")].count("<tr>") == 2  # the head and one row
        assert ">strength</a>" in table
        assert ">tuning</a>" in table

    def test_names_the_reason_of_a_withdrawal_and_what_the_line_earned(self, author: User, reviewer: User) -> None:
        gone = make_spec(scope=DIP)
        publish(gone)
        known = Measured(RUN, {gone.line: {"reason": "its edge fell to +0.300 R over 61 trades"}})
        request = draft(lines=[DraftLine(gone.line, None, ["withdrawn"])], author=author, at=now(), measured=known)

        text = text_of(reviewer, request)

        assert "Withdrawn: its edge fell to +0.300 R over 61 trades." in text
        assert "It had earned nothing: no closed trade was attributed to it." in text


class TestJudgement:
    def by_hand(self, proposer: User, low: float, high: float, monkeypatch: pytest.MonkeyPatch) -> ChangeRequest:
        spec = make_spec({"size_mult": 0.9})
        measured = {"n": 40, "raw": (low + high) / 2, "low": low, "high": high}
        known = Measured(RUN, {spec.line: measured})
        monkeypatch.setattr("overrides.requests.evidence._sources", [lambda *given: known])
        return draft_by_hand(spec, by=proposer, reason="careful", at=now())

    def test_that_contradicts_what_is_measured_is_marked(
        self, author: User, reviewer: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = text_of(reviewer, self.by_hand(author, 0.16, 0.88, monkeypatch))

        assert "by hand" in text
        assert "contradicts what is measured measured +0.520 R, 95 % 0.16 to 0.88, n = 40" in text

    @pytest.mark.parametrize(("low", "high"), [(-0.9, -0.2), (-0.2, 0.9)])
    def test_that_agrees_or_may_agree_is_marked_as_by_hand_only(
        self, author: User, reviewer: User, monkeypatch: pytest.MonkeyPatch, low: float, high: float
    ) -> None:
        text = text_of(reviewer, self.by_hand(author, low, high, monkeypatch))

        assert "by hand" in text
        assert "contradicts what is measured" not in text


class TestKnownThen:
    def test_is_what_was_stored_and_not_what_is_known_today(self, author: User, reviewer: User) -> None:
        request = approve_and_apply(draft(make_spec(), author=author, at=now(), measured=Measured(RUN)), at=now())

        text = text_of(reviewer, request)

        assert "What was known when it was decided" in text
        assert text.count("It is all noise.") == 2  # at first, and with its figures
        assert "8, 9" in text

    def test_of_requests_from_before_was_not_stored(self, author: User, reviewer: User) -> None:
        request = draft(make_spec(), author=author, at=now())
        with without_triggers():
            request.evidence.all().delete()
        with without_triggers():
            ChangeRequest.objects.filter(pk=request.pk).update(state="rejected", closed_at=now())

        assert "The evidence of then was not stored." in text_of(reviewer, request)


class TestSinceMyVote:
    def test_shows_each_field_that_an_edit_changed(self, author: User, reviewer: User) -> None:
        request = draft_by_hand(make_spec({"size_mult": 0.9}), by=author, reason="careful", at=now())
        approve(request_id=request.pk, by=reviewer, at=now())
        (change,) = request.lines.all()
        edit(
            request_id=request.pk, by=author, title=request.title, reason="more careful", at=now(), keep=[change.pk],
            levers={change.pk: {"size_mult": 0.85}},
        )  # fmt: skip

        text = text_of(reviewer, request)

        assert "Changed since your last vote: 1 line" in text
        assert "the request reason careful more careful" in text
        assert "size_mult 0.9 0.85" in text
        assert "Changed since your last vote" not in text_of(
            make_user("other", "overrides.view_changerequest"), request
        )

    def test_is_gone_after_voting_again(self, author: User, reviewer: User) -> None:
        request = draft(make_spec(), author=author, at=now())
        approve(request_id=request.pk, by=reviewer, at=now())
        edit_request(request_id=request.pk, by=author, at=now(), lines=[_stored(make_spec())], title="another")
        assert "the request title a change another" in text_of(reviewer, request)

        approve(request_id=request.pk, by=reviewer, at=now())

        assert "Changed since your last vote" not in text_of(reviewer, request)

    def test_names_lines_that_were_left_out(self, author: User, reviewer: User) -> None:
        request = draft(make_spec(), make_spec(scope=DIP), author=author, at=now())
        approve(request_id=request.pk, by=reviewer, at=now())
        edit_request(request_id=request.pk, by=author, at=now(), lines=[_stored(make_spec())])

        assert "macro_phase Dip line among the lines left out" in text_of(reviewer, request)


class TestWhoMayAct:
    def test_says_what_it_waits_for_and_what_the_reader_may_do(self, author: User, reviewer: User) -> None:
        request = draft(make_spec(), author=author, at=now())

        assert "It waits for 1 more approval by reviewers other than its author, author. You may:" in text_of(
            reviewer, request
        )

    def test_leads_to_the_next_request_that_waits_for_the_reader(self, author: User, reviewer: User) -> None:
        first, own, second = (draft(make_spec(scope=DIP), author=each, at=now()) for each in (author, reviewer, author))
        browser = browser_of(reviewer)

        answer: Any = browser.get(f"{REQUESTS}{first.pk}/next/")
        assert answer["Location"] == f"{REQUESTS}{second.pk}/change/"
        reject(request_id=second.pk, by=reviewer, reason="no", at=now())

        answer = browser.get(f"{REQUESTS}{first.pk}/next/", follow=True)

        assert "No other request waits for your vote" in answer.content.decode()
        assert own.state == "in_review"
        assert browser_of(author).get(f"{REQUESTS}{first.pk}/next/").status_code == 403


def _stored(spec: Any) -> DraftLine:
    from overrides.versions.publish import store_override

    return DraftLine(spec.line, store_override(spec, source="person", at=now()).id, ["new line"])
