"""Builders as plain functions, valid by default; each test changes only what it is about.

Django is imported inside the functions, so the tests of the cores can import this file too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from telemetry.core.trades import Trade as TradeValue
from telemetry.core.trades import parse_trade
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.identifiers import uuid7

if TYPE_CHECKING:
    from learning.models import Lesson
    from overrides.models import ChangeRequest, ModuleMode, Version
    from overrides.serving.documents import Explain
    from overrides.serving.resolve import Resolved
    from overrides.serving.resolve_request import Question
    from telemetry.decisions.decision_log import DecisionRecord

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
DAY = timedelta(days=1)
KEY = "donchian.long.breakout"
SCOPE = {"macro_phase": "Good", "bucket": "micro"}
# tanh(100) = 1, exp(-1e6 / 25) = 0, 1 / (1 + 0) = 1: only the dimensions and the age weigh.
HEAVY: dict[str, Any] = {
    "edge_raw": 100.0,
    "n": 1e6,
    "variance": 0.0,
    "half_life_days": 90.0,
    "updated_at": utc_text(NOW),
}


# --- facts ------------------------------------------------------------------------------------------


def action_payload(**over: Any) -> dict[str, Any]:
    return {
        "module": "pm",
        "pattern_key": KEY,
        "action_category": "entry",
        "at": utc_text(NOW - 2 * DAY),
        "scope": SCOPE,
    } | over


def trade_payload(external_id: str = "t1", **over: Any) -> dict[str, Any]:
    return {
        "external_id": external_id,
        "symbol": "BTC/USDT",
        "opened_at": utc_text(NOW - 2 * DAY),
        "closed_at": utc_text(NOW - DAY),
        "rr": 1.5,
        "actions": [action_payload()],
    } | over


def make_trade(external_id: str = "t1", **over: Any) -> TradeValue:
    return parse_trade(trade_payload(external_id, **over), now=NOW)


def make_correction(external_id: str = "t1", revision: int = 2, **over: Any) -> TradeValue:
    return make_trade(external_id, revision=revision, correction_reason="the fee was wrong", **over)


def make_trades(
    rrs: Sequence[float], *, scope: Mapping[str, str] = SCOPE, prefix: str = "t", per_day: int = 1, **action: Any
) -> list[TradeValue]:
    """Make one trade with one entry for each outcome; `per_day` close each day, the last ones a day before NOW."""
    first = NOW - DAY * (1 + (len(rrs) - 1) // per_day)
    trades = []
    for index, rr in enumerate(rrs):
        closed_at = first + DAY * (index // per_day)
        times = {"opened_at": utc_text(closed_at - DAY), "closed_at": utc_text(closed_at)}
        actions = [action_payload(scope=scope, at=times["opened_at"], **action)]
        trades.append(make_trade(f"{prefix}{index:03}", rr=rr, actions=actions, **times))
    return trades


def make_decision(effect: Mapping[str, Any] | None = None, **over: Any) -> DecisionRecord:
    """Make a served decision; by default with size 1.02 from neutral, requested by one override."""
    from telemetry.decisions.decision_log import DecisionRecord

    served = {"size_mult": {"m0": 1.0, "m": 1.02, "parts": {"o" * 64: 0.01980262729617973}, "lines": {"o" * 64: "l"}}}
    fields: dict[str, Any] = {
        "decision_id": uuid7(NOW - 2 * DAY), "module": "pm", "pattern_key": KEY, "action_category": "entry",
        "scope": SCOPE, "at": NOW - 2 * DAY, "version": 1, "challenger_version": None, "combiner": "pm_strength=plan",
        "mode": "on", "reason": "SINGLE", "flags": (), "request": {}, "levers": {}, "contributions": [],
        "excluded": [], "challenger": None, "effect": served if effect is None else effect,
        "numeric_build": "test", "latency_us": 50.0,
    }  # fmt: skip
    return DecisionRecord(**fields | over)


def decision_ids(*decisions: DecisionRecord) -> list[str]:
    return [str(decision.decision_id) for decision in decisions]


# --- governed state ---------------------------------------------------------------------------------


def make_spec(levers: Mapping[str, float] | None = None, **over: Any) -> OverrideSpec:
    """Make a pm_strength override of entries with enough weight to act; `stats` overrides single numbers.

    Its edge has the sign of its lever targets.
    """
    document = {
        "type": "pm_strength", "policy": "plan", "module": "pm", "pattern_key": KEY, "action_category": "entry",
        "scope": SCOPE,
    }  # fmt: skip
    group = "execution_levers" if over.get("type") == "pm_tuning" else "capital_levers"
    targets = {"size_mult": 1.1} if levers is None else dict(levers)
    lowers = any(LEVERS[name].unit(value) < 0 for name, value in targets.items() if name in LEVERS)
    stats = HEAVY | ({"edge_raw": -HEAVY["edge_raw"]} if lowers else {}) | over.pop("stats", {})
    moved = {group: targets}
    return OverrideSpec.from_document(document | {"stats": stats, "levers": moved} | over)


def make_parameters(channel: Mapping[str, Any] | None = None, module: str = "pm", **over: Any) -> ModuleParameters:
    """Return the module's default parameters with changes to the first channel and to other entries."""
    document = ModuleParameters.default(module).to_document()
    document["channels"][min(document["channels"])] |= channel or {}
    return ModuleParameters.from_document(module, document | over)


def publish(
    *specs: OverrideSpec,
    withdraw: Iterable[str] = (),
    module: str = "pm",
    parameters: ModuleParameters | None = None,
    source: str = "person",
    at: datetime = NOW,
) -> Version:
    """Publish overrides as the module's next version, requested by a machine and approved by a person.

    Of a method that gates its use by strength, everything it believed has come true.
    """
    from overrides.models import Version
    from overrides.requests.kinds.kind import DraftLine
    from overrides.versions.publish import store_override

    lines = [DraftLine(spec.line, store_override(spec, source=source, at=at).id, ["new line"]) for spec in specs]
    lines += [DraftLine(line, None, ["withdrawn"]) for line in withdraw]
    kind = "lines" if parameters is None else "parameters"
    content = None if parameters is None else parameters.to_document()
    if parameters is not None and any(each.policy == "evidence" for each in parameters.channels.values()):
        come_true(module, at)
    request = approve_and_apply(draft(module=module, kind=kind, lines=lines, content=content, at=at), at=at)
    return Version.objects.get(request=request)


def come_true(module: str = "pm", at: datetime = NOW) -> None:
    """Let all that the evidence method believed have come true, where nothing was measured by then."""
    from learning.models import MethodStrength
    from tests.learning.opinions import make_strength

    if not MethodStrength.objects.filter(module=module, policy="evidence", as_of__lte=at).exists():
        make_strength(1.0, 1.0, 0.0, module=module, as_of=at, asked_at=at)


def set_mode(mode: str = "on", *, module: str = "pm", at: datetime = NOW, **content: Any) -> ModuleMode:
    """Set the module's serving mode, requested by a machine and approved by a person."""
    from overrides.models import ModuleMode

    approve_and_apply(draft(module=module, kind="mode", content={"mode": mode, **content}, at=at), at=at)
    return ModuleMode.objects.get(module=module)


def approve_and_apply(request: ChangeRequest, *, at: datetime = NOW) -> ChangeRequest:
    """Return the request after an authorised person has approved and applied it."""
    from overrides.requests.apply import apply_request
    from overrides.requests.review import approve
    from tests.people import somebody

    person = somebody()
    approve(request_id=request.pk, by=person, at=at)
    return apply_request(request_id=request.pk, by=person, at=at)


def draft(*specs: OverrideSpec, author: Any = None, at: datetime = NOW, **over: Any) -> ChangeRequest:
    """Return a request in review that adds the overrides, by a machine unless an author is given."""
    from overrides.requests.authoring import draft_request
    from overrides.requests.kinds.kind import DraftLine
    from overrides.versions.publish import store_override

    lines = [DraftLine(spec.line, store_override(spec, source="person", at=at).id, ["new line"]) for spec in specs]
    fields: dict[str, Any] = {"module": "pm", "kind": "lines", "title": "a change", "reason": "because", "lines": lines}
    name = "machine" if author is None else author.get_username()
    return draft_request(**fields | {"author_name": name} | over, author=author, at=at)


def make_question(**over: Any) -> Question:
    from overrides.serving.resolve_request import read_question

    payload = {"module": "pm", "pattern_key": KEY, "action_category": "entry", "scope": SCOPE}
    return read_question(payload | over, now=NOW)


def told(answer: Resolved, explain: Explain = "summary") -> dict[str, Any]:
    """Return an answer as a bot reads it."""
    import orjson

    from overrides.serving.documents import documents

    found: dict[str, Any] = orjson.loads(orjson.dumps(documents([answer], explain)[0], option=orjson.OPT_UTC_Z))
    return found


# --- learning ---------------------------------------------------------------------------------------


def make_lesson(targets: Mapping[str, float] | None = None, **over: Any) -> Lesson:
    """Make a stored, active lesson of pm entries; its line follows from its key, its edge from its target."""
    from learning.models import BuilderRun, Lesson
    from overrides.core.engine.definitions.content_hash import line_id

    run = BuilderRun.objects.first() or BuilderRun.objects.create(
        module="pm", policy="plan", as_of=NOW, parameters={}, baseline={}, n_cells=0, n_candidates=0, n_active=0,
        n_withdrawn=0, code_version="test",
    )  # fmt: skip
    fields: dict[str, Any] = {
        "type": "pm_strength", "policy": "plan", "module": "pm", "pattern_key": KEY, "action_category": "entry",
        "scope": SCOPE, "status": "active", "edge_raw": 0.8, "weight": 0.1, "first_run": run, "run": run,
        "targets": {"size_mult": 1.1} if targets is None else dict(targets),
        "stats": HEAVY | {"edge_raw": 0.8, "n": 40, "variance": 0.5, "baseline": 0.1},
    } | over  # fmt: skip
    if any(LEVERS[name].unit(value) < 0 for name, value in fields["targets"].items() if name in LEVERS):
        fields["edge_raw"] = -abs(fields["edge_raw"])
        fields["stats"] = fields["stats"] | {"edge_raw": -abs(fields["stats"]["edge_raw"])}
    identity = [fields[name] for name in ("module", "type", "policy", "pattern_key", "action_category", "scope")]
    return Lesson.objects.create(line_id=line_id(*identity), n_dims=len(fields["scope"]), **fields)


# --- bypassing the verbs ------------------------------------------------------------------------------


@contextmanager
def without_triggers() -> Iterator[None]:
    """Write without triggers, as only a database superuser or a restored backup could."""
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.in_atomic_block:  # earlier writes are checked before triggers are disabled
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("SET session_replication_role = replica")
        try:
            yield
        finally:
            cursor.execute("SET session_replication_role = origin")


# --- concurrency --------------------------------------------------------------------------------


def run_concurrently(*calls: Callable[[], Any]) -> list[Any]:
    """Run the calls concurrently, each on its own connection; return results or exceptions in order."""
    barrier = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(position: int, call: Callable[[], Any]) -> None:
        barrier.wait(timeout=10)
        results[position] = attempt(call)

    threads = [threading.Thread(target=run, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def attempt(call: Callable[[], Any]) -> Any:
    """Return the result or exception of a call on this thread's own connection, which is closed afterwards."""
    from django.db import connections

    try:
        return call()
    except Exception as error:
        return error
    finally:
        connections.close_all()


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Wait until another thread or process makes a condition true."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain: {what}")
        time.sleep(0.01)


def waits_for_lock() -> bool:
    """Return whether any session of this database waits for a lock."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_stat_clear_snapshot()"
        )  # otherwise a transaction would see its first snapshot forever
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() "
            "AND wait_event_type = 'Lock')"
        )
        waiting: bool = cursor.fetchone()[0]
    return waiting


@contextmanager
def database_away() -> Iterator[None]:
    """Simulate an unavailable PostgreSQL: connections are closed, and no server listens at its port."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    connection.close()
    settings = connection.settings_dict  # shared by the connections of all threads
    port = settings["PORT"]
    settings["PORT"] = "1"
    try:
        yield
    finally:
        connection.close()
        settings["PORT"] = port
