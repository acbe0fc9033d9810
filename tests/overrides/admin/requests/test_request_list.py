"""The list of requests: the effect of each, in a number of queries that does not grow with the rows."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.models import WhatIf
from overrides.requests.impact.effects import request_effects
from overrides.requests.impact.what_if import run_what_if
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import NOW, draft, make_spec, publish
from tests.overrides.requests.impact.test_what_if import MICRO, ask

pytestmark = pytest.mark.django_db

LIST = "/admin/overrides/changerequest/"


def compute_effects() -> None:
    request_effects(now=NOW)
    for row in WhatIf.objects.all():
        run_what_if(row.key, now=NOW)


class TestEffects:
    def test_cost_no_query_a_row(self, author: User, django_assert_max_num_queries: Any) -> None:
        publish(make_spec())
        ask(3)
        for size in (0.9, 1.15, 1.2, 1.25):
            draft(make_spec({"size_mult": size}), author=author)
        compute_effects()
        browser = browser_of(author)

        with django_assert_max_num_queries(MOST_QUERIES):
            text = page(browser, LIST)

        assert text.count("cw-num cw-lowers") == 1
        assert "not computed yet" not in text

    def test_are_unknown_where_nothing_could_be_replayed(self, author: User) -> None:
        draft(make_spec(scope=MICRO), author=author)
        compute_effects()

        assert "the module had logged no decision to replay" in page(browser_of(author), LIST)
