from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client

from config.access.keys import issue_key
from learning.coefficients.coefficient_memory import update_coefficients
from learning.models import BuilderRun, Cell, CellGroup, LifetimeLedger
from learning.validation.noise_twin_runs import count_twins
from learning.validation.walk_forward_runs import CHOICES, walk_forward
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.models import ChangeRequest, Membership, ModuleMode, Monitor, Override, Version
from overrides.monitoring.scoring.scorecards import score
from overrides.monitoring.watching.counting import new_monitor
from overrides.requests.emergency import pin_line
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import record_decisions
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.models import JobRun
from telemetry.models import AuditEntry, Trade, UnitOfRisk
from telemetry.recording.record_episodes import receive_episodes
from telemetry.recording.record_trades import record_trades
from tests.admin_pages import browser_of, page
from tests.builders import (
    NOW,
    SCOPE,
    action_payload,
    approve_and_apply,
    draft,
    make_decision,
    make_lesson,
    make_spec,
    make_trade,
    publish,
    set_mode,
)
from tests.conftest import make_user
from tests.people import keeper
from tests.shared_world import Shared
from tests.telemetry.core.episode_builders import episode_payload, window_payload

pytestmark = pytest.mark.django_db

REQUESTS = "/admin/overrides/changerequest/"
SEVERAL, MOST_QUERIES = 4, 12


@pytest.fixture
def browser(client: Client, admin_user: User) -> Client:
    client.force_login(admin_user)
    return client


def fresh(**stats: Any) -> dict[str, Any]:
    """Return evidence as new as the page that shows it, because pages weigh as of the time they are opened."""
    return {"updated_at": utc_text(datetime.now(UTC) - timedelta(days=9))} | stats


def furnish() -> None:
    """Make several rows of most lists of the admin, and at least one of the others."""
    author = make_user("author", "overrides.propose_parameters")
    override = make_spec(stats=fresh())
    publish(override, *(make_spec(scope={"bucket": f"b{n}"}, stats=fresh()) for n in range(SEVERAL)))
    issue_key(name="bot", role="evaluate", owner=keeper(), by=author, at=NOW)
    set_mode("on")
    set_mode("off", module="dm")
    draft(make_spec({"size_mult": 1.2}), author=author)
    served = {"size_mult": {"m0": 1.0, "m": 1.02, "parts": {override.id: 0.02}, "lines": {override.id: override.line}}}
    contribution = {"id": override.id, "line": override.line, "parts": {"size_mult": 0.02}, "w_total": 0.1}
    detail = {"served": 1.02, "value": 1.02, "target": 1.02, "current": 1.0, "step_limited": False, "flags": []}
    decisions = [
        make_decision(served, contributions=[contribution], levers={"size_mult": detail}) for _ in range(SEVERAL)
    ]
    record_decisions(decisions)
    for place, decision in enumerate(decisions):
        named = action_payload(decision_ids=[str(decision.decision_id)])
        record_trades([make_trade(f"t{place}", actions=[named, *[action_payload()] * SEVERAL])], now=NOW)
    attribute_trades(now=NOW)
    for n in range(SEVERAL):
        make_lesson(scope={"bucket": f"b{n}"})
    group = CellGroup.objects.create(
        module="pm", pattern_key="a.b.c", action_category="entry", cut={"dimensions": []}, n_outcomes=1, n_cells=1,
        aggregated_at=NOW,
    )  # fmt: skip
    Cell.objects.create(
        group=group, scope={}, n_dims=0, n=1, mean=1.0, variance=0.0, first_closed_at=NOW, last_closed_at=NOW
    )
    allocation = {"module": "dm", "action_category": "allocation", "scope": {"chain": "base"}}
    record_trades([make_trade("a", actions=[action_payload(**allocation)])], now=NOW)
    update_coefficients(now=NOW)
    pinner = make_user("pinner", "overrides.review_changerequest")
    pin_line(line_id=override.line, by=pinner, reason="look first", at=NOW)
    approve_and_apply(draft(kind="policy", content={"approvals": 1}))
    count_twins(module="pm", policy=LearningMethod.PLAN, seeds=[1], now=NOW)
    walk_forward(module="pm", choices=CHOICES[:1], now=NOW)
    LifetimeLedger.objects.create(
        module="pm", installed_on=NOW, taken_until=NOW, alpha=0.1, initial=300, arrivals=0, ever=0, correlation=0.0,
        persistence=0.0,
    )  # fmt: skip
    new_monitor("pm", Monitor.Kind.LINE, override.line, NOW, NOW)
    score(now=NOW)
    windows = [window_payload(f"w{n}") for n in range(SEVERAL)]
    receive_episodes([episode_payload("e", windows=windows)], gates=settings.GATES, now=NOW)
    UnitOfRisk.objects.create(strategy="Ichi", unit="atr", trades=40, real_stops=3, chosen_at=NOW)
    JobRun.objects.create(job="build pm", period="x", status="failed", started_at=NOW, finished_at=NOW, error="a\nb")


@pytest.fixture(scope="class")
def world(shared: Shared) -> Iterator[None]:
    with shared(furnish):
        yield


@pytest.mark.usefixtures("world")
class TestEveryPage:
    OURS = ("access", "learning", "overrides", "telemetry")

    def test_of_a_list_is_drawn_with_few_columns_and_queries(
        self, browser: Client, django_assert_max_num_queries: Any
    ) -> None:
        for model, model_admin in admin.site._registry.items():
            if model._meta.app_label in self.OURS:
                with django_assert_max_num_queries(MOST_QUERIES):
                    text = page(browser, f"/admin/{model._meta.app_label}/{model._meta.model_name}/")
                assert text.count('scope="col" class="') <= 8  # seven columns, and the check box of the actions
                assert model_admin.list_display

    def test_of_an_object_is_drawn_with_few_queries(self, browser: Client, django_assert_max_num_queries: Any) -> None:
        for model in admin.site._registry:
            if model._meta.app_label in self.OURS:
                rows = model._default_manager.all()
                # Overrides come in the order of hashes: the page of each is looked at, of those that acted and others.
                shown = list(rows) if model is Override else list(rows[:1])
                assert shown, f"give the world a row of {model._meta.label}: its page is not looked at"
                for row in shown:
                    with django_assert_max_num_queries(MOST_QUERIES):
                        page(browser, f"/admin/{model._meta.app_label}/{model._meta.model_name}/{row.pk}/change/")

    def test_of_a_list_is_downloaded_as_csv_without_secrets(self, browser: Client) -> None:
        for model, model_admin in admin.site._registry.items():
            if hasattr(model_admin, "csv_fields"):
                response = browser.get(f"/admin/{model._meta.app_label}/{model._meta.model_name}/list.csv")

                assert (response.status_code, response.streaming) == (200, True), model
                header, *rows = response.getvalue().decode().splitlines()
                secrets = {"password", "digest"} if model._meta.app_label in ("access", "auth") else set()
                assert not secrets & set(header.split(",")), model
                assert rows or model_admin.get_changelist_instance(response.wsgi_request).result_count == 0

    def test_of_every_list_of_ours_is_downloaded(self) -> None:
        ours = [each for model, each in admin.site._registry.items() if model._meta.app_label in (*self.OURS, "auth")]

        assert [each for each in ours if not hasattr(each, "csv_fields")] == []

    @pytest.mark.parametrize(
        ("term", "count"),
        [("", SEVERAL + 1), ("breakout", SEVERAL + 1), ("b2", 1), ("ENTRY B1", 1), ("nowhere", 0), ("%", 0)],
    )
    def test_of_overrides_is_found_by_any_part_and_downloaded_as_found(
        self, browser: Client, term: str, count: int
    ) -> None:
        listed = browser.get("/admin/overrides/override/", {"q": term})
        csv = browser.get("/admin/overrides/override/list.csv", {"q": term})

        assert listed.context["cl"].result_count == count
        header, *rows = csv.getvalue().decode().splitlines()
        assert len(rows) == count
        assert {"line_scope", "edge_raw", "weight", "minimum_weight", "earned"} <= set(header.split(","))

    def test_of_a_line_is_found_by_the_beginning_of_its_id(self, browser: Client) -> None:
        override = Membership.objects.select_related("override").filter(to_version=None)[0].override

        for identity in (override.pk[:12], override.line_id[:12], override.line_id):
            assert browser.get("/admin/overrides/override/", {"q": identity}).context["cl"].result_count == 1

    def test_of_overrides_lists_those_in_force_and_says_so(self, browser: Client) -> None:
        publish(withdraw=[Override.objects.filter(line__scope={"bucket": "b2"})[0].line_id])

        text = page(browser, "/admin/overrides/override/")

        assert "Listed by default: overrides in force." in text
        assert browser.get("/admin/overrides/override/").context["cl"].result_count == SEVERAL
        whole = browser.get("/admin/overrides/override/?in_force=any")
        assert whole.context["cl"].result_count > SEVERAL
        assert "Listed by default" not in whole.content.decode()

    def test_of_requests_lists_open_ones_with_approvals_and_who_can_act(self, browser: Client) -> None:
        text = page(browser, "/admin/overrides/changerequest/")

        assert "Listed by default: open requests." in text
        assert '<span class="cw-num">0 of 1</span>' in text
        assert "you, or another reviewer" in text
        found = browser.get("/admin/overrides/changerequest/?q=breakout&state=any")
        assert found.context["cl"].result_count >= 2

    def test_of_facts_offers_no_change(self, browser: Client) -> None:
        for model in (Trade, Override, Version, AuditEntry, BuilderRun, ChangeRequest, ModuleMode):
            base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
            row = model._default_manager.all()[0]
            assert browser.get(f"{base}add/").status_code == 403
            assert browser.post(f"{base}{row.pk}/change/", {}).status_code == 403
            assert browser.post(f"{base}{row.pk}/delete/", {"post": "yes"}).status_code == 403

    def test_of_the_beginning_shows_what_is_served_and_what_waits(self, browser: Client) -> None:
        text = page(browser, "/admin/")

        assert "What is served" in text
        assert "a change" in text

    @pytest.mark.parametrize("term", ["donchian", "x", "0", "018f3c1e-7b2a-7c3d-8e4f-5a6b7c8d9e0f"])
    def test_of_decisions_can_be_searched(self, browser: Client, term: str) -> None:
        shown = page(browser, f"/admin/telemetry/decision/?q={term}")

        assert (f"{SEVERAL} decisions" in shown) is (term == "donchian")


class TestOverridePage:
    def test_draws_the_factors_and_says_that_it_acts(self, browser: Client) -> None:
        spec = make_spec(stats=fresh())
        publish(spec)

        text = page(browser, f"/admin/overrides/override/{spec.content_id}/change/")

        assert text.count("<svg") >= 4  # the logo and three charts
        assert text.count('class="cw-loss"') == 5
        assert 'class="cw-kept"' in text
        assert "without newer evidence it stops acting on" in text

    def test_says_when_an_old_one_stopped_acting(self, browser: Client) -> None:
        spec = make_spec(stats={"updated_at": "2020-01-01T00:00:00Z", "half_life_days": 10})
        publish(spec)

        text = page(browser, f"/admin/overrides/override/{spec.content_id}/change/")

        assert 'class="cw-lost"' in text
        assert "it stopped acting on <strong>2020-01-" in text

    def test_says_that_a_light_one_never_acts(self, browser: Client) -> None:
        spec = make_spec(stats=fresh(edge_raw=0.001))
        publish(spec)

        assert "it never acts" in page(browser, f"/admin/overrides/override/{spec.content_id}/change/")

    def test_draws_what_weighs_nothing_at_all(self, browser: Client) -> None:
        spec = make_spec(scope={}, stats=fresh(edge_raw=0.0, n=10))
        publish(spec)

        text = page(browser, f"/admin/overrides/override/{spec.content_id}/change/")

        assert "everything" in text
        assert "nan" not in text.lower().replace("finance", "")


@pytest.mark.usefixtures("world")
def test_the_page_of_an_override_shows_what_it_moved_and_earned(browser: Client) -> None:
    override = Override.objects.get(memberships__isnull=False, line__scope=SCOPE)

    text = page(browser, f"/admin/overrides/override/{override.pk}/change/")

    assert "+0.030000" in text  # (1.02 - 1) * 1.5 R


class TestDeciding:
    def test_offers_a_reviewer_the_steps_of_the_state(self, author: User, reviewer: User) -> None:
        request = draft(make_spec(), author=author, at=datetime.now(UTC))

        text = page(browser_of(reviewer), f"{REQUESTS}{request.pk}/change/")

        assert f'href="{REQUESTS}{request.pk}/approve/?seen={request.content_hash}"' in text
        assert f'href="{REQUESTS}{request.pk}/reject/?seen={request.content_hash}"' in text
        assert "/apply/" not in text

    def test_shows_the_author_who_has_to_decide(self, reviewer: User) -> None:
        request = draft(make_spec(), author=reviewer, at=datetime.now(UTC))

        text = page(browser_of(reviewer), f"{REQUESTS}{request.pk}/change/")

        assert "/approve/" not in text
        assert "somebody else has to decide" in text

    def test_goes_from_draft_to_version(self, author: User, reviewer: User) -> None:
        request = draft(make_spec(), author=author, at=datetime.now(UTC))
        browser = browser_of(reviewer)
        page(browser, f"{REQUESTS}{request.pk}/approve/")

        browser.post(f"{REQUESTS}{request.pk}/approve/", {"reason": "looks right", "seen": request.content_hash})
        browser.post(f"{REQUESTS}{request.pk}/apply/")

        request.refresh_from_db()
        assert request.state == "applied"
        assert request.votes.get().reason == "looks right"
        assert Version.objects.get(module="pm").published_by == "reviewer"

    def test_rejects_only_with_a_reason(self, author: User, reviewer: User) -> None:
        request = draft(make_spec(), author=author, at=datetime.now(UTC))
        browser = browser_of(reviewer)

        refused = browser.post(f"{REQUESTS}{request.pk}/reject/", {"reason": " "}, follow=True)
        request.refresh_from_db()
        assert request.state == "in_review"
        assert "deciding against it needs one" in refused.content.decode().lower()

        browser.post(f"{REQUESTS}{request.pk}/reject/", {"reason": "too few trades"})
        request.refresh_from_db()
        assert request.state == "rejected"

    def test_shows_the_refusal_of_one_s_own_request(self, reviewer: User) -> None:
        request = draft(make_spec(), author=reviewer, at=datetime.now(UTC))

        response = browser_of(reviewer).post(f"{REQUESTS}{request.pk}/approve/", follow=True)

        assert "you drafted this request" in response.content.decode().lower()
        assert not request.votes.exists()

    def test_changes_nothing_by_looking(self, author: User, reviewer: User) -> None:
        request = draft(make_spec(), author=author, at=datetime.now(UTC))

        page(browser_of(reviewer), f"{REQUESTS}{request.pk}/approve/")

        request.refresh_from_db()
        assert request.state == "in_review"

    @pytest.mark.parametrize("step", ["approve", "reject", "apply"])
    def test_needs_the_permission(self, author: User, operator: User, step: str) -> None:
        request = draft(make_spec(), author=author, at=datetime.now(UTC))

        response = browser_of(operator).post(f"{REQUESTS}{request.pk}/{step}/", {"reason": "x"})

        assert response.status_code == 403

    def test_needs_a_request(self, reviewer: User) -> None:
        assert browser_of(reviewer).get(f"{REQUESTS}999/approve/").status_code == 404

    def test_needs_somebody_logged_in(self, author: User) -> None:
        request = draft(make_spec(), author=author, at=datetime.now(UTC))

        response = Client().post(f"{REQUESTS}{request.pk}/approve/")

        assert response.status_code == 302
        assert response["Location"].startswith("/admin/login/")

    def test_is_protected_against_forged_forms(self, author: User, reviewer: User) -> None:
        request = draft(make_spec(), author=author, at=datetime.now(UTC))
        forger = Client(enforce_csrf_checks=True)
        forger.force_login(reviewer)

        assert forger.post(f"{REQUESTS}{request.pk}/approve/").status_code == 403
