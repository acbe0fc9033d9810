"""The menu by task: what a reviewer needs first, and nothing that a person may not see."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import User

from config.desk.menu import COUNTED_FROM, SECTIONS, menu
from tests.admin_pages import browser_of, page

pytestmark = pytest.mark.django_db


class TestMenu:
    def test_begins_with_what_a_reviewer_needs_most(self, reviewer: User) -> None:
        text = page(browser_of(reviewer), "/admin/overrides/mandate/")
        nav = text[text.index('id="nav-sidebar"') :]

        names = re.findall(r'<th scope="row"><a [^>]*>([^<]+)</a>', nav)

        assert names[:5] == ["Today", "Requests", "Overrides", "Audit trail", "Mandates"]
        assert re.findall(r'aria-current="page">([^<]+)<', nav) == ["Mandates"]

    def test_holds_only_what_a_person_may_see(self) -> None:
        apps = [{"models": [{"object_name": "Trade", "name": "Trades", "admin_url": "/t/"}]}]

        assert [(each.title, [entry.name for entry in each.entries]) for each in menu(apps)] == [
            ("", ["Today"]),
            ("What happened", ["Trades", "Trades by book", "Coverage"]),
        ]

    def test_lists_what_no_section_names_last(self) -> None:
        apps = [{"models": [{"object_name": "Novelty", "name": "Novelties", "admin_url": "/n/"}]}]

        assert [each.title for each in menu(apps)] == ["", "Other"]

    @pytest.mark.parametrize(
        ("address", "name"),
        [
            ("/admin/books/", "Trades by book"),
            ("/admin/coverage/", "Coverage"),
            ("/admin/earned/", "Earned"),
            ("/admin/levers/", "Levers"),
            ("/admin/levers/size_mult/", "Levers"),
            ("/admin/coverage/unknown/", "Coverage"),
            ("/admin/never-matched/", "Never matched"),
            ("/admin/reports/weekly/", "Weekly reports"),
        ],
    )
    def test_marks_the_pages_that_belong_to_no_model(self, reviewer: User, address: str, name: str) -> None:
        text = page(browser_of(reviewer), address)
        nav = text[text.index('id="nav-sidebar"') :]

        assert re.findall(r'aria-current="page">([^<]+)<', nav) == [name]

    def test_hides_them_from_those_who_may_not_see_trades(self) -> None:
        apps = [{"models": [{"object_name": "Decision", "name": "Decisions", "admin_url": "/d/"}]}]

        assert [entry.name for each in menu(apps) for entry in each.entries] == ["Today", "Decisions"]

    def test_names_only_models_that_there_are(self) -> None:
        known = {model._meta.model_name for model in admin.site._registry} | COUNTED_FROM.keys()

        assert {key for entries in SECTIONS.values() for key in entries} <= known
