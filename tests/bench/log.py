"""What the log of decisions costs: bytes of a decision, CPU of a decision by thread, and how long anybody waits for it.

    ./dev bench log [--rows N]

Bytes are those of tables and indexes together (`pg_total_relation_size`) over decisions of ten contributions each,
stored as documents, as releases before traces did, and as traces, in one run.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import connection, transaction

from overrides.core.engine.compile_module import compile_module
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.serving_mode import Mode, ServingMode
from overrides.serving.engine import Engine
from overrides.serving.resolve import Resolved, resolve_one
from overrides.serving.resolve_request import Question
from telemetry.decisions.decision_rows import store_constants, stored_row, write_rows
from tests.bench.combine import question, specs_of
from tests.bench.report import figure, scratch_database
from tests.builders import NOW

ROWS, BLOCK, MATCHES = 20_000, 2_000, 10


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
    return replace(drawn, request=replace(drawn.request, at=now, scope=scope))


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
    before, chance, serving = size(), random.Random(5), engine()
    for start in range(0, rows, BLOCK):
        since = NOW + timedelta(days=not as_documents, milliseconds=start)
        _store(list(answers(min(BLOCK, rows - start), serving, chance, since)), as_documents=as_documents)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE telemetry_decision")  # puts what waits for the index of movers into it
    return (size() - before) / rows


def _store(block: Sequence[Resolved], *, as_documents: bool) -> None:
    records = [replace(answer.record, key="k3yk3yk3") for answer in block]
    made = [stored_row(record) for record in records]
    with transaction.atomic():
        if as_documents:
            write_rows([each.row() for each in records])
        else:
            store_constants({each.key: each for _, named in made for each in named})
            write_rows([row for row, _ in made])


def parts() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.relname, sum(pg_relation_size(i.oid)) FROM pg_inherits JOIN pg_index ON indrelid = inhrelid "
            "JOIN pg_class i ON i.oid = indexrelid WHERE inhparent = 'telemetry_decision'::regclass GROUP BY 1 "
            "HAVING sum(pg_relation_size(i.oid)) > 100000"
        )
        for row in cursor.fetchall():
            print(row, file=sys.stderr)
        cursor.execute(
            "select avg(pg_column_size(d.*)), avg(pg_column_size(trace)), avg(pg_column_size(movers)), avg(pg_column_size(scope)), avg(pg_column_size(request)) from telemetry_decision d"
        )
        print(cursor.fetchone(), file=sys.stderr)


def measure(rows: int) -> None:
    old = bytes_each(rows, as_documents=True)
    parts()
    new = bytes_each(rows, as_documents=False)
    parts()
    context = {"rows": rows, "contributions": MATCHES}
    figure("log", "bytes of a decision stored as documents", old, "bytes", **context)
    figure("log", "bytes of a decision stored as a trace", new, "bytes", **context, bar="at most 1500")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="./dev bench log")
    parser.add_argument("--rows", type=int, default=ROWS)
    options = parser.parse_args(arguments)
    with scratch_database():
        measure(options.rows)


if __name__ == "__main__":
    main(sys.argv[1:])
