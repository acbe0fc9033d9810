"""What the log of decisions costs: bytes of a decision, CPU of a decision by thread, and how long anybody waits for it.

    ./dev bench log [--rows N] [--limit N]

Bytes are those of tables and indexes together (`pg_total_relation_size`) over decisions of ten contributions each,
stored as documents, as releases before traces did, and as traces, in one run.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import connection, transaction

from overrides.core.engine.compile_module import compile_module
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.serving_mode import Mode, ServingMode
from overrides.serving.decisions.decision_columns import rows_of
from overrides.serving.decisions.decision_record import Decided, decision_record
from overrides.serving.engine import Engine
from overrides.serving.resolve import Resolved, resolve_one
from overrides.serving.resolve_request import Question
from telemetry.core.decision_trace.constants import Constants
from telemetry.decisions.decision_log import Form
from telemetry.decisions.decision_queue import DecisionQueue
from telemetry.decisions.decision_rows import StoredRow, store_constants, stored_row, write_rows
from telemetry.decisions.retirement import retire_old_decisions
from telemetry.decisions.spill import Spill
from telemetry.foundation.core.identifiers import uuid7, uuid7_floor
from tests.bench.combine import question, specs_of
from tests.bench.report import Work, figure, scratch_database, timed
from tests.builders import NOW
from tests.outages.deployment import stopped

ROWS, BLOCK, MATCHES, LIMIT, WAITS = 20_000, 1_000, 10, 5_000, 30
FORM: Form[Decided] = Form(rows_of, decision_record, lambda decided: decided.decision_id)


def two_levers(spec: OverrideSpec) -> OverrideSpec:
    """Return an override that moves the aggression of entries besides their size."""
    value = spec.levers["size_mult"]
    return spec.with_levers({"size_mult": value, "entry_aggression_mult": value})


def engine() -> Engine:
    """Return an engine of which most questions match about ten overrides."""
    parameters = ModuleParameters.default("pm")
    specs = [two_levers(each) for each in specs_of(60, random.Random(3))]
    compiled = compile_module(parameters, specs)
    return Engine("pm", 1, compiled, parameters, ServingMode(Mode.ON))


def asked(chance: random.Random, now: datetime) -> Question:
    """Return a question about one of 81 scopes of four dimensions that matter and four that no override names."""
    drawn = question(chance)
    scope = {
        **drawn.request.scope,
        "venue": "binance",
        "regime": f"r{chance.randrange(9)}",
        "ts_band": "0.6-0.7",
        "age": "<1d",
    }
    return drawn._replace(request=drawn.request._replace(at=now, scope=scope))


def answers(count: int, of: Engine, chance: random.Random, since: datetime) -> Iterator[Resolved]:
    """Yield answers of exactly ten contributions, a millisecond apart."""
    found = 0
    while found < count:
        now = since + timedelta(milliseconds=found)
        answer = resolve_one(asked(chance, now), of, now=now)
        combination = answer.answer.combination
        if combination is not None and len(combination.contributions) == MATCHES:
            found += 1
            yield answer


def size() -> int:
    """Return the bytes of the decisions with all of their indexes and what they name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(pg_total_relation_size(inhrelid)), 0) FROM pg_inherits "
            "WHERE inhparent = 'telemetry_decision'::regclass"
        )
        partitions: int = cursor.fetchone()[0]
        cursor.execute("SELECT pg_total_relation_size('telemetry_decisionconstants')")
        return int(partitions) + int(cursor.fetchone()[0])


def bytes_each(rows: int, *, as_documents: bool) -> float:
    """Store answers in one form; return what one of them adds to the database."""
    vacuum()  # what others have deleted must not count as a saving
    before, chance, serving = size(), random.Random(5), engine()
    for start in range(0, rows, BLOCK):
        since = NOW + timedelta(days=not as_documents, milliseconds=start)
        _store(list(answers(min(BLOCK, rows - start), serving, chance, since)), as_documents=as_documents)
    vacuum()  # puts what waits for the index of movers into it
    return (size() - before) / rows


def vacuum() -> None:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE telemetry_decision")


def _store(block: Sequence[Resolved], *, as_documents: bool) -> None:
    records = [replace(answer.record, key="k3yk3yk3") for answer in block]
    made = [stored_row(record) for record in records]
    with transaction.atomic():
        if as_documents:
            write_rows([each.row() for each in records])
        else:
            store_constants({each.key: each for _, named in made for each in named})
            write_rows([row for row, _ in made])


def cpu(count: int) -> None:
    """Measure the CPU that one decision costs: in the request's thread, in the writer's, and what it was before."""
    made = list(answers(count, engine(), random.Random(7), NOW + timedelta(days=2)))
    decided = [answer.decided for answer in made]
    queue: DecisionQueue[Decided] = DecisionQueue(FORM, seconds=3600, batch=10 * count)
    put = each(count, lambda: _put(queue, decided))
    queue._taken(count)  # so that closing it writes nothing
    rows_of(decided[:BLOCK])  # the constants of the version are known from here on
    encode = each(count, lambda: [rows_of(decided[start : start + BLOCK]) for start in range(0, count, BLOCK)])
    rows, named = rows_of(decided)
    store = each(count, lambda: _written(rows, named))
    as_text = each(count, lambda: [decision_record(one).row() for one in decided])
    context = {"decisions": count, "contributions": MATCHES, "clock": "CPU of this process"}
    figure("log", "queued, in the thread of the request", put, "µs a decision", **context, bar="at most 5")
    figure("log", "made into a row", encode, "µs a decision", **context)
    figure("log", "stored by binary COPY", store, "µs a decision", **context)
    figure("log", "in all", put + encode + store, "µs a decision", **context, bar="at most 25")
    figure("log", "made into documents, as before", as_text, "µs a decision", **context)


def _put(queue: DecisionQueue[Decided], decided: Sequence[Decided]) -> None:
    for one in decided:
        queue.put([one])


def each(count: int, work: Work) -> float:
    """Return the CPU of a piece of work in microseconds a decision."""
    return timed(work).cpu / count * 1e6


def _written(rows: Sequence[StoredRow], named: Mapping[int, Constants]) -> None:
    with transaction.atomic():
        store_constants(named)
        write_rows(rows)


def frozen(count: int, limit: int) -> None:
    """Measure how long callers wait while PostgreSQL is stopped (SIGSTOP) and the queue is full."""
    decided = [answer.decided for answer in answers(count, engine(), random.Random(9), NOW + timedelta(days=3))]
    queue: DecisionQueue[Decided] = DecisionQueue(
        FORM, seconds=0.05, limit=limit, spill=Spill(Path(tempfile.mkdtemp()))
    )
    queue.put_durable([decided[0]._replace(decision_id=uuid7(NOW + timedelta(days=4)))])  # its thread has connected
    waits, durable = [], []
    with stopped(server_pid()):
        for one in decided:
            started = time.perf_counter()
            queue.put([one])
            waits.append(time.perf_counter() - started)
        for one in decided[:WAITS]:
            started = time.perf_counter()
            said = queue.put_durable([one._replace(decision_id=uuid7(NOW + timedelta(days=4)))])
            durable.append(time.perf_counter() - started)
            assert said is False
        counted = queue.counters()
    wanted, deadline = count + 1 + len(durable), time.monotonic() + 120
    while stored_since(3) < wanted - queue.counters()["dropped"] and time.monotonic() < deadline:
        time.sleep(0.1)
    found = stored_since(3)
    context = {"decisions": count, "limit": limit, "counters": counted}
    figure("log", "put while PostgreSQL is stopped and the queue full, p99", quantile(waits), "ms", **context)
    figure("log", "put then, the longest", max(waits) * 1e3, "ms", **context)
    figure("log", "durable wait then, the longest", max(durable) * 1e3, "ms", bar="at most 500", of=WAITS)
    figure("log", "of them stored when it goes on", found, "decisions", of=wanted)
    figure("log", "of them dropped and named in the log", queue.counters()["dropped"], "decisions", of=wanted)
    queue.close()


def server_pid() -> int:
    """Return the process of PostgreSQL that has started the others."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]
    parent = int(Path(f"/proc/{backend}/stat").read_text().rsplit(")", 1)[1].split()[1])
    assert Path(f"/proc/{parent}/comm").read_text().strip() == "postgres", "PostgreSQL runs on another machine"
    return parent


def stored_since(days: int) -> int:
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM telemetry_decision WHERE decision_id >= %s",
            [uuid7_floor(NOW + timedelta(days=days))],
        )
        return int(cursor.fetchone()[0])


def quantile(waits: Sequence[float]) -> float:
    return sorted(waits)[int(len(waits) * 0.99)] * 1e3


def retirement(rows: int) -> None:
    """Measure how long a month of decisions takes to go."""
    old = datetime(2019, 5, 10, tzinfo=UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT extend_decision_partitions(%s, 1)", [old])
        for module in ("dm", "pm"):
            cursor.execute(POLICY, [module])
    block = [answer.decided for answer in answers(BLOCK, engine(), random.Random(11), old)]
    for start in range(0, rows, BLOCK):
        again = [one._replace(decision_id=uuid7(old + timedelta(seconds=start))) for one in block]
        _written(*rows_of(again))
    seconds = timed(lambda: retire_old_decisions(now=datetime.now(UTC))).wall
    figure("log", "a month of decisions retired", seconds, "s", rows=rows)


POLICY = """
SET session_replication_role = replica;
INSERT INTO overrides_modulepolicy (module, number, is_active, document, request_id, created_at, created_by)
VALUES (%s, 1, true, '{"decision_retention_days": 365}', 0, now(), 'bench');
SET session_replication_role = origin
"""


def measure(rows: int, limit: int) -> None:
    old = bytes_each(rows, as_documents=True)
    new = bytes_each(rows, as_documents=False)
    context = {"rows": rows, "contributions": MATCHES}
    figure("log", "bytes of a decision stored as documents", old, "bytes", **context)
    figure("log", "bytes of a decision stored as a trace", new, "bytes", **context, bar="at most 1500")
    cpu(min(rows, 10_000))
    frozen(3 * limit, limit)
    retirement(rows)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="./dev bench log")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--limit", type=int, default=LIMIT)
    options = parser.parse_args(arguments)
    with scratch_database():
        measure(options.rows, options.limit)


if __name__ == "__main__":
    main(sys.argv[1:])
