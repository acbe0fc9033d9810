"""The page of a request: what would change, field by field."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.models import ChangeRequest
from overrides.requests.apply import apply_request
from overrides.requests.review import approve, reject
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import draft, make_parameters, make_spec, publish, set_mode

pytestmark = pytest.mark.django_db

N_TARGET = "<code>channels.pm_strength.weights.n_target</code>"


def shown(person: User, request: ChangeRequest) -> str:
    return page(browser_of(person), f"/admin/overrides/changerequest/{request.pk}/change/")


def ask(kind: str, content: dict[str, Any], author: User) -> ChangeRequest:
    return draft(author=author, kind=kind, content=content, at=datetime.now(UTC))


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
    assert "What would change: 1 line<" in text
