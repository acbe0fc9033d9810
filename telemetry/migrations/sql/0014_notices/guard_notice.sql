-- Allow a notice only in the transaction of its audit entry.
CREATE OR REPLACE FUNCTION guard_notice() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM telemetry_auditentry WHERE seq = NEW.entry_id AND is_this_transaction(transaction, epoch)
    ) THEN
        RAISE EXCEPTION 'a notice is written in the transaction of its audit entry: entry %', NEW.entry_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
