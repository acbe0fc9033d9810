"""The start page: what is served, who can decide waiting requests, what has failed."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from config.access.keys import issue_key, revoke_key
from config.access.models import ApiKey
from config.desk.today import Trouble, counts, in_words, key_troubles, troubles, waiting
from overrides.requests.review import approve
from telemetry.audit.simulated_time import allow_simulated_time, end_simulated_time
from telemetry.foundation.models import JobRun, OutboxMessage
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import draft, make_spec, publish, set_mode
from tests.conftest import make_user
from tests.people import as_committed, make_person, settled, somebody

pytestmark = pytest.mark.django_db


def ran(job: str, status: str, at: datetime, error: str = "") -> None:
    JobRun.objects.create(job=job, period=at.isoformat(), status=status, started_at=at, finished_at=at, error=error)


def troubles_at(now: datetime) -> list[Trouble]:
    return troubles(counts(somebody(), now), now)


class TestToday:
    def test_is_drawn_in_few_queries(self, reviewer: User, author: User, django_assert_max_num_queries: Any) -> None:
        now = datetime.now(UTC)
        publish(make_spec())
        set_mode("on", rollout_percent=25)
        for number in range(3):
            draft(make_spec({"size_mult": 1.2}, scope={"bucket": f"b{number}"}), author=author, at=now)
        ran("build pm", "failed", now, "Traceback\nValueError: odd")
        browser = browser_of(reviewer)

        with django_assert_max_num_queries(MOST_QUERIES):
            text = page(browser, "/admin/")

        for shown in ("pm 1</a>", "25 %", "<strong>you</strong>: approve, reject", "build pm failed 0 min ago"):
            assert shown in text
        assert "ValueError: odd" in text

    def test_says_what_is_off_and_that_nothing_waits(self, author: User) -> None:
        text = page(browser_of(author), "/admin/")

        assert text.count("Nobody has set a mode yet") == 2
        assert text.count("none yet: neutral") == 2
        assert "Nothing waits." in text

    def test_says_that_time_is_simulated_since_when_and_why(self, author: User) -> None:
        text = page(browser_of(author), "/admin/")

        assert "Time is simulated" in text
        assert "the owner of the database accepts other times" in text
        assert "tests work at an instant of their own" in text

    def test_does_not_speak_of_time_where_the_clock_counts(self, author: User) -> None:
        end_simulated_time("in earnest")

        assert "Time is simulated" not in page(browser_of(author), "/admin/")

    def test_leads_to_the_audit_entries_about_simulated_time(self, author: User) -> None:
        end_simulated_time("the demo is over")
        allow_simulated_time("another demo")
        browser = browser_of(author)

        (link,) = re.findall(r'href="([^"]*q=clock)"', page(browser, "/admin/"))

        assert "another demo" in page(browser, html.unescape(link))

    def test_shows_nothing_to_who_may_see_nothing(self, author: User) -> None:
        draft(make_spec(), author=author, at=datetime.now(UTC))
        client = Client()
        client.force_login(author)

        text = page(client, "/admin/")

        assert "What is served" not in text
        assert "What waits" not in text
        assert "What went wrong" not in text


class TestWaiting:
    def test_says_what_the_reader_can_do(self, author: User, reviewer: User) -> None:
        now = datetime.now(UTC)
        draft(make_spec(), author=author, at=now - timedelta(days=3))
        draft(make_spec(scope={"bucket": "big"}), author=reviewer, at=now)

        theirs, own = waiting(reviewer, now)

        assert (theirs.steps, theirs.age, theirs.left) == (("Approve", "Reject"), "3 d", "11 d")
        assert (own.steps, own.blocked) == ((), "you drafted it; somebody else has to decide")

    def test_names_the_next_step_of_an_approved_one(self, author: User, reviewer: User) -> None:
        now = datetime.now(UTC)
        request = draft(make_spec(), author=author, at=now)
        approve(request_id=request.pk, by=reviewer, at=now)

        assert [each.steps for each in waiting(reviewer, now)] == [("Reject", "Apply")]

    def test_says_that_an_old_one_has_expired(self, author: User, reviewer: User) -> None:
        now = datetime.now(UTC)
        draft(make_spec(), author=author, at=now - timedelta(days=15))

        (each,) = waiting(reviewer, now)

        assert (each.left, each.steps, each.blocked) == ("expired", (), "it has expired; it has to be drafted again")


class TestTroubles:
    def test_are_failures_of_the_last_day_not_made_good_since(self) -> None:
        now = datetime.now(UTC)
        ran("mended", "failed", now - timedelta(hours=2))
        ran("mended", "done", now - timedelta(hours=1))
        ran("old", "failed", now - timedelta(days=2))
        ran("broken", "done", now - timedelta(hours=3))
        ran("broken", "failed", now - timedelta(hours=2), "Traceback\nKeyError: 'x'")

        found = [each for each in troubles_at(now) if "failed" in each.what]

        assert [(each.what, each.detail) for each in found] == [("broken failed 2 h ago", "KeyError: 'x'")]

    def test_are_jobs_that_are_late(self) -> None:
        now = datetime.now(UTC) + timedelta(days=30)

        late = {each.what: each.detail for each in troubles_at(now)}

        assert late["attribute is late"] == "it should succeed every 5 min; it never has"

    def test_are_tasks_that_the_queue_does_not_take(self) -> None:
        now = datetime.now(UTC)
        due = now - timedelta(minutes=20)
        for _ in range(2):
            OutboxMessage.objects.create(task="x", created_at=due, due_at=due)

        assert "2 tasks wait for the queue" in [each.what for each in troubles_at(now)]
        assert [each.what for each in troubles_at(due) if "queue" in each.what] == []


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=-5), "0 min"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(minutes=60), "1 h"),
        (timedelta(hours=47), "47 h"),
        (timedelta(hours=48), "2 d"),
    ],
)
def test_a_span_is_told_in_its_largest_unit(span: timedelta, words: str) -> None:
    assert in_words(span) == words


class TestKeys:
    """A key without an active owner cannot draft, which the start page shows."""

    @pytest.mark.parametrize(
        ("is_owned", "is_active", "detail"),
        [
            (True, True, None),
            (True, False, "is owned by ada, who is deactivated"),
            (False, True, "has no owner"),
        ],
    )
    def test_without_an_active_owner_are_listed(
        self, client: Client, admin_user: User, is_owned: bool, is_active: bool, detail: str | None
    ) -> None:
        ada = make_person("ada")
        row, _ = issue_key(name="bot 1", role="record", owner=ada, by=None, at=datetime.now(UTC))
        as_committed()
        with settled():
            User.objects.filter(pk=ada.pk).update(is_active=is_active)
            ApiKey.objects.filter(pk=row.pk).update(owner=ada if is_owned else None)

        texts = []
        for who in (make_user("looks", "telemetry.view_jobrun"), admin_user):
            client.force_login(who)
            texts.append(page(client, "/admin/"))

        named = f"the key of bot 1 ({row.prefix}) {detail}"
        assert [named in text for text in texts] == [detail is not None] * 2
        assert [f'<a href="/admin/access/apikey/">{named}' in text for text in texts] == [False, detail is not None]

    def test_that_are_revoked_are_not_listed(self, author: User) -> None:
        now = datetime.now(UTC)
        row, _ = issue_key(name="bot 1", role="record", owner=author, by=None, at=now)
        revoke_key(prefix=row.prefix, by=author, at=now)
        with settled():
            ApiKey.objects.update(owner=None)

        assert key_troubles(now, sees_keys=True) == []
