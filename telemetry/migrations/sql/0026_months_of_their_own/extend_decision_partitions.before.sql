-- Makes the monthly partitions of the decisions from a moment on and returns how many were missing. Runs as the owner,
-- because the application role may not create tables. Not everybody may call it: that role is granted it by a migration
-- (0005), as the deployment names the role.
CREATE OR REPLACE FUNCTION extend_decision_partitions(since timestamptz, months integer) RETURNS integer
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
