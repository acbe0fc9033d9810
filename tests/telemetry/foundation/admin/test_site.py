"""Every list of the admin, ours and other packages', answers an address that cannot be read with a message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.db import models
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from telemetry.foundation.admin.site import MOST_CHARACTERS, ReadableFilters, unreadable_parameter
from tests.people import make_person

LISTS: dict[Any, Any] = dict(admin.site._registry)
WRONG = ["99999999", "9" * 30, "x"]
WRONG_DATES = ["99999999", "2026-99-99"]
UNREADABLE = {"id__exact": "\0", "q": "a\0b", "p": "9" * 5000, "o": "x" * 500, "_to_field": "x"}


def name_of(model: type[models.Model]) -> str:
    return model._meta.label_lower


def wrong_parameters(model: type[models.Model]) -> Iterator[tuple[str, str]]:
    """What the list reads of its address, its filters and its dates, each with values that are none."""
    of_list = LISTS[model]
    fields = {each.name: each for each in model._meta.concrete_fields}
    dates = {name for name, field in fields.items() if isinstance(field, models.DateField)}
    yield from UNREADABLE.items()
    for each in of_list.list_filter:
        field = each[0] if isinstance(each, tuple) else each
        is_named = isinstance(field, str)
        name = f"{field}__exact" if is_named else str(getattr(field, "parameter_name", ""))
        yield from ((name, value) for value in ([] if is_named and field in dates else WRONG))
    for field in {of_list.date_hierarchy} & dates or sorted(dates)[:1]:
        yield from ((f"{field}__{part}", value) for part in ("year", "gte") for value in WRONG_DATES)


@pytest.fixture
def browser(db: None) -> Client:
    client = Client()
    client.force_login(make_person("root", is_superuser=True, is_staff=True))
    return client


class TestLists:
    def test_are_all_of_this_kind(self) -> None:
        assert len(LISTS) >= 20
        assert [name_of(model) for model, each in LISTS.items() if not isinstance(each, ReadableFilters)] == []

    @pytest.mark.parametrize("model", LISTS, ids=name_of)
    def test_answer_no_parameter_with_an_error(self, model: type[models.Model], browser: Client) -> None:
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        answers = {
            (parameter, value[:12]): browser.get(url, {parameter: value}).status_code
            for parameter, value in wrong_parameters(model)
        }

        assert {key: status for key, status in answers.items() if status not in (200, 302, 400)} == {}

    @pytest.mark.parametrize(
        ("address", "why"),
        [
            ("telemetry/trade/?closed_at__year=99999999", "closed_at__year=99999999 has a value that the list cannot"),
            ("overrides/line/?module__exact=%00", "module__exact holds a NUL character, which no value has"),
            ("overrides/line/?%00=1", "? holds a NUL character"),
            ("overrides/line/?module__exact=" + "x" * 1001, "module__exact is longer than 1000 characters"),
        ],
    )
    def test_show_themselves_whole_with_a_message_that_says_why(self, address: str, why: str, browser: Client) -> None:
        response = browser.get(f"/admin/{address}", follow=True)

        assert [status for _, status in response.redirect_chain] == [302]
        assert f"Filter: {why}" in response.content.decode()
        assert "The list is shown whole" in response.content.decode()

    def test_run_no_action_where_the_address_cannot_be_read(self, browser: Client) -> None:
        response = browser.post("/admin/overrides/override/?line__module__exact=%00", {"action": "retire"}, follow=True)

        assert response.status_code == 200
        assert "holds a NUL character" in response.content.decode()


class TestUnreadableParameter:
    @pytest.mark.parametrize("text", ["", "a=1", "a=1&a=2", "a=" + "x" * MOST_CHARACTERS])
    def test_is_none_of_a_readable_address(self, text: str) -> None:
        assert unreadable_parameter(QueryDict(text)) == ""
