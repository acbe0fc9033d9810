"""The start page: what waits for whom, what the builder published, what is due, served and off, and what failed."""

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
from config.desk.queue import Waiting, queue
from config.desk.today import counts, due_mandates
from config.desk.troubles import Trouble, key_troubles, troubles
from config.desk.words import in_words
from config.operations.job_punctuality import record_start
from overrides.core.governance.permissions import LOWER, REVIEW
from overrides.models import ChangeRequest, Mandate, WhatIf
from overrides.requests.auto_publish import publish_within_mandates
from overrides.requests.emergency import pin_line, quarantine_builder
from overrides.requests.impact.effects import request_effects
from overrides.requests.impact.what_if import run_what_if
from overrides.requests.review import approve, request_changes, schedule
from telemetry.audit.simulated_time import allow_simulated_time, end_simulated_time
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.models import JobRun, OutboxMessage
from telemetry.recording.record_trades import record_trades
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import DAY, approve_and_apply, draft, make_spec, make_trades, publish, set_mode
from tests.conftest import make_user
from tests.people import as_committed, make_person, settled, somebody

pytestmark = pytest.mark.django_db


def ran(job: str, status: str, at: datetime, error: str = "") -> None:
    JobRun.objects.create(job=job, period=at.isoformat(), status=status, started_at=at, finished_at=at, error=error)


def troubles_at(now: datetime) -> list[Trouble]:
    counted = counts(somebody(), now)
    return troubles(counted.failed, counted.stuck, now)


def computed(request: ChangeRequest, now: datetime) -> None:
    """Compute the effect of a request, which takes decisions."""
    request_effects(now=now)
    for row in WhatIf.objects.filter(request=request):
        run_what_if(row.key, now=now)


class TestToday:
    def test_is_drawn_in_few_queries(self, reviewer: User, author: User, django_assert_max_num_queries: Any) -> None:
        now = datetime.now(UTC)
        publish(make_spec())
        set_mode("on", rollout_percent=25)
        for number in range(3):
            draft(make_spec({"size_mult": 1.2}, scope={"bucket": f"b{number}"}), author=author, at=now)
        ran("build pm", "failed", now, "Traceback\nValueError: odd")
        publish(make_spec(scope={"bucket": "late"}), at=now - timedelta(days=100))
        publish(make_spec({"alloc_mult": 1.1}, type="dm_alloc", module="dm", action_category="allocation"), module="dm")
        schedule_one(reviewer, author, now)
        browser = browser_of(reviewer)

        with django_assert_max_num_queries(MOST_QUERIES):
            text = page(browser, "/admin/")

        for shown in ("pm 2</a>", "to 25 % of positions", "Waiting for you (3)", "Approve, Reject", "failed 0 min ago"):
            assert shown in text
        assert "ValueError: odd" in text

    def test_says_what_is_off_and_that_nothing_waits(self, author: User) -> None:
        text = page(browser_of(author), "/admin/")

        assert text.count("Nobody has set a mode yet") == 2
        assert text.count("Bots get neutral levers: it is off.") == 2
        assert "No request waits for you." in text
        assert "Nothing in the last 7 days." in text

    def test_does_not_call_well_what_nobody_runs(self, author: User) -> None:
        text = page(browser_of(author), "/admin/")

        assert "Nobody runs the jobs" in text
        assert "none of them failed" not in text

    def test_says_that_the_jobs_run_where_they_do(self, author: User) -> None:
        record_start(now=datetime.now(UTC))

        assert "the jobs run, none of them failed in the last day or is late" in page(browser_of(author), "/admin/")

    def test_counts_what_is_in_force_and_what_acts(self, author: User) -> None:
        fresh = {"updated_at": utc_text(datetime.now(UTC))}
        publish(make_spec(stats=fresh), make_spec(scope={"bucket": "micro"}, stats=fresh | {"variance": 5}))
        set_mode("on")

        text = " ".join(page(browser_of(author), "/admin/").split())

        assert re.search(
            r'2</span> in force, of which <a href="[^"]*acts_today=yes[^"]*pm"><span[^>]*>1</span> acts', text
        )

    @pytest.mark.parametrize(
        ("mode", "percent", "words"),
        [
            ("on", 100.0, "the levers of pm 1."),
            ("on", 25.0, "the levers of pm 1, to 25 % of positions."),
            ("shadow", 100.0, "neutral levers; what pm 1 would answer is logged."),
        ],
    )
    def test_says_what_bots_get(self, author: User, mode: str, percent: float, words: str) -> None:
        publish(make_spec())
        set_mode(mode, rollout_percent=percent)

        assert f"Bots get {words}" in page(browser_of(author), "/admin/")

    def test_says_that_positions_are_held_back(self, author: User) -> None:
        publish(make_spec())
        set_mode("on", holdback_percent=5)

        assert "Bots get the levers of pm 1; 5 % of positions are held back." in page(browser_of(author), "/admin/")

    def test_offers_everything_off_after_the_queue_and_only_while_something_is_on(self, operator: User) -> None:
        publish(make_spec())
        set_mode("on")
        browser = browser_of(operator)

        text = page(browser, "/admin/")
        assert text.index("Waiting for you") < text.index('id="cw-off"')
        browser.post("/admin/overrides/modulemode/everything-off/", {"reason": "we are not sure"})
        text = page(browser, "/admin/")

        assert 'id="cw-off"' not in text
        assert text.count("Bots get neutral levers: it is off.") == 2
        assert "<dt>Overrides</dt>" not in text  # nothing in force is served

    def test_names_quarantine_vetoes_and_pins(self, author: User, reviewer: User, operator: User) -> None:
        publish(make_spec())
        now = datetime.now(UTC)
        quarantine_builder(module="pm", by=operator, reason="looks wrong", at=now)
        pin_line(line_id=make_spec().line, by=reviewer, reason="until May", at=now)

        text = " ".join(page(browser_of(author), "/admin/").split())

        assert "The builder of pm is in quarantine" in text
        assert "looks wrong (operator)" in text
        assert "0 vetoes, 1 pin and 0 caps</a>" in text

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
        assert "Waiting for you" not in text
        assert "Published by the builder" not in text
        assert "What went wrong" not in text


def schedule_one(reviewer: User, author: User, now: datetime) -> ChangeRequest:
    request = draft(make_spec(scope={"bucket": "due"}), author=author, at=now)
    approve(request_id=request.pk, by=reviewer, at=now)
    return schedule(request_id=request.pk, by=reviewer, due=now + DAY, at=now)


def told(rows: Any) -> list[tuple[int, tuple[str, ...], str]]:
    found: list[Waiting] = list(rows)
    return [(each.request.pk, each.steps, each.waits_for) for each in found]


class TestWaiting:
    def test_says_what_the_reader_can_do_and_what_the_others_wait_for(self, author: User, reviewer: User) -> None:
        now = datetime.now(UTC)
        theirs = draft(make_spec(), author=author, at=now - timedelta(days=3))
        own = draft(make_spec(scope={"bucket": "big"}), author=reviewer, at=now)

        found = queue(reviewer, now)

        assert told(found.mine) == [(theirs.pk, ("Approve", "Reject"), "")]
        assert told(found.others) == [(own.pk, (), "a reviewer: you drafted it")]
        assert (found.mine[0].age, found.mine[0].left) == ("3 d", "11 d")
        assert (counts(reviewer, now).mine, counts(reviewer, now).others) == (1, 1)
        assert told(queue(author, now).others)[0] == (theirs.pk, (), "a reviewer: you drafted it")

    def test_tells_an_author_what_to_do_with_a_returned_request(self, author: User, reviewer: User) -> None:
        now = datetime.now(UTC)
        request = draft(make_spec(), author=author, at=now)
        request_changes(request_id=request.pk, by=reviewer, reason="smaller", at=now)

        assert told(queue(author, now).mine) == [(request.pk, ("Edit", "Submit again", "Cancel"), "")]
        assert told(queue(reviewer, now).others) == [(request.pk, (), "its author, author")]

    def test_does_not_wait_for_who_has_approved_already(self, author: User, reviewer: User) -> None:
        now = datetime.now(UTC)
        publish_policy_of_two(now)
        request = draft(make_spec(), author=author, at=now)
        approve(request_id=request.pk, by=reviewer, at=now)

        assert told(queue(reviewer, now).others) == [(request.pk, (), "another approval: you have approved it")]
        assert counts(reviewer, now).mine == 0

    def test_names_the_next_step_of_an_approved_one(self, author: User, reviewer: User) -> None:
        now = datetime.now(UTC)
        request = draft(make_spec(), author=author, at=now)
        approve(request_id=request.pk, by=reviewer, at=now)

        assert told(queue(reviewer, now).mine) == [(request.pk, ("Reject", "Apply"), "")]
        assert told(queue(author, now).others) == [(request.pk, (), "somebody who may apply it")]

    def test_says_that_an_old_one_has_expired(self, author: User, reviewer: User) -> None:
        now = datetime.now(UTC)
        request = draft(make_spec(), author=author, at=now - timedelta(days=15))

        (each,) = queue(reviewer, now).others

        assert each.left == "expired"
        assert told([each]) == [(request.pk, (), "expired; it has to be drafted again")]

    def test_lists_what_is_scheduled_apart(self, author: User, reviewer: User) -> None:
        now = datetime.now(UTC)
        request = schedule_one(reviewer, author, now)

        found = queue(reviewer, now)

        assert [each.request.pk for each in found.scheduled] == [request.pk]
        assert (found.mine, found.others) == ([], [])
        assert "Scheduled (1)" in page(browser_of(reviewer), "/admin/")

    def test_has_the_estimated_effect_once_it_is_known(self, author: User, reviewer: User) -> None:
        now = datetime.now(UTC)
        publish(make_spec())
        request = draft(make_spec(scope={"bucket": "big"}), author=author, at=now)
        draft(kind="policy", content={"approvals": 2}, author=author, at=now)
        assert "not known yet" in page(browser_of(reviewer), "/admin/")

        computed(request, now)

        (measured,) = [each for each in queue(reviewer, now).mine if each.is_measured]
        assert measured.effect is not None
        assert (measured.effect.percent, measured.effect.decisions) == (0.0, 0)
        text = page(browser_of(reviewer), "/admin/")
        assert "not known yet" not in text
        assert "no levers" in text  # of the request of the policy

    def test_shows_the_oldest_and_counts_all(self, author: User, reviewer: User) -> None:
        now = datetime.now(UTC)
        for number in range(14):
            draft(
                make_spec(scope={"bucket": f"b{number}"}),
                author=author,
                at=now - timedelta(hours=number),
                title=f"n{number}",
            )

        text = page(browser_of(reviewer), "/admin/")

        assert "Waiting for you (14)" in text
        assert text.index("n13<") < text.index("n2<")
        assert "n1<" not in text
        assert "All 14</a>" in text


def publish_policy_of_two(now: datetime) -> None:
    approve_and_apply(draft(kind="policy", content={"approvals": 2}, at=now), at=now)
    as_committed()


class TestPublished:
    def test_names_version_lines_and_who_signed_the_mandates(self, reviewer: User) -> None:
        now = datetime.now(UTC)
        record_trades(make_trades([1.0] * 100), now=now)
        specs = {scope: make_spec({"size_mult": 1.1}, scope={"bucket": scope}, stats=FEW) for scope in ("big", "mid")}
        publish(*specs.values(), at=now - 2 * DAY)
        withdrawn = {specs["big"].line: None}
        assert publish_within_mandates(module="pm", proposed=withdrawn, source="lesson", at=now) is not None

        (each,) = queue(reviewer, now).published
        text = page(browser_of(reviewer), "/admin/")

        assert (each.version, each.lines, each.signers, each.is_recent) == (2, 1, ("somebody",), True)
        assert "Since yesterday: 1 publication with <" in text
        assert ">pm 2</a>" in text
        assert queue(reviewer, now + 8 * DAY).published == []
        as_committed()


FEW = {"n": 40, "edge_raw": 0.8, "variance": 0.5}


class TestDueMandates:
    def test_are_listed_with_who_signed_and_ways_to_renew_and_to_revoke(self) -> None:
        now, chief = datetime.now(UTC), make_user("chief", REVIEW, LOWER)
        publish(make_spec(), at=now - timedelta(days=110, minutes=1))
        publish(make_spec(scope={"bucket": "big"}), at=now - timedelta(days=80))
        publish(make_spec(scope={"bucket": "mid"}), at=now)

        overdue, soon = due_mandates(now)
        text = page(browser_of(chief), "/admin/")

        assert (overdue.term, overdue.is_overdue, overdue.signers) == ("overdue by 20 days", True, ("somebody",))
        assert (soon.term, soon.is_overdue) == ("10 days left", False)
        assert "1 overdue, 1 due within 14 days" in text
        assert f'name="mandate" value="{overdue.mandate.pk}"' in text
        assert 'formaction="/admin/overrides/mandate/revoke/"' in text
        assert Mandate.objects.filter(revoked_at=None).count() == 3

    def test_are_no_matter_of_people_who_may_not_decide(self, author: User) -> None:
        publish(make_spec(), at=datetime.now(UTC) - timedelta(days=110))

        text = page(browser_of(author), "/admin/")

        assert "1 overdue" in text
        assert "Renew selected" not in text
        assert "Revoke selected" not in text


class TestTroubles:
    def test_are_failures_of_the_last_day_not_made_good_since(self) -> None:
        now = datetime.now(UTC)
        ran("mended", "failed", now - timedelta(hours=2))
        ran("mended", "done", now - timedelta(hours=1))
        ran("old", "failed", now - timedelta(days=2))
        ran("broken", "done", now - timedelta(hours=3))
        ran("broken", "failed", now - timedelta(hours=2), "Traceback\nKeyError: 'x'")

        found = [each for each in troubles_at(now) if "failed" in each.what]

        assert [(each.what, each.detail) for each in found] == [("The job “broken” failed 2 h ago", "KeyError: 'x'")]

    def test_are_jobs_that_are_late(self) -> None:
        now = datetime.now(UTC) + timedelta(days=30)
        ran("publish due", "done", now)
        ran("replay", "done", now - timedelta(days=3))

        late = {each.what: each.detail for each in troubles_at(now)}

        assert late["The job “attribute” is late"] == "it should succeed every 5 min; it never has"
        assert late["The job “replay” is late"] == "it should succeed every 24 h; the last time was 3 d ago"
        assert "The job “publish due” is late" not in late

    def test_are_one_line_where_nobody_runs_the_jobs(self) -> None:
        now = datetime.now(UTC) + timedelta(days=30)
        ran("publish due", "done", now - timedelta(hours=3))

        (only,) = troubles_at(now)

        assert only.what == "Nobody runs the jobs"
        assert only.detail.endswith("the last sign of one is 3 h old")

    def test_are_no_jobs_that_have_not_had_their_time(self) -> None:
        now = datetime.now(UTC) + timedelta(days=30)
        ran("replay", "done", now - timedelta(days=20))
        record_start(now=now - timedelta(minutes=1))

        assert troubles_at(now) == []

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

        named = f"The key of bot 1 ({row.prefix}) {detail}"
        assert [named in text for text in texts] == [detail is not None] * 2
        assert [f'<a href="/admin/access/apikey/">{named}' in text for text in texts] == [False, detail is not None]

    def test_that_are_revoked_are_not_listed(self, author: User) -> None:
        now = datetime.now(UTC)
        row, _ = issue_key(name="bot 1", role="record", owner=author, by=None, at=now)
        revoke_key(prefix=row.prefix, by=author, at=now)
        with settled():
            ApiKey.objects.update(owner=None)

        assert key_troubles(now, sees_keys=True) == []
