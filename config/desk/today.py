"""The admin's start page: what is served and what is off, the monitors that are amber or red, and what the
monitor did and nobody has acknowledged; mandates that are due for review, and all its counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.auth.models import User
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, IntegerField, JSONField, OuterRef, QuerySet, Subquery
from django.db.models.expressions import RawSQL
from django.db.models.functions import JSONObject

from config.desk.books import COUNTED, RECORDED, Recorded, told
from config.desk.queue import DAY, WAITING, WEEK, awaiting
from config.desk.troubles import Stuck, failed_runs, unowned_keys
from overrides.admin.decisions.decision_rows import LEVERS_OF
from overrides.admin.governance.mandate_admin import due_by, overdue_at
from overrides.admin.mandate_display import term
from overrides.admin.monitor_display import with_standing
from overrides.admin.requests.request_admin import unacknowledged
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.models import (
    ChangeLine,
    ChangeRequest,
    LineHold,
    Mandate,
    MandateRenewal,
    ModuleMode,
    Monitor,
    Quarantine,
    Version,
    Vote,
    WeeklyReport,
)
from overrides.requests.machine_acts import MONITOR
from overrides.requests.renewal import suspended_at
from overrides.versions.acts_today import ActsToday, acts_by_module
from telemetry.audit.simulated_time import SimulatedTime
from telemetry.decisions.earnings import Earned, earned_lately
from telemetry.foundation.models import OutboxMessage
from telemetry.models import MODULES

MOST_DUE = 12
MODE_FIELDS = (  # what the page shows
    "module", "mode", "rollout_percent", "holdback_percent", "arms", "changed_at", "changed_by", "reason",
)  # fmt: skip
NEWEST_REPORT = (
    "(SELECT jsonb_build_array(week, revision) FROM overrides_weeklyreport ORDER BY week DESC, revision DESC LIMIT 1)"
)
EARNED_TRADES = 1000  # the trades whose earnings the page sums, so that it takes no longer as they grow


@dataclass(frozen=True)
class Served:
    """One module; without a row it is off, without a version neutral."""

    module: str
    row: ModuleMode | None
    version: Version | None
    acts: ActsToday | None = None  # of the version, None without one
    books: str = ""  # what it learns from, and what is recorded beside

    @property
    def mode(self) -> str:
        """The mode in force; a module without one is off."""
        return ModuleMode.Mode.OFF if self.row is None else self.row.mode

    @property
    def is_off(self) -> bool:
        """Whether it answers nothing but neutral and logs no answers."""
        return self.mode == ModuleMode.Mode.OFF

    @property
    def serves(self) -> str:
        """What bots get, in words."""
        if self.is_off:
            return "neutral levers: it is off"
        if self.version is None:
            return "neutral levers: no version is published yet"
        number = f"{self.module} {self.version.number}"
        if self.mode == ModuleMode.Mode.SHADOW:
            return f"neutral levers; what {number} would answer is logged"
        percent, held = (100.0, 0.0) if self.row is None else (self.row.rollout_percent, self.row.holdback_percent)
        share = "" if percent == 100 else f", to {percent:g} % of positions"
        explored = ", ".join(self.row.arms) if self.row is not None else ""
        return (
            f"the levers of {number}{share}"
            + (f"; {held:g} % of positions are held back" if held else "")
            + (f"; {explored} explored" if explored else "")
        )


@dataclass(frozen=True)
class DueMandate:
    """A mandate whose review is due or overdue, in words, and who signed it."""

    mandate: Mandate
    term: str
    is_overdue: bool
    signers: tuple[str, ...]

    @property
    def levers(self) -> str:
        """Which levers its line moves, in a word."""
        return LEVERS_OF[self.mandate.line.channel]


@dataclass(frozen=True)
class Published:
    """What the builder published by itself: requests and lines, in the last day and in the last week."""

    day: int
    day_lines: int
    week: int
    week_lines: int


@dataclass(frozen=True)
class Machine:
    """What the monitor did by itself and waits for a look, and how many monitors are amber, red, or
    above the limit because of lines beside them."""

    acts: tuple[Mapping[str, Any], ...]
    amber: int
    red: int
    shared: int


@dataclass(frozen=True)
class Counts:
    """What the start page counts.

    Requests that wait for the reader, for others, and for their time; those that took effect at once and wait to be
    acknowledged; mandates that are due for review (`mandates_overdue` of them overdue) or suspended; vetoes, pins and
    caps; live keys without an active owner; what the builder published by itself; failed runs of jobs; and what the
    last trades earned. `modes` are the serving modes by module, as far as they are set. `simulated` is since when and
    why the database accepts other times than its clock's. `recorded` has the trades of each module and book, and
    `report` is the newest weekly report.
    """

    mine: int
    others: int
    scheduled: int
    afterwards: int
    amber: int
    red: int
    shared: int
    machine_acts: tuple[Mapping[str, Any], ...]
    mandates_due: int
    mandates_overdue: int
    mandates_suspended: int
    vetoes: int
    pins: int
    caps: int
    unowned_keys: int
    published: Published
    quarantines: tuple[Mapping[str, str], ...]
    failed: list[Mapping[str, Any]]
    stuck: Stuck
    simulated: SimulatedTime | None
    earned: Earned
    modes: Mapping[str, ModuleMode]
    recorded: Recorded
    report: WeeklyReport | None

    @property
    def machine(self) -> Machine:
        """What the monitor did and sees."""
        return Machine(self.machine_acts, self.amber, self.red, self.shared)

    @property
    def mandates_due_soon(self) -> int:
        """The mandates that are due and not overdue yet."""
        return self.mandates_due - self.mandates_overdue


def served(counted: Counts, now: datetime) -> list[Served]:
    """Return what each module serves in its mode, and what it learns from."""
    versions = Version.objects.filter(is_active=True).select_related("parameters").defer("config_data", "coefficients")
    active = {version.module: version for version in versions}
    acts = acts_by_module(active.values(), now)
    learned = {module: _learned_books(module, active.get(module)) for module, _ in MODULES}
    books = dict(told(learned, counted.recorded))
    return [
        Served(module, counted.modes.get(module), active.get(module), acts.get(module), books[module])
        for module, _ in MODULES
    ]


def _learned_books(module: str, version: Version | None) -> tuple[str, ...]:
    parameters = ModuleParameters.default(module) if version is None else version.parameters.parsed
    return parameters.lessons.books


def counts(person: User, now: datetime) -> Counts:
    """Return what the start page counts, in one query."""
    open_requests = ChangeRequest.objects.filter(state__in=WAITING)
    mine = awaiting(person, now)
    tasks = OutboxMessage.objects.filter(sent_at=None, due_at__lte=now)
    holds = LineHold.objects.filter(LineHold.is_live(now))
    counted: dict[str, QuerySet[Any]] = {
        "mine": open_requests.filter(mine),
        "others": open_requests.exclude(pk__in=open_requests.filter(mine).values("pk")),
        "scheduled": ChangeRequest.objects.filter(state=ChangeRequest.State.SCHEDULED),
        "afterwards": unacknowledged(),
        "amber": with_standing(Monitor.objects.filter(state=Monitor.State.AMBER)).filter(stands=True),
        "red": with_standing(Monitor.objects.filter(state=Monitor.State.RED)).filter(stands=True),
        "shared": with_standing(Monitor.objects.filter(state=Monitor.State.SHARED)).filter(stands=True),
        "mandates_due": Mandate.objects.filter(due_by(now)),
        "mandates_overdue": Mandate.objects.filter(overdue_at(now)),
        "mandates_suspended": Mandate.objects.filter(suspended_at(now)),
        "vetoes": holds.filter(kind="veto"),
        "pins": holds.filter(kind="pin"),
        "caps": holds.filter(kind="cap"),
        "unowned_keys": unowned_keys(now),
        "tasks": tasks,
    }
    columns: dict[str, Any] = {name: _Count(rows.order_by().values("pk")) for name, rows in counted.items()}
    for name, since in (("day", now - DAY), ("week", now - WEEK)):
        published = ChangeRequest.objects.filter(
            route=ChangeRequest.Route.MANDATE, state=ChangeRequest.State.APPLIED, closed_at__gt=since
        )
        columns[name] = _Count(published.order_by().values("pk"))
        columns[f"{name}_lines"] = _Count(
            ChangeLine.objects.filter(request__in=published.order_by().values("pk")).values("pk")
        )
    stopped = Quarantine.objects.filter(lifted_at=None).order_by("module")
    quarantine = JSONObject(module=F("module"), reason=F("reason"), by=F("placed_by__username"))
    columns |= {
        "earned": earned_lately(EARNED_TRADES),
        "modes": ArraySubquery(ModuleMode.objects.values(found=JSONObject(**{name: F(name) for name in MODE_FIELDS}))),
        "quarantines": ArraySubquery(stopped.values(found=quarantine)),
        "machine_acts": ArraySubquery(_machine_acts()),
        "failed": failed_runs(now),
        "oldest": Subquery(tasks.order_by("due_at").values("due_at")[:1]),
        "recorded": RawSQL(RECORDED, (COUNTED,), JSONField()),
        "report": RawSQL(NEWEST_REPORT, (), JSONField()),
        "simulated": RawSQL("(SELECT jsonb_build_array(since, reason) FROM simulated_time)", (), JSONField()),
    }
    row: Any = User.objects.filter(pk=person.pk).values(**columns).get()
    if row["simulated"]:
        since, reason = row["simulated"]
        row["simulated"] = SimulatedTime(datetime.fromisoformat(since), reason)
    week, revision = row["report"] or (None, 0)
    row["report"] = WeeklyReport(week=date.fromisoformat(week), revision=revision) if week else None
    row["earned"] = Earned(**row["earned"])
    row["published"] = Published(*(row.pop(name) for name in ("day", "day_lines", "week", "week_lines")))
    row["stuck"] = Stuck(row.pop("tasks"), row.pop("oldest"))
    modes = [ModuleMode(**{**each, "changed_at": datetime.fromisoformat(each["changed_at"])}) for each in row["modes"]]
    row["modes"] = {mode.module: mode for mode in modes}
    row["recorded"] = Recorded(*row["recorded"])
    row["machine_acts"] = tuple(
        {**each, "closed_at": datetime.fromisoformat(each["closed_at"])} for each in row["machine_acts"]
    )
    row["quarantines"] = tuple(row["quarantines"])
    return Counts(**row)


def due_mandates(now: datetime) -> list[DueMandate]:
    """Return the first mandates whose review is due, the longest overdue first, in one query."""
    votes = Vote.objects.filter(
        request=OuterRef("request"), content_hash=OuterRef("request__content_hash"), decision=Vote.Decision.APPROVE
    )
    renewals = MandateRenewal.objects.filter(mandate=OuterRef("renews"))
    rows: Any = Mandate.objects.filter(due_by(now)).select_related("line").order_by("review_by", "pk")
    annotated = rows.annotate(
        voters=ArraySubquery(votes.order_by("pk").values("voter__username")),
        renewers=ArraySubquery(renewals.order_by("pk").values("voter__username")),
    )
    return [
        DueMandate(
            row,
            term(row.review_by - now),
            row.review_by <= now,
            tuple(dict.fromkeys(row.renewers if row.renews_id is not None else row.voters)),
        )
        for row in annotated[:MOST_DUE]
    ]


def _machine_acts() -> QuerySet[Any]:
    """Return what the monitor did by itself and nobody has acknowledged, the newest first."""
    fields = ("pk", "title", "module", "reason", "closed_at")
    rows = unacknowledged().filter(author=None, author_name=MONITOR).order_by("-closed_at", "-pk")[:MOST_DUE]
    return rows.values(found=JSONObject(**{name: F(name) for name in fields}))


class _Count(Subquery):
    """The number of rows of a query, as a column."""

    template = "(SELECT count(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()
