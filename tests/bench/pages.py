"""How long a reviewer waits: every list and page of the admin over a large world.

100,000 overrides in force, a million decisions over several months of partitions, 200,000 closed trades, 500 open
requests. The pages of a reviewer's day come first, as a reviewer sees them, with a figure of their own; `./dev bench
pages day` asks only for those. Each list is requested plainly, with every filter, search and sortable column, and on
its second and last page. Each model's page is requested for its newest row, and also for the heaviest row where one is
known. A figure is the median of `ROUNDS` responses of Django's test client (no network, one process), after one that
is not counted. Without rounds, each address is requested once, and that response is the figure.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db import connection
from django.db.models import Count, Model, QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from learning.admin.lesson_estimates import orders_of
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.models import ChangeRequest, Mandate, Membership, Version
from telemetry.models import DecisionOutcome
from tests.bench.report import figure, scratch_database, timed
from tests.people import make_person

WORLD = Path(__file__).with_suffix(".sql")
OVERRIDES, DECISIONS, TRADES, AUDITED = 100_000, 1_000_000, 200_000, 100_000
ROUNDS = 3
DAY = "day"
MOST_MILLISECONDS, MOST_QUERIES = 300, 12
OURS = ("access", "learning", "overrides", "telemetry")
ORDERS = tuple(orders_of(LearningMethod.PLAN))
TERMS = ("strategy1", "rategy1", "b3", "trade-77", "version pm/7", "nowhere")


def fill(overrides: int, decisions: int, trades: int, audited: int) -> None:
    sizes: dict[str, int | str] = {"overrides": overrides, "decisions": decisions, "trades": trades, "audited": audited}
    documents: dict[str, int | str] = {
        module: json.dumps(ModuleParameters.default(module).to_document()) for module in ("dm", "pm")
    }
    with connection.cursor() as cursor:
        cursor.execute(WORLD.read_text(), sizes | documents)
        cursor.execute("VACUUM ANALYZE")


def day() -> Iterator[tuple[str, str]]:
    """Yield the pages of a reviewer's day: home, queue, a request of 500 lines, and one page of each other kind."""
    yield "day: home", reverse("admin:index")
    yield "day: queue", reverse("admin:overrides_changerequest_changelist")
    yield "day: levers", reverse("levers")
    yield "day: lever of most lines", reverse("lever", args=["size_mult"])
    yield "day: lever of most lines, far on", f"{reverse('lever', args=['size_mult'])}?p=200"
    request = ChangeRequest.objects.annotate(n=Count("lines")).filter(n__lte=500).order_by("-n", "-pk").first()
    member = Membership.objects.filter(to_version=None).earliest("id")
    outcome = DecisionOutcome.objects.order_by("-decision_id").first()
    rows: dict[str, tuple[str, Any]] = {
        "request of 500 lines": ("overrides_changerequest", request and request.pk),
        "override": ("overrides_override", member.override_id),
        "decision": ("telemetry_decision", outcome and outcome.decision_id),
        "trade": ("telemetry_trade", outcome and outcome.trade_id),
        "version": ("overrides_version", Version.objects.filter(is_active=True, module="pm").values("pk")[:1]),
        "mandate": ("overrides_mandate", Mandate.objects.order_by("-pk").values("pk")[:1]),
    }
    for name, (model, key) in rows.items():
        pk = key[0]["pk"] if isinstance(key, QuerySet) else key
        yield f"day: {name}", reverse(f"admin:{model}_change", args=[pk])


def requests(client: Client) -> Iterator[tuple[str, str]]:
    """Yield a name and an address for every request that the admin can get."""
    yield "index", reverse("admin:index")
    for model in admin.site._registry:
        if model._meta.app_label in OURS:
            yield from lists(client, model)
            yield from pages(model)


def lists(client: Client, model: type[Model]) -> Iterator[tuple[str, str]]:
    """Yield the list with every filter and order that the page itself offers."""
    name = model._meta.model_name
    address = reverse(f"admin:{model._meta.app_label}_{name}_changelist")
    yield f"{name} list", address
    shown = (client.get(address).context or {}).get("cl")
    if shown is None:  # a custom page, such as the modes, with nothing to sort or page through
        return
    pages_of_it = shown.paginator.num_pages
    if pages_of_it > 1:
        yield f"{name} page 2", f"{address}?p=2"
        yield f"{name} page {pages_of_it}", f"{address}?p={pages_of_it}"
    for place, column in enumerate(shown.list_display):
        if shown.get_ordering_field(column):
            word = getattr(column, "__name__", column)
            yield f"{name} by {word}", f"{address}?o={place}"
            yield f"{name} by {word} downwards", f"{address}?o=-{place}"
    for spec in shown.filter_specs:
        for choice in spec.choices(shown):
            if choice.get("query_string", "?") != "?":
                yield f"{name} filter {choice['query_string']}", address + choice["query_string"]
    if shown.search_fields:
        for term in (*TERMS, str(getattr(model._default_manager.first(), "pk", ""))):
            yield f"{name} search {term}", f"{address}?{urlencode({'q': term})}"


def pages(model: type[Model]) -> Iterator[tuple[str, str]]:
    address = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    for row in model._default_manager.order_by("-pk")[:1]:
        yield f"{model._meta.model_name} page", reverse(address, args=[row.pk])


def heaviest() -> Iterator[tuple[str, str]]:
    """Yield the override that moved most, its decisions, the widest request, and the pages of all that was learned."""
    member = Membership.objects.filter(to_version=None).earliest("id")
    decisions = reverse("admin:telemetry_decision_changelist")
    yield (
        "override page, the one that moved most",
        reverse("admin:overrides_override_change", args=[member.override_id]),
    )
    for what, identity in (("line", member.line_id), ("override", member.override_id)):
        yield f"decision list of the {what} that moved most", f"{decisions}?moved_by={identity}"
    seldom = Membership.objects.filter(to_version=None).latest("id")
    yield "decision list of a line that moved little", f"{decisions}?moved_by={seldom.line_id}"
    yield "decision list of a line there is not", f"{decisions}?moved_by={'0' * 64}"
    evidence = reverse("admin:learning_builderrun_evidence", args=["pm"])
    for order in ORDERS:
        yield f"evidence page by {order}", f"{evidence}?policy=plan&sort={order}"
    widest = ChangeRequest.objects.annotate(n=Count("lines")).latest("n", "pk")
    yield "request page, the widest", reverse("admin:overrides_changerequest_change", args=[widest.pk])


def measured(client: Client, name: str, address: str, rounds: int, **of: object) -> bool:
    """Print the figure of one address; return whether it keeps both bars."""
    if rounds:
        client.get(address)  # a process looks up content types once
        gc.collect()
        gc.freeze()  # as the web processes do (config/gunicorn.py)
    with CaptureQueriesContext(connection) as captured:
        began = time.perf_counter()
        response = client.get(address)
        once = time.perf_counter() - began
    queries = len(captured)  # counted now, as the next request clears them
    if response.status_code != 200:
        raise AssertionError(f"{address} answered {response.status_code}")
    taken = 1000 * median([timed(lambda: client.get(address)).wall for _ in range(rounds)] or [once])
    passes = taken <= MOST_MILLISECONDS and queries <= MOST_QUERIES
    bars = {"bar": MOST_MILLISECONDS, "queries": queries, "bar_queries": MOST_QUERIES, "passes": passes}
    figure("pages", name, taken, "ms", **bars, **of)
    return passes


def run(
    overrides: int = OVERRIDES,
    decisions: int = DECISIONS,
    trades: int = TRADES,
    audited: int = AUDITED,
    rounds: int = ROUNDS,
    *,
    only_day: bool = False,
) -> None:
    filling = timed(lambda: fill(overrides, decisions, trades, audited))
    of = {"overrides": overrides, "decisions": decisions, "trades": trades}
    figure("pages", "fill", filling.wall, "s", **of)
    client = Client()
    client.force_login(make_person("reviewer", is_staff=True, groups=("reviewer",)))
    of_a_day = [measured(client, *address, rounds) for address in day()]
    figure("pages", "day_within_both_bars", sum(of_a_day), "pages", asked=len(of_a_day), **of)
    if only_day:
        return
    client.force_login(make_person("owner", is_staff=True, is_superuser=True))
    kept = [measured(client, *address, rounds) for address in [*requests(client), *heaviest()]]
    figure("pages", "within_both_bars", sum(kept), "requests", asked=len(kept), **of)


if __name__ == "__main__":
    with scratch_database():
        sizes = [int(each) for each in sys.argv[1:] if each != DAY]
        run(*sizes, only_day=DAY in sys.argv[1:])
