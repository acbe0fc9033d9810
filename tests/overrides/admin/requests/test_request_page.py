"""The page of a request: the gates in its way, the steps it offers, and its comments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.models import ChangeRequest, WhatIf
from overrides.requests.authoring import edit_request
from overrides.requests.emergency import retire_lines, veto_line
from overrides.requests.impact.effects import request_effects
from overrides.requests.impact.what_if import run_what_if
from overrides.requests.kinds.kind import DraftLine
from overrides.requests.review import approve, request_changes
from overrides.serving.engine import load_engine
from overrides.serving.resolve import resolve_one
from overrides.versions.publish import store_override
from telemetry.decisions.decision_log import record_decisions
from telemetry.foundation.core.canonical_json import utc_text
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import NOW, approve_and_apply, draft, make_question, make_spec, publish
from tests.conftest import make_user
from tests.overrides.requests.impact.test_what_if import ask
from tests.people import as_committed, settled

pytestmark = pytest.mark.django_db

REQUESTS = "/admin/overrides/changerequest/"


def drafted(author: User | None, *scopes: str, **over: Any) -> ChangeRequest:
    specs = [make_spec(scope={"bucket": scope}) for scope in scopes or ("micro",)]
    return draft(*specs, author=author, at=datetime.now(UTC), **over)


def shown(person: User, request: ChangeRequest) -> str:
    return page(browser_of(person), f"{REQUESTS}{request.pk}/change/")


def post(person: User, request: ChangeRequest, step: str, **data: Any) -> str:
    response = browser_of(person).post(f"{REQUESTS}{request.pk}/{step}/", data, follow=True)
    request.refresh_from_db()
    return response.content.decode()


class TestGates:
    def test_are_all_shown_at_once_with_the_way_past(self, author: User, reviewer: User) -> None:
        now = datetime.now(UTC)
        spec = make_spec(stats={"n": 3})
        request = draft(spec, author=author, at=now)
        rival = draft(spec, author=author, at=now)
        operator = make_user("stopper", "overrides.lower_modulemode")
        veto_line(line_id=spec.line, by=operator, reason="it lost", at=now)

        text = shown(reviewer, request)

        assert "rest on fewer than 10 trades" in text
        assert "a veto stands" in text
        assert "lift the veto, or leave the line out" in text
        assert f"request {rival.pk} would change some of the same lines" in text
        assert f'href="{REQUESTS}{request.pk}/approve/' not in text

    def test_of_a_refused_step_are_those_that_were_shown(self, author: User, reviewer: User) -> None:
        request = draft(make_spec(stats={"n": 3}), author=author, at=datetime.now(UTC))

        response_text = post(reviewer, request, "approve")

        assert "rest on fewer than 10 trades; leave them out until there are more" in response_text
        assert request.state == "in_review"

    def test_are_absent_without_obstacles(self, author: User, reviewer: User) -> None:
        assert "Blockers" not in shown(reviewer, drafted(author))

    def test_cost_no_query_a_line(self, author: User, reviewer: User, django_assert_max_num_queries: Any) -> None:
        request = drafted(author, *(f"b{number}" for number in range(30)))
        browser = browser_of(reviewer)

        with django_assert_max_num_queries(MOST_QUERIES):
            page(browser, f"{REQUESTS}{request.pk}/change/")


class TestVotes:
    def test_say_which_counts_now_and_why_others_do_not(self, author: User, reviewer: User) -> None:
        now = datetime.now(UTC)
        request = drafted(author)
        other = make_user("other", "overrides.review_changerequest")
        approve(request_id=request.pk, by=reviewer, at=now)
        edit_request(request_id=request.pk, by=author, title="another", reason="edited", at=now)
        approve(request_id=request.pk, by=other, at=now)
        request_changes(request_id=request.pk, by=other, reason="no, after all", at=now)

        text = shown(author, request)

        assert f"<td>{reviewer}</td>" in text
        for standing in ("edited since", "replaced by a later vote", "against"):
            assert f">{standing}</span></td>" in text
        assert "<td>yes</td>" not in text

    def test_of_a_person_without_the_group_that_the_policy_names_do_not_count(self, author: User) -> None:
        now = datetime.now(UTC)
        request = drafted(author)
        approve(request_id=request.pk, by=make_user("desk", "overrides.review_changerequest"), at=now)
        as_committed()
        approve_and_apply(draft(kind="policy", content={"groups": ["risk"]}, at=now), at=now)

        text = shown(author, request)

        assert "of no group whose votes count</span></td>" in text
        assert "0 of 1" in text

    def test_can_be_given_again_where_an_approval_has_lapsed(self, author: User, reviewer: User) -> None:
        request = drafted(author)
        leaver = make_user("leaver", "overrides.review_changerequest")
        approve(request_id=request.pk, by=leaver, at=datetime.now(UTC))
        as_committed()
        approve_href = f'href="{REQUESTS}{request.pk}/approve/'
        assert approve_href not in shown(reviewer, request)

        with settled():
            leaver.user_permissions.clear()

        assert approve_href in shown(reviewer, request)

    def test_cost_no_query_a_voter(self, author: User, reviewer: User, django_assert_max_num_queries: Any) -> None:
        approve_and_apply(draft(kind="policy", content={"approvals": 9, "large_approvals": 9}, at=datetime.now(UTC)))
        request = drafted(author)
        for number in range(6):
            voter = make_user(f"voter{number}", "overrides.review_changerequest")
            approve(request_id=request.pk, by=voter, at=datetime.now(UTC))
        browser = browser_of(reviewer)

        with django_assert_max_num_queries(MOST_QUERIES):
            page(browser, f"{REQUESTS}{request.pk}/change/")


class TestSteps:
    def test_of_an_author_are_to_submit_and_cancel(self, author: User) -> None:
        request = drafted(author, submit=False)

        text = shown(author, request)

        assert f'href="{REQUESTS}{request.pk}/submit/' in text
        assert f'href="{REQUESTS}{request.pk}/cancel/' in text
        assert f'href="{REQUESTS}{request.pk}/approve/' not in text

    def test_show_the_health_beside_the_state(self, author: User, reviewer: User) -> None:
        request = drafted(author)
        assert ">valid<" in shown(reviewer, request)

        publish(make_spec({"size_mult": 1.3}, scope={"bucket": "micro"}), at=datetime.now(UTC))

        assert ">stale<" in shown(reviewer, request)

    def test_do_not_send_back_what_a_machine_drafted(self, reviewer: User) -> None:
        text = shown(reviewer, drafted(None))

        assert "Reject…" in text
        assert "Request changes" not in text
        assert "reads no comments" not in text

    def test_submit_then_request_changes(self, author: User, reviewer: User) -> None:
        request = drafted(author, submit=False)

        post(author, request, "submit")
        post(reviewer, request, "request_changes", reason="fewer lines")

        assert request.state == "changes_requested"
        assert "fewer lines" in shown(author, request)

    def test_cancel_takes_it_back_with_a_reason(self, author: User) -> None:
        request = drafted(author)

        post(author, request, "cancel", reason="a mistake")

        assert request.state == "cancelled"

    def test_approve_only_the_ticked_lines(self, author: User, reviewer: User) -> None:
        request = drafted(author, "micro", "big")
        ticked = request.lines.get(line__scope={"bucket": "big"})
        browser = browser_of(reviewer)
        confirmation = page(browser, f"{REQUESTS}{request.pk}/approve/?only={ticked.pk}")

        post(reviewer, request, "approve", only=ticked.pk, seen=request.content_hash)

        assert "Only these lines" in confirmation
        assert request.state == "approved"
        assert request.lines.get().line_id == ticked.line_id
        rest = request.parts.get()
        assert rest.lines.get().line.scope == {"bucket": "micro"}
        assert f'href="{REQUESTS}{rest.pk}/change/"' in shown(reviewer, request)
        assert f'href="{REQUESTS}{request.pk}/change/"' in shown(reviewer, rest)

    def test_schedule_for_a_time_in_utc_and_not(self, author: User, reviewer: User) -> None:
        request = drafted(author)
        approve(request_id=request.pk, by=reviewer, at=datetime.now(UTC))
        due = (datetime.now(UTC) + timedelta(days=1)).replace(second=0, microsecond=0)

        post(reviewer, request, "schedule", due=due.strftime("%Y-%m-%dT%H:%M"))
        assert (request.state, request.scheduled_for) == ("scheduled", due)

        post(reviewer, request, "unschedule")
        assert (request.state, request.scheduled_for) == ("approved", None)

    def test_schedule_refuses_what_is_no_time(self, author: User, reviewer: User) -> None:
        request = drafted(author)
        approve(request_id=request.pk, by=reviewer, at=datetime.now(UTC))

        response_text = post(reviewer, request, "schedule", due="tomorrow")

        assert "Due: tomorrow is no time" in response_text
        assert request.state == "approved"

    def test_acknowledge_what_took_effect_at_once(self, operator: User, reviewer: User) -> None:
        spec = make_spec()
        publish(spec)
        now = datetime.now(UTC)
        request = retire_lines(module="pm", lines=[spec.line], by=operator, reason="it lost", at=now)
        assert "not yet" in shown(reviewer, request)

        post(reviewer, request, "acknowledge", reason="rightly so")

        assert request.acknowledged_by == "reviewer"
        assert f'href="{REQUESTS}{request.pk}/acknowledge/' not in shown(reviewer, request)


class TestEffect:
    @pytest.fixture
    def withdrawal(self, author: User) -> ChangeRequest:
        cut = make_spec({"size_mult": 0.8}, stats={"updated_at": utc_text(datetime.now(UTC))})
        publish(cut)
        ask(3)
        return draft(author=author, at=datetime.now(UTC), lines=[DraftLine(cut.line, None, ["withdrawn"])])

    def test_is_being_computed_and_nothing_waits_for_it(self, withdrawal: ChangeRequest, reviewer: User) -> None:
        text = shown(reviewer, withdrawal)

        assert "being computed; nothing waits for it" in text
        assert f'href="{REQUESTS}{withdrawal.pk}/approve/' in text

    def test_of_a_cut_that_is_withdrawn_is_more_exposure_and_warns(
        self, withdrawal: ChangeRequest, reviewer: User
    ) -> None:
        request_effects(now=datetime.now(UTC))
        run_what_if(WhatIf.objects.get().key, now=datetime.now(UTC))

        text = " ".join(shown(reviewer, withdrawal).split())

        assert 'exposure change</dt><dd><span class="cw-num cw-raises">+2.00 %</span>' in text
        assert "in a replay of the last 3 decisions, as if the module were on; no band: 0 whole days" in text
        assert "Answers that change: 3 (size_mult 3)" in text

    def test_of_a_policy_is_none(self, author: User, reviewer: User) -> None:
        request = draft(kind="policy", content={"approvals": 2}, author=author, at=datetime.now(UTC))

        assert "none: a policy decides who may approve what" in shown(reviewer, request)


class TestComments:
    def test_belong_to_the_request_or_to_a_line(self, author: User, reviewer: User) -> None:
        request = drafted(author)
        line = request.lines.get()

        post(reviewer, request, "comment", reason="why now?")
        post(reviewer, request, "comment", reason="too few trades", only=line.pk)

        text = shown(author, request)
        assert "why now?" in text
        assert text.count("too few trades") == 3  # at the line, in the comments and in the history
        assert [each.line_id for each in request.comments.all()] == [None, line.line_id]


class TestHistory:
    def test_shows_who_did_what(self, author: User, reviewer: User) -> None:
        request = drafted(author)
        approve(request_id=request.pk, by=reviewer, at=datetime.now(UTC), reason="forty trades")

        text = shown(author, request)

        assert "<td>author</td><td>draft</td>" in text
        assert "<td>reviewer</td><td>approve</td>" in text
        assert "1 of 1" in text


class TestWhatIf:
    def test_is_requested_and_then_shown(self, author: User, reviewer: User) -> None:
        request = drafted(author)
        browser = browser_of(reviewer)

        browser.post(f"{REQUESTS}{request.pk}/what-if/")

        row = WhatIf.objects.get(request=request)
        assert "Look again" in shown(reviewer, request)
        run_what_if(row.key, now=datetime.now(UTC))
        assert "Answers changed" in shown(reviewer, request)

    def test_of_coefficients_alone_shows_the_product_as_one_more_lever(self, author: User, reviewer: User) -> None:
        engine = load_engine("dm")
        pattern = {"pattern_key": "dm_pattern.allocation.allocation", "action_category": "allocation"}
        question = make_question(module="dm", scope={"chain": "base"}, **pattern)
        record_decisions([resolve_one(question, engine, now=NOW).record])
        request = draft(
            module="dm", content={"coefficients": {"chain=base": 1.2}}, lines=(), author=author, at=datetime.now(UTC)
        )

        assert "What if?" in shown(reviewer, request)
        browser_of(reviewer).post(f"{REQUESTS}{request.pk}/what-if/")
        run_what_if(WhatIf.objects.get(request=request).key, now=datetime.now(UTC))

        text = shown(reviewer, request)
        assert "coefficient product as served" in text
        assert '<th scope="row">chain=base</th>' in text
        assert "cut by the cap" in text

    def test_of_an_earlier_content_is_not_shown(self, author: User, reviewer: User) -> None:
        request = drafted(author)
        browser_of(reviewer).post(f"{REQUESTS}{request.pk}/what-if/")
        run_what_if(WhatIf.objects.get(request=request).key, now=datetime.now(UTC))

        lines = [DraftLine(each.line_id, each.after_id) for each in request.lines.all()]
        edit_request(request_id=request.pk, by=author, at=datetime.now(UTC), lines=lines)

        assert "Answers changed" not in shown(reviewer, request)

    def test_takes_a_post_of_somebody_who_may_propose_or_decide(self, author: User, reviewer: User) -> None:
        request = drafted(author)

        assert browser_of(author).post(f"{REQUESTS}{request.pk}/what-if/").status_code == 403
        assert browser_of(reviewer).get(f"{REQUESTS}{request.pk}/what-if/").status_code == 405
        assert not WhatIf.objects.exists()


class TestAReturnedRequest:
    def test_says_to_its_author_what_he_can_do(self, author: User, reviewer: User) -> None:
        request = drafted(author)
        request_changes(request_id=request.pk, by=reviewer, reason="fewer lines", at=datetime.now(UTC))

        text = " ".join(shown(author, request).split())

        assert "“fewer lines”" in text
        assert "You can edit it, submit it again, or cancel it." in text

    def test_says_to_others_whom_it_waits_for(self, author: User, reviewer: User) -> None:
        request = drafted(author)
        request_changes(request_id=request.pk, by=reviewer, reason="fewer lines", at=datetime.now(UTC))

        assert "It waits for its author, author." in shown(reviewer, request)


def brought(spec: OverrideSpec, at: datetime) -> DraftLine:
    return DraftLine(spec.line, store_override(spec, source="lesson", at=at).id, [])


class TestWhatRejectingDoes:
    def asked(self, person: User, request: ChangeRequest, step: str = "reject") -> str:
        return " ".join(page(browser_of(person), f"{REQUESTS}{request.pk}/{step}/").split())

    def test_is_said_with_counts_and_dates(self, reviewer: User) -> None:
        now = datetime.now(UTC)
        publish(make_spec(), make_spec(scope={"macro_phase": "Dip"}))
        changed, new = make_spec({"size_mult": 1.2}), make_spec(scope={"macro_phase": "Bad"})
        request = draft(
            author=None, at=now,
            lines=[
                *(brought(each, now) for each in (changed, new)),
                DraftLine(make_spec(scope={"macro_phase": "Dip"}).line, None, ["withdrawn"]),
            ],
        )  # fmt: skip

        text = self.asked(reviewer, request)

        until = datetime.now(UTC) + timedelta(days=30)
        assert f"2 proposed lines will be pinned until {until:%Y-%m-%d}" in text
        assert "1 withdrawal will not be pinned" in text
        assert "if its trades grow by half, or if its edge moves by one standard error of today" in text

    def test_of_a_person_is_said_too(self, author: User, reviewer: User) -> None:
        request = drafted(author)

        assert "author reads your reason. No line is pinned" in self.asked(reviewer, request)
        assert "goes back to author, who finds it on the start page" in self.asked(reviewer, request, "request_changes")
