-- Whoever writes the audit trail holds its lock until commit, so its newest entry is this transaction's, or nobody's.
CREATE OR REPLACE FUNCTION require_any_audit() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT coalesce(
        (SELECT is_this_transaction(transaction, epoch) FROM telemetry_auditentry ORDER BY seq DESC LIMIT 1), false
    ) THEN
        RAISE EXCEPTION '% on % without an audit entry in its transaction', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation', HINT = 'write through the verbs of overrides';
    END IF;
    RETURN NULL;
END $$;
