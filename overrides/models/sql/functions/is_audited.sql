-- Whether an entry of this transaction names the object.
CREATE OR REPLACE FUNCTION is_audited(named text) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM telemetry_auditentry
        WHERE object = named AND transaction = pg_current_xact_id()::text::bigint AND epoch = current_epoch()
    )
$$;
