-- Refuses a row whose transaction has not written an audit entry, whatever the entry is about. Writers of the audit
-- trail hold its lock until they commit, so the newest entry is either of this transaction or the transaction wrote
-- none.
CREATE OR REPLACE FUNCTION require_any_audit() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF (SELECT transaction FROM telemetry_auditentry ORDER BY seq DESC LIMIT 1)
        IS DISTINCT FROM pg_current_xact_id()::text::bigint
    THEN
        RAISE EXCEPTION '% on % without an audit entry in its transaction', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation', HINT = 'write through the verbs of overrides';
    END IF;
    RETURN NULL;
END $$;
