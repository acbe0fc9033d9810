"""Notices on the start page about changes to who may approve, until each reader has acknowledged them."""

from __future__ import annotations

import html
import re

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from config.access.people_audit import people_audited
from telemetry.audit.notices import unread
from telemetry.models import Acknowledgement, AuditEntry, Notice
from tests.admin_pages import browser_of, page
from tests.builders import NOW
from tests.conftest import make_user
from tests.people import as_committed, make_person

pytestmark = pytest.mark.django_db

HEADING = "Who may approve has changed"
READ = "/admin/notices/acknowledge/"


def let_approve(name: str, actor: str = "root", reason: str = "") -> Notice:
    person = User.objects.filter(username=name).first() or make_person(name)
    with people_audited(actor=actor, at=NOW, reason=reason):
        person.groups.add(Group.objects.get(name="reviewer"))
    as_committed()
    return Notice.objects.latest("pk")


def first_page(browser: Client) -> str:
    """Return the text of the start page without markup."""
    return html.unescape(re.sub(r"<[^>]*>|\s+", " ", page(browser, "/admin/")))


class TestInbox:
    def test_shows_everybody_who_approves_what_was_done_by_whom_and_why(self, reviewer: User) -> None:
        let_approve("mallory", actor="root", reason="covers for Ada")

        for who in (reviewer, make_person("chief", is_staff=True, is_superuser=True)):
            text = first_page(browser_of(who))
            assert HEADING in text
            assert re.search(r"root\s+put mallory into reviewer\s+·\s+2026-03-\d\d \d\d:\d\d", text), text
            assert "covers for Ada" in text

    def test_shows_nothing_to_others(self, operator: User, author: User) -> None:
        let_approve("mallory")

        assert not any(HEADING in first_page(browser_of(who)) for who in (operator, author))

    def test_shows_a_notice_until_its_reader_acknowledges_it(self, reviewer: User) -> None:
        notice, other = let_approve("mallory"), make_user("other", "overrides.review_changerequest")
        browser = browser_of(reviewer)

        answer = browser.post(READ, {"notice": notice.pk})
        as_committed()

        assert answer["Location"] == "/admin/"
        text = first_page(browser)
        assert "1 notice acknowledged" in text
        assert HEADING not in text
        assert HEADING in first_page(browser_of(other))
        entry = AuditEntry.objects.get(action="acknowledge")
        assert (entry.actor, entry.object) == ("reviewer", f"notice {notice.pk}")

    def test_is_not_acknowledged_for_others_by_the_person_concerned(self, reviewer: User) -> None:
        mallory = make_person("mallory", is_staff=True)
        notice = let_approve("mallory", actor="mallory")

        browser_of(mallory).post(READ, {"notice": notice.pk})

        assert list(Acknowledgement.objects.values_list("person__username", flat=True)) == ["mallory"]
        assert list(unread(reviewer)) == [notice]

    def test_ignores_a_second_click(self, reviewer: User) -> None:
        notice, browser = let_approve("mallory"), browser_of(reviewer)

        for _ in range(2):
            browser.post(READ, {"notice": [notice.pk, notice.pk]})

        assert Acknowledgement.objects.count() == AuditEntry.objects.filter(action="acknowledge").count() == 1

    def test_acknowledges_many_at_once_and_counts_the_rest(self, reviewer: User) -> None:
        notices = [let_approve(f"person{number}").pk for number in range(14)]
        browser = browser_of(reviewer)

        assert "14 in total; the others follow" in first_page(browser)
        browser.post(READ, {"notice": notices[2:]})

        assert [each.pk for each in unread(reviewer)] == [notices[1], notices[0]]
        assert "Acknowledge all 2" in first_page(browser)

    @pytest.mark.parametrize("sent", ["x", "", "-1", "9" * 40, "\0", "²"])
    def test_ignores_what_is_no_notice(self, reviewer: User, sent: str) -> None:
        let_approve("mallory")

        assert browser_of(reviewer).post(READ, {"notice": sent}).status_code == 302
        assert not Acknowledgement.objects.exists()

    def test_ignores_notices_for_other_readers(self, operator: User) -> None:
        notice = let_approve("mallory")

        browser_of(operator).post(READ, {"notice": notice.pk})

        assert not Acknowledgement.objects.exists()

    def test_accepts_only_posts(self, reviewer: User) -> None:
        assert browser_of(reviewer).get(READ).status_code == 405


class TestWords:
    def test_describe_each_way_to_gain_approval_rights(self, reviewer: User) -> None:
        make_person("cy", groups=("desk",))
        people = {name: make_person(name) for name in ("ada", "bob")}
        eve = make_person("eve", "overrides.review_changerequest", is_active=False)
        with people_audited(actor="root", at=NOW):
            people["ada"].is_superuser = True
            people["ada"].save()
            eve.is_active = True
            eve.save()
            reviewer.set_password("another one")
            reviewer.save()
            User.objects.create_superuser("new")
            review = reviewer.user_permissions.get(codename="review_changerequest")
            people["bob"].user_permissions.add(review)
            Group.objects.get(name="desk").permissions.add(review)
        as_committed()

        text = first_page(browser_of(make_user("reads", "overrides.review_changerequest")))

        for deed in (
            "made ada a superuser", "activated eve", "set a new password for reviewer",
            "added new, made new a superuser", "gave bob the permission overrides.review_changerequest",
            "gave the group desk the permission overrides.review_changerequest",
        ):  # fmt: skip
            assert deed in text
