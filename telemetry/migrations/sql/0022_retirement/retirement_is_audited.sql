-- Check the retirement of a month of decisions at commit: an audit entry of its transaction states it.
CREATE OR REPLACE FUNCTION retirement_is_audited() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM telemetry_auditentry
        WHERE object = format('decisions of %s', NEW.month) AND action = 'retire decisions'
        AND is_this_transaction(transaction, epoch)
    ) THEN
        RAISE EXCEPTION 'decisions of % retired without an audit entry', NEW.month
            USING ERRCODE = 'integrity_constraint_violation', HINT = 'write through telemetry.decisions.retirement';
    END IF;
    RETURN NULL;
END $$;
