"""A story without learning, in processes of their own: `LEARNING=false python -m tests.without_learning {story|pages}`.

They work on the database that DATABASE_URL names: `story` migrates an empty one and serves, records and monitors in it,
`pages` opens the pages of one that holds the story. Each prints what it found as one line of JSON, which a test reads.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from django.test import Client

PAGES = (
    "index", "books", "books_csv", "coverage", "earned_page", "earned_csv", "glossary", "levers",
    "never_matched", "never_matched_csv", "unknown_dimensions", "weekly_reports", "evidence",
)  # fmt: skip


def act() -> dict[str, Any]:
    """Serve, record, attribute, score, monitor, sum and report; return what came of it."""
    from django.db import connection

    from config.reports.weekly.compose import report_last_week
    from overrides.models import Monitor, WeeklyReport
    from overrides.monitoring.earning.earned import earned
    from overrides.monitoring.earning.refresh_earned import refresh_earned
    from overrides.monitoring.scoring.scorecards import score
    from overrides.monitoring.unmet.line_use import count_use
    from overrides.monitoring.watching.lapse import lapse_mandates
    from overrides.monitoring.watching.monitor import monitor
    from telemetry.models import AttributionShare, Decision
    from tests.builders import DAY, NOW, draft, make_spec, publish, set_mode
    from tests.overrides.monitoring.scoring.touched_world import attribute, promising, served_trade

    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO simulated_time (reason) VALUES ('tests work at an instant of their own')")
    publish(promising())
    set_mode("on")
    for index in range(3):
        served_trade(f"served-{index}", 1.0, days=index + 1)
    now = NOW + 40 * DAY
    attribute()
    scored = score(now=now)
    monitor(now=now)
    lapse_mandates(now=now)
    refresh_earned(now=now)
    count_use(now=now)
    report_last_week(now=now)
    draft(make_spec({"size_mult": 1.2}), at=now)
    return {
        "decisions": Decision.objects.count(),
        "shares": AttributionShare.objects.exclude(share=0.0).count(),
        "scored": scored.rows,
        "monitors": Monitor.objects.count(),
        "reports": WeeklyReport.objects.count(),
        "trades_of_the_whole": earned().trades,
    }


def ask_and_report() -> dict[str, Any]:
    """Ask for levers and report a closed trade as a bot does; return the statuses and the tasks that it caused."""
    from django.conf import settings
    from rest_framework.test import APIClient

    from config.access.keys import issue_key
    from tests.builders import KEY, SCOPE, trade_payload
    from tests.people import keeper

    _, key = issue_key(name="bot", role="bot", owner=keeper(), by=keeper(), at=datetime.now(UTC))
    bot = APIClient(headers={"Authorization": f"Bearer {key}"})
    question = {"module": "pm", "pattern_key": KEY, "action_category": "entry", "scope": SCOPE}
    asked = bot.post("/api/v1/levers/resolve/?dry=true", question, format="json")
    sent = bot.post("/api/v1/trades/", trade_payload("by-api"), format="json", headers={"Idempotency-Key": "one"})
    return {
        "asked": asked.status_code,
        "levers": asked.json().get("levers"),
        "sent": sent.json()["results"][0]["status"],
        "lessons": bot.get("/api/v1/lessons/").status_code,
        "schema": bot.get("/api/v1/schema/").status_code,
        "caused": sorted({task for task, _ in settings.TASKS_AFTER_TRADES}),
    }


def addresses() -> Iterator[str]:
    """Yield every page: those without a model, each list, and the first row of each list."""
    from django.contrib import admin
    from django.urls import reverse

    from overrides.models import ChangeRequest, WeeklyReport

    for name in PAGES:
        yield reverse(f"admin:{name}" if name == "index" else name)
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
        row = model._default_manager.order_by("pk").first()
        if row is not None:
            yield reverse(f"{name}_change", args=[row.pk])
    for request in ChangeRequest.objects.order_by("pk"):
        yield reverse("admin:overrides_changerequest_change", args=[request.pk])
        yield reverse("request_evidence", args=[request.pk])
    for report in WeeklyReport.objects.order_by("pk"):
        yield reverse("weekly_report", args=[report.label, report.revision])


def tell_story() -> dict[str, Any]:
    """Migrate, act, open every page, and return what was found."""
    from django.apps import apps
    from django.core.management import call_command

    from config.celery import BEAT, QUEUE_OF, app
    from tests.people import make_person

    call_command("migrate", verbosity=0)
    make_person("admin", is_staff=True, is_superuser=True)
    make_person("viewer", groups=("viewer",), is_staff=True)
    found = {"is_installed": apps.is_installed("learning"), "acts": act(), "api": ask_and_report()}
    app.loader.import_default_modules()
    named = {row["task"] for row in BEAT.values()} | set(QUEUE_OF)
    tasks = {
        "without_a_worker": sorted(named - set(app.tasks)),
        "of_learning": sorted(name for name in {*named, *app.tasks} if name.startswith("learning.")),
    }
    return found | {"tasks": tasks, "refused": refusals()} | look()


def refusals() -> list[str]:
    """Return what is refused because it needs learning: a change to the evidence method, and the demo."""
    from django.core.management import CommandError, call_command

    from overrides.core.engine.definitions.vocabulary import LearningMethod
    from overrides.requests.evidence import unready_methods
    from tests.builders import NOW

    refused = [each.message for each in unready_methods("pm", list(LearningMethod), NOW)]
    try:
        call_command("demo")
    except CommandError as error:
        refused.append(str(error))
    return refused


def look() -> dict[str, Any]:
    """Return the status of every page, and the text of those that state what is not available."""
    from django.urls import reverse

    from overrides.models import ChangeRequest

    client, viewer = _logged_in("admin"), _logged_in("viewer")
    request = reverse("admin:overrides_changerequest_change", args=[ChangeRequest.objects.latest("pk").pk])
    stating = {
        "start": reverse("admin:index"),
        "walk-forward": "/admin/learning/walkforward/pm/",
        "request": request,
        "mode": reverse("admin:overrides_modulemode_change", args=["pm"]),
    }
    return {
        "pages": {address: _status(client, address) for address in addresses()},
        "pages_of_a_viewer": {name: _status(viewer, address) for name, address in stating.items()},
        "texts": {name: client.get(address).content.decode() for name, address in stating.items()},
    }


def _logged_in(name: str) -> Client:
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def _status(client: Client, address: str) -> int:
    """Return the status of a page, read to its end."""
    response: Any = client.get(address)
    return int(response.status_code) if response.getvalue() is not None else 0


if __name__ == "__main__":
    django.setup()
    sys.stdout.write(json.dumps({"story": tell_story, "pages": look}[sys.argv[1]]()))
