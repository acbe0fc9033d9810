"""A furnished world at the present time, and an attempt in it: as the application role, judged, and rolled back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import Error, connection, transaction
from psycopg import sql

from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.models import ChangeRequest, Line
from overrides.requests.emergency import pin_line, quarantine_builder
from overrides.requests.review import approve
from overrides.versions.publish import store_override
from telemetry.audit.audit_log import write_audit
from telemetry.recording.record_trades import record_trades
from tests.bench.attacks.judge import governs, snapshot
from tests.builders import approve_and_apply, draft, make_parameters, make_spec, make_trades, publish, set_mode
from tests.people import make_person

DAY = timedelta(days=1)
DIP, FLAT, GOOD = ({"macro_phase": name} for name in ("Dip", "Flat", "Good"))
POLICY = {"approvals": 1, "large_movement": 20, "large_approvals": 2}


def now() -> datetime:
    return datetime.now(UTC)


def spec(size: float = 1.1, scope: dict[str, str] | None = None, **over: Any) -> OverrideSpec:
    stats = {"updated_at": "2026-03-01T00:00:00Z", "n": 20.0, **over.pop("stats", {})}
    return make_spec({"size_mult": size}, scope=scope or DIP, stats=stats, **over)


@dataclass
class World:
    """Names of what is furnished."""

    requests: dict[str, int] = field(default_factory=dict)  # approved and not applied, by kind
    lines: dict[str, str] = field(default_factory=dict)
    overrides: dict[str, str] = field(default_factory=dict)


def furnish() -> World:
    """Create lines, versions, modes, policies, mandates, holds, people and one approved request of each kind."""
    world = World()
    make_person("writer", "overrides.propose_parameters", "overrides.lower_modulemode")
    make_person("somebody", is_superuser=True, is_staff=True)
    make_person("second", "overrides.review_changerequest", is_staff=True)
    make_person("third", "overrides.review_changerequest", groups=("elders",))
    make_person("operator", "overrides.lower_modulemode", is_staff=True)
    make_person("gone", "overrides.review_changerequest", is_active=False)
    make_person("viewer", "overrides.view_changerequest", is_staff=True)
    record_trades(make_trades([0.5, 0.3, 0.1, 0.2, 0.4] * 6), now=now())
    for scope in (DIP, FLAT):
        publish(spec(scope=scope), at=now())
    publish(spec(1.2, FLAT), at=now())
    set_mode("shadow", rollout_percent=20, allow={"macro_phase": ["Dip", "Flat"]}, at=now())
    for content in ({"approvals": 1}, POLICY):
        approve_and_apply(draft(kind="policy", content=content, at=now()), at=now())
    writer = User.objects.get(username="writer")
    chief = User.objects.get(username="somebody")
    wanted: dict[str, Any] = {
        "lines": ([spec(1.05, GOOD), spec(1.15, FLAT)], None),
        "parameters": ([], make_parameters({"weights": {"n_target": 31}}).to_document()),
        "mode": ([], {"mode": "on"}),
        "policy": ([], POLICY | {"approvals": 2}),
        "rollback": ([], {"to": 1}),
        "trial": ([spec(1.25, DIP)], make_parameters({"weights": {"n_target": 33}}).to_document()),
    }
    for kind, (specs, content) in wanted.items():
        asked = draft(*specs, kind=kind, content=content, author=writer, title=kind, at=now())
        approve(request_id=asked.pk, by=chief, at=now())
        world.requests[kind] = asked.pk
    asked = draft(spec(1.3, {"macro_phase": "Euphoria"}), author=writer, title="unsigned", at=now())
    world.requests["unsigned"] = asked.pk
    for name, scope in (("dip", DIP), ("flat", FLAT), ("good", GOOD)):
        world.lines[name] = spec(scope=scope).line
    for name, size, scope in (
        ("dip", 1.1, DIP), ("dip high", 1.29, DIP), ("dip low", 1.02, DIP), ("flat high", 1.29, FLAT),
        ("good high", 1.29, GOOD),
    ):  # fmt: skip
        world.overrides[name] = store_override(spec(size, scope), source="person", at=now()).pk
    pin_line(line_id=world.lines["dip"], by=chief, reason="until May", at=now())
    time.sleep(6)  # the judge takes requests of the last five seconds for new ones
    quarantine_builder(module="dm", by=chief, reason="looks wrong", at=now())
    return world


NAMED = (
    "version pm/{next}", "version pm/{after}", "version dm/1", "mode pm", "mode dm", "policy pm/3", "policy pm/4",
    "policy dm/1", "builder pm", "builder dm", "person writer", "person second", "person gone", "person viewer",
    "person operator",
)  # fmt: skip


def forged_names(world: World) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(number) FROM learning_configs WHERE module = 'pm'")
        last = cursor.fetchone()[0]
    named = [each.format(next=last + 1, after=last + 2) for each in NAMED]
    named += [f"request {pk}" for pk in ChangeRequest.objects.values_list("pk", flat=True)]
    named += [f"request {pk}" for pk in range(900_001, 900_004)]
    return named + [f"line {pk}" for pk in Line.objects.values_list("pk", flat=True)]


INSERT = (
    "INSERT INTO telemetry_auditentry (seq, previous_hash, hash, content, written_at, transaction, format, epoch) "
    "SELECT 0, '', gen_random_uuid()::text, json_build_object('actor', 'mallory', 'action', 'apply', 'object', each, "
    "'reason', 'x', 'before', null, 'after', null, 'request_id', '', 'at', now())::text, now(), 0, 0, 0 "
    "FROM unnest(%s::text[]) AS each"
)


@contextmanager
def as_role() -> Iterator[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(settings.APPLICATION_ROLE)).as_string())
        yield cursor


@dataclass(frozen=True)
class Outcome:
    """What became of an attempt: refused, changed nothing that governs, governs, or leaves an outage."""

    verdict: str
    details: str


def attempt(
    work: Callable[[Any], object], *, forge: list[str], before: Any, honest: Any = (), probe: Any = None
) -> Outcome:
    """Run one attempt as the application role with forged audit entries; judge it, and roll it back."""
    with transaction.atomic():
        try:
            with transaction.atomic(), as_role() as cursor:
                if forge:
                    cursor.execute(INSERT, [forge])
                work(cursor)
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; RESET search_path")
                cursor.execute("RESET ROLE")
        except Error as error:
            transaction.set_rollback(True)
            return Outcome("refused", str(error).splitlines()[0])
        except Exception as error:  # the verbs refuse in Python what they cannot read
            transaction.set_rollback(True)
            return Outcome("refused in Python", f"{type(error).__name__}: {error}"[:150])
        try:
            after = snapshot()
            found = governs(before, after, *honest)
            broken = [] if found or probe is None else probe()
        except Error as error:
            found, broken = [], [f"judge: {error}".splitlines()[0]]
        transaction.set_rollback(True)
    if found:
        return Outcome("governs", "; ".join(found)[:300])
    if broken:
        return Outcome("outage", "; ".join(broken)[:400])
    return Outcome("without effect", "")


def audit_as(actor: str, named: str, **after: Any) -> None:
    write_audit(actor=actor, action="change", object=named, reason="x", before=None, after=after, at=now())
