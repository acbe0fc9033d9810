-- Retires one month of decisions: takes its partition out of the table, moves the rows that others cite back into the
-- table and drops the rest. Runs as the owner, because the application role may not drop tables, and refuses what the
-- policies in force do not allow: every module must have one that names `decision_retention_days`, and the whole month
-- must be older than the longest of them. Cited are the decisions that trades, outcomes, credits, shares or challenger
-- comparisons name, those of positions that were asked about within the last 90 days, because they may be open and their
-- trades still to come, and the sample that the what-if of a request with votes has noted of those it read (a what-if
-- without a sample: the last 200 before its end). Returns the row of telemetry_decisionretirement that says so; a trigger on it
-- requires an audit entry.
CREATE OR REPLACE FUNCTION retire_decisions(month text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    name constant text := 'month_' || month;
    begins timestamptz; ends timestamptz; allowed float8; policies text; total bigint; kept bigint; retirement bigint;
BEGIN
    IF month !~ '^[0-9]{4}_(0[1-9]|1[0-2])$' THEN
        RAISE EXCEPTION 'no month of decisions is named %', month USING ERRCODE = 'undefined_table';
    END IF;
    begins := (replace(month, '_', '-') || '-01')::timestamp AT TIME ZONE 'UTC';
    ends := ((begins AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
    IF to_regclass('decision_partitions.' || name) IS NULL AND (
        EXISTS (SELECT FROM telemetry_decisionretirement AS gone WHERE gone.month = retire_decisions.month)
        OR NOT EXISTS (
            SELECT FROM telemetry_decision
            WHERE decision_id >= decision_id_floor(begins) AND decision_id < decision_id_floor(ends)
        )
    ) THEN
        RAISE EXCEPTION 'no month of decisions is named %', month USING ERRCODE = 'undefined_table';
    END IF;
    SELECT CASE WHEN count(*) = 2 THEN max((document ->> 'decision_retention_days')::float8) END,
           string_agg(module || ' ' || number, ', ' ORDER BY module)
    INTO allowed, policies
    FROM overrides_modulepolicy
    WHERE is_active AND module IN ('dm', 'pm') AND (document ->> 'decision_retention_days') IS NOT NULL;
    IF allowed IS NULL THEN
        RAISE EXCEPTION 'decisions are kept: not every module has a policy that names decision_retention_days'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF ends > clock_timestamp() - make_interval(secs => 86400 * greatest(allowed, 90)) THEN
        RAISE EXCEPTION 'decisions of % are younger than the % days that policy % keeps them', month, allowed, policies
            USING ERRCODE = 'insufficient_privilege';
    END IF;

    PERFORM extend_decision_partitions(begins, 1);  -- for decisions that came before their month had a table
    EXECUTE format('ALTER TABLE telemetry_decision DETACH PARTITION decision_partitions.%I', name);
    EXECUTE format('SELECT count(*) FROM decision_partitions.%I', name) INTO total;
    EXECUTE format($cited$
        INSERT INTO telemetry_decision SELECT * FROM decision_partitions.%1$I AS row WHERE row.decision_id IN (
            SELECT decision_id FROM telemetry_decisionoutcome
            UNION SELECT decision_id FROM telemetry_decisioncredit
            UNION SELECT decision_id FROM telemetry_attributionshare
            UNION SELECT unnest(decision_ids) FROM telemetry_action WHERE decision_ids <> '{}'
            UNION SELECT made.decision_id FROM decision_partitions.%1$I AS made
                WHERE made.request ->> 'position_key' IN (
                    SELECT asked.request ->> 'position_key' FROM telemetry_decision AS asked
                    WHERE asked.decision_id >= decision_id_floor(clock_timestamp() - interval '90 days')
                )
            UNION SELECT (pattern ->> 'decision')::uuid
                FROM overrides_challenge, jsonb_array_elements(document -> 'patterns') AS pattern
                WHERE jsonb_typeof(document -> 'patterns') = 'array' AND (pattern ->> 'decision') <> ''
            UNION SELECT sampled::uuid
                FROM overrides_whatif AS asked, jsonb_array_elements_text(asked.document -> 'sample') AS sampled
                WHERE jsonb_typeof(asked.document -> 'sample') = 'array'
                AND EXISTS (SELECT FROM overrides_vote AS vote WHERE vote.request_id = asked.request_id)
            UNION SELECT sampled.decision_id
                FROM overrides_whatif AS asked JOIN overrides_changerequest AS request ON request.id = asked.request_id,
                LATERAL (
                    SELECT read.decision_id FROM decision_partitions.%1$I AS read
                    WHERE read.module = request.module AND read.decision_id <= asked.last_decision
                    ORDER BY read.decision_id DESC LIMIT 200
                ) AS sampled
                WHERE asked.last_decision >= decision_id_floor(%2$L) AND asked.last_decision < decision_id_floor(%3$L)
                AND asked.document -> 'sample' IS NULL
                AND EXISTS (SELECT FROM overrides_vote AS vote WHERE vote.request_id = request.id)
        )
    $cited$, name, begins, ends);
    GET DIAGNOSTICS kept = ROW_COUNT;
    EXECUTE format('DROP TABLE decision_partitions.%I', name);
    INSERT INTO telemetry_decisionretirement (month, since, until, policies, rows, kept, retired_at)
        VALUES (month, begins, ends, policies, total, kept, clock_timestamp()) RETURNING id INTO retirement;
    RETURN retirement;
END $$;
REVOKE ALL ON FUNCTION retire_decisions(text) FROM PUBLIC;
