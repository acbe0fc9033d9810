"""Rows of a large version, made by the database: a million overrides with true ids within minutes."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction

from tests.bench.publish import placed
from tests.builders import publish, without_triggers

KEYS = 400
MAKE = """
CREATE TEMP TABLE made ON COMMIT DROP AS
WITH places AS (
    SELECT 'bench.long.p' || (i %% %(keys)s) / 2 AS pattern,
        CASE i %% 2 WHEN 0 THEN 'entry' ELSE 'add' END AS category,
        i / %(keys)s AS place, i
    FROM generate_series(1, %(total)s - 1) AS i
), numbers AS (
    SELECT pattern, category,
        concat(
            '{"bucket":"b', place %% 10, '","macro_phase":"a', place / 10 %% 10, '"',
            CASE WHEN place >= 100 THEN concat(',"meso_phase":"e', place / 100 %% 10, '"') END,
            CASE WHEN place >= 1000 THEN concat(',"micro_phase":"i', place / 1000, '"') END, '}'
        ) AS scope,
        (1235 + i %% 7000 * 2) / 10000.0::float8 AS edge_raw,
        (i %% 400 + 20.5)::float8 AS n,
        (2001 + i %% 3000 * 2) / 10000.0::float8 AS variance,
        30.5::float8 AS half_life_days,
        timestamptz '2026-08-01 00:00:00Z' + i %% 80000 * interval '1 second' AS updated_at,
        concat(
            '{', CASE WHEN i %% 3 = 0 THEN
                concat('"entry_aggression_mult":', (10001 + i %% 700 * 2) / 10000.0::float8, ',')
            END, '"size_mult":', (10001 + i %% 1400 * 2) / 10000.0::float8, '}'
        ) AS levers
    FROM places
)
SELECT *,
    encode(sha256(concat(
        '["pm","pm_strength","plan","', pattern, '","', category, '",', scope, ']'
    )::bytea), 'hex') AS line_id,
    encode(sha256(concat(
        '{"action_category":"', category, '","levers":{"capital_levers":', levers, ',"execution_levers":{}},',
        '"module":"pm","pattern_key":"', pattern, '","policy":"plan","scope":', scope,
        ',"stats":{"edge_raw":', edge_raw, ',"half_life_days":', half_life_days, ',"n":', n, ',"updated_at":"',
        to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '","variance":', variance,
        '},"type":"pm_strength"}'
    )::bytea), 'hex') AS id
FROM numbers
"""
LINES = """
INSERT INTO overrides_line (id, module, channel, policy, pattern_key, action_category, scope, created_at)
SELECT line_id, 'pm', 'pm_strength', 'plan', pattern, category, scope::jsonb, %(at)s FROM made
"""
OVERRIDES = """
INSERT INTO overrides_override (
    id, line_id, edge_raw, n, variance, half_life_days, updated_at, levers, source, created_at
)
SELECT id, line_id, edge_raw, n, variance, half_life_days, updated_at, levers::jsonb, 'person', %(at)s FROM made
"""
MEMBERS = """
INSERT INTO overrides_membership (module, line_id, override_id, from_version)
SELECT 'pm', line_id, id, 1 FROM made
"""


def fill_by_sql(total: int) -> None:
    """Publish one override as version 1, and insert the others as its members; the next version hashes them all."""
    first = publish(placed(0, 1.1))
    given: dict[str, Any] = {"keys": KEYS, "total": total, "at": first.published_at}
    with without_triggers(), transaction.atomic(), connection.cursor() as cursor:
        for statement in (MAKE, LINES, OVERRIDES, MEMBERS):
            cursor.execute(statement, given)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")  # which a database does by itself, a while after rows came
    publish(placed(0, 1.15))
