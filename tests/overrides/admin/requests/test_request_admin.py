"""The page of a request: what would change, field by field."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.models import ChangeRequest
from overrides.requests.apply import apply_request
from overrides.requests.review import approve, reject
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import approve_and_apply, draft, make_parameters, make_spec, publish, set_mode, without_triggers
from tests.conftest import make_user
from tests.people import as_committed

pytestmark = pytest.mark.django_db

N_TARGET = "<code>channels.pm_strength.weights.n_target</code>"


def shown(person: User, request: ChangeRequest) -> str:
    return page(browser_of(person), f"/admin/overrides/changerequest/{request.pk}/change/")


def ask(kind: str, content: dict[str, Any], author: User) -> ChangeRequest:
    return draft(author=author, kind=kind, content=content, at=datetime.now(UTC))


def in_force(policy: dict[str, Any], others: Sequence[str] = ()) -> ChangeRequest:
    """Return the applied request for a policy of pm, which `others` have approved besides the one who applies it."""
    now = datetime.now(UTC)
    request = draft(kind="policy", content=policy, at=now)
    for name in others:
        approve(request_id=request.pk, by=make_user(name, "overrides.review_changerequest"), at=now)
    applied = approve_and_apply(request, at=now)
    as_committed()  # the database judges by the policy that stood then
    return applied


def drafted_parameters(author: User, n_target: int) -> ChangeRequest:
    weights = make_parameters().to_document()["channels"]["pm_strength"]["weights"] | {"n_target": n_target}
    return ask("parameters", make_parameters({"weights": weights}).to_document(), author)


class TestParametersRequest:
    def test_shows_only_what_differs(self, author: User) -> None:
        text = shown(author, drafted_parameters(author, 31))

        assert f"{N_TARGET}</th><td>25</td><td><strong>31</strong>" in text
        assert text.count('<th scope="row"><code>') == 1
        assert "<details" in text

    def test_is_compared_with_what_is_in_force_now(self, author: User) -> None:
        request = drafted_parameters(author, 31)
        weights = make_parameters().to_document()["channels"]["pm_strength"]["weights"] | {"n_target": 40}
        publish(parameters=make_parameters({"weights": weights}))

        text = shown(author, request)

        assert f"{N_TARGET}</th><td>40</td><td><strong>31</strong>" in text
        assert "it has to be drafted again" in text

    def test_keeps_what_it_changed_once_applied(self, author: User, reviewer: User) -> None:
        request = drafted_parameters(author, 31)
        now = datetime.now(UTC)
        approve(request_id=request.pk, by=reviewer, at=now)
        apply_request(request_id=request.pk, by=reviewer, at=now)

        text = shown(author, request)

        assert "What it asked for" in text
        assert f"{N_TARGET}</th><td>25</td><td><strong>31</strong>" in text

    def test_says_when_nothing_would_change(self, author: User) -> None:
        assert "Nothing would change" in shown(author, drafted_parameters(author, 25))


class TestStrengthOfAPolicyRequest:
    def test_says_that_one_vote_passes_with_an_example(self, author: User) -> None:
        text = shown(author, ask("policy", {"large_movement": 20.0}, author))

        assert '<span class="cw-badge cw-warn">One vote passes</span>' in text
        assert "<li>a request of lines that moves 20 steps with 1 vote of a reviewer of no named group</li>" in text
        assert "mode, policy or trial, which has no size of its own, after 20 steps at most in the window" in text
        assert "take effect without a vote under any policy" in text

    def test_says_that_no_request_passes_with_one_vote(self, author: User) -> None:
        text = shown(author, ask("policy", {"approvals": 2}, author))

        assert "No request passes with one vote." in text
        assert '<span class="cw-badge cw-good">Not weaker</span>' in text
        assert '<span class="cw-badge cw-warn">Weaker</span>' not in text

    def test_names_each_way_in_which_it_is_weaker_than_the_one_in_force(self, author: User) -> None:
        in_force({"approvals": 2})

        text = shown(author, ask("policy", {"daily_cap": 80}, author))

        assert '<span class="cw-badge cw-warn">Weaker</span>' in text
        assert "a request of lines, however large, with 1 vote of a reviewer of no named group would pass" in text
        assert "the builder may move the module farther in a day: daily_cap from 50 to 80" in text

    def test_compares_an_applied_one_with_the_policy_it_replaced(self, author: User) -> None:
        in_force({"approvals": 2})
        weaker = in_force({}, others=["ann"])
        in_force({"approvals": 3, "large_approvals": 3})

        text = shown(author, weaker)

        assert "Is it weaker than the policy it replaced?" in text
        assert '<span class="cw-badge cw-warn">Weaker</span>' in text

    def test_compares_a_rejected_one_with_nothing(self, author: User, reviewer: User) -> None:
        request = ask("policy", {}, author)
        reject(request_id=request.pk, by=reviewer, reason="too weak", at=datetime.now(UTC))

        text = shown(author, request)

        assert "Can a request pass with one vote?" in text
        assert "Is it weaker" not in text

    def test_names_what_is_wrong_with_content_that_is_no_policy(self, author: User) -> None:
        request = ask("policy", {}, author)
        with without_triggers():
            ChangeRequest.objects.filter(pk=request.pk).update(content={"approvals": 0})

        assert "This is no policy, and cannot be applied: approvals: must be 1 to 9." in shown(author, request)

    def test_is_not_shown_of_another_kind(self, author: User) -> None:
        assert "What this policy lets pass" not in shown(author, ask("mode", {"mode": "on"}, author))


class TestModeRequest:
    def test_shows_now_and_then(self, author: User) -> None:
        set_mode("shadow", rollout_percent=10, allow={"bucket": ["micro"]})

        text = shown(author, ask("mode", {"mode": "on", "rollout_percent": 25.0, "allow": {}}, author))

        assert "<code>mode</code></th><td>shadow</td><td><strong>on</strong>" in text
        assert "<code>rollout_percent</code></th><td>10</td><td><strong>25</strong>" in text
        assert "<code>allow.bucket</code></th><td>micro</td><td><strong>\N{EN DASH}</strong>" in text
        assert "<code>challenger" not in text

    def test_shows_what_it_requested_once_closed(self, author: User, reviewer: User) -> None:
        request = ask("mode", {"mode": "on"}, author)
        reject(request_id=request.pk, by=reviewer, reason="not yet", at=datetime.now(UTC))

        text = shown(author, request)

        assert "What it asked for" in text
        assert "<code>mode</code></th><td><strong>on</strong>" in text

    def test_says_when_it_is_in_force_already(self, author: User) -> None:
        request = ask("mode", {"mode": "shadow"}, author)
        set_mode("shadow")

        assert "Nothing would change" in shown(author, request)


class TestRollbackRequest:
    def test_sums_up_and_leads_to_the_comparison(self, author: User, django_assert_max_num_queries: Any) -> None:
        first = publish(make_spec())
        publish(make_spec({"size_mult": 1.2}), make_spec(scope={"bucket": "big"}))
        request = ask("rollback", {"to": 1}, author)
        browser, address = browser_of(author), f"/admin/overrides/changerequest/{request.pk}/change/"
        page(browser, address)  # a process looks up its content types once

        with django_assert_max_num_queries(MOST_QUERIES):
            text = page(browser, address)

        assert f'href="/admin/overrides/version/{first.pk}/change/?against=2"' in text
        assert "0 lines added, 1 changed, 1 withdrawn" in text
        assert "in force now" in text


@pytest.mark.parametrize("kind", ["lines", "parameters", "mode"])
def test_a_request_is_drawn_in_few_queries(
    author: User, reviewer: User, kind: str, django_assert_max_num_queries: Any
) -> None:
    publish(make_spec())
    set_mode("shadow", challenger=1)
    changed = make_spec({"size_mult": 1.2}), make_spec(scope={"bucket": "big"})
    contents = {"parameters": make_parameters().to_document(), "mode": {"mode": "on", "challenger": None}}
    request = ask(kind, contents[kind], author) if kind in contents else draft(*changed, author=author)
    browser = browser_of(reviewer)

    with django_assert_max_num_queries(MOST_QUERIES):
        page(browser, f"/admin/overrides/changerequest/{request.pk}/change/")


def test_a_request_of_lines_shows_its_document_folded(author: User) -> None:
    text = shown(author, draft(make_spec(), author=author, content={"note": 1}, at=datetime.now(UTC)))

    assert "<details" in text
    assert "What would change: 1 line of 1 scope<" in text
