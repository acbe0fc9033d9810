-- A line under a veto is not in force: its membership ends with the veto, in one transaction. The lock of the trail
-- keeps a version that opens the line at the same moment before this check or behind it.
CREATE OR REPLACE FUNCTION veto_takes_out() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('telemetry_auditentry', 0));
    IF EXISTS (SELECT FROM overrides_membership WHERE line_id = NEW.line_id AND to_version IS NULL) THEN
        RAISE EXCEPTION 'line %: a veto takes it out of force in the same transaction', NEW.line_id
            USING ERRCODE = 'integrity_constraint_violation', HINT = 'write through overrides.requests.emergency';
    END IF;
    RETURN NULL;
END $$;
