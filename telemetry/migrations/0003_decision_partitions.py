"""Decisions: one table per month of the time inside their UUIDv7, so that retention drops tables, not rows.

The single-column key is the partition key, which keeps the table showable in the admin. Partitions are made by a
function that runs as the owner (the application may not create tables); rows outside every month land in the default.
They live in a schema of their own, where nothing is granted: decisions are reached through the parent table alone,
and what may not be done to that cannot be done to a month of it.
"""

from __future__ import annotations

from django.db import migrations

PARTITION = """
ALTER TABLE telemetry_decision RENAME TO telemetry_decision_unpartitioned;
CREATE TABLE telemetry_decision (LIKE telemetry_decision_unpartitioned INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
    PARTITION BY RANGE (decision_id);
DROP TABLE telemetry_decision_unpartitioned;
ALTER TABLE telemetry_decision ADD PRIMARY KEY (decision_id);
CREATE INDEX decision_by_pattern ON telemetry_decision (module, pattern_key, at);
CREATE INDEX decision_at ON telemetry_decision (at);
CREATE SCHEMA decision_partitions;
CREATE TABLE decision_partitions.other PARTITION OF telemetry_decision DEFAULT;

CREATE FUNCTION decision_id_floor(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT rpad(lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;

CREATE FUNCTION extend_decision_partitions(since timestamptz, months integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    month timestamptz; name text; made integer := 0;
BEGIN
    IF months NOT BETWEEN 1 AND 120 THEN
        RAISE EXCEPTION 'months must be between 1 and 120, got %', months;
    END IF;
    FOR offset_months IN 0 .. months - 1 LOOP
        month := date_trunc('month', since AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
        month := ((month AT TIME ZONE 'UTC') + make_interval(months => offset_months)) AT TIME ZONE 'UTC';
        name := 'month_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
        IF to_regclass('decision_partitions.' || name) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE decision_partitions.%I PARTITION OF telemetry_decision FOR VALUES FROM (%L) TO (%L)',
                name,
                decision_id_floor(month),
                decision_id_floor(((month AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'));
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;
REVOKE ALL ON FUNCTION extend_decision_partitions(timestamptz, integer) FROM PUBLIC;

SELECT extend_decision_partitions(now(), 4);
"""

UNPARTITION = """
DROP FUNCTION extend_decision_partitions(timestamptz, integer);
DROP FUNCTION decision_id_floor(timestamptz);
ALTER TABLE telemetry_decision RENAME TO telemetry_decision_partitioned;
CREATE TABLE telemetry_decision (LIKE telemetry_decision_partitioned INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
INSERT INTO telemetry_decision SELECT * FROM telemetry_decision_partitioned;
DROP TABLE telemetry_decision_partitioned;
DROP SCHEMA decision_partitions;
ALTER TABLE telemetry_decision ADD PRIMARY KEY (decision_id);
CREATE INDEX decision_by_pattern ON telemetry_decision (module, pattern_key, at);
CREATE INDEX decision_at ON telemetry_decision (at);
"""


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0002_facts")]
    operations = [migrations.RunSQL(PARTITION, UNPARTITION)]
