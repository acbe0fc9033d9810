"""The list of mandates: what each of them still allows the builder."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.models import Mandate
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import make_spec, publish

pytestmark = pytest.mark.django_db

URL = "/admin/overrides/mandate/"


def test_shows_what_is_left_of_reach_days_and_evidence(author: User) -> None:
    publish(make_spec({"size_mult": 1.1}, stats={"n": 40, "edge_raw": 0.8}), at=datetime.now(UTC))
    mandate = Mandate.objects.get()

    listed = page(browser_of(author), URL)
    shown = page(browser_of(author), f"{URL}{mandate.pk}/change/")

    for text in (listed, shown):
        assert 'size_mult <span class="cw-num">0.0000</span>' in text  # the value in force is the farthest approved one
        assert '>40</span> <span class="cw-quiet">of <span class="cw-num">20</span>' in text
        assert ">0.800</span>" in text
    assert f'href="/admin/overrides/line/{mandate.line_id}/change/"' in listed
    assert f'href="/admin/overrides/changerequest/{mandate.request_id}/change/"' in listed


def test_says_which_are_due(author: User) -> None:
    publish(make_spec())  # published in March, overdue since
    publish(make_spec(scope={"bucket": "big"}), at=datetime.now(UTC))

    assert "1 mandate<" in page(browser_of(author), f"{URL}?due=over").replace("\n", "<")
    assert "overdue" in page(browser_of(author), f"{URL}?due=soon")
    assert "No mandates match" in page(browser_of(author), f"{URL}?due=ended")


def test_hides_what_lapsed_with_its_line_unless_selected(author: User) -> None:
    spec = make_spec()
    publish(spec)  # published in March, overdue since
    publish(withdraw=[spec.line])

    browser = browser_of(author)
    assert "0 mandates" in page(browser, URL)
    assert "No mandates match" in page(browser, f"{URL}?due=soon")
    assert "1 mandate<" in page(browser, f"{URL}?due=any").replace("\n", "<")


def test_costs_no_query_a_row(author: User, django_assert_max_num_queries: Any) -> None:
    publish(*(make_spec(scope={"bucket": f"b{number}"}) for number in range(20)))
    browser = browser_of(author)

    with django_assert_max_num_queries(MOST_QUERIES):
        page(browser, URL)
