-- Raise an error unless an audit entry of this transaction about the object has a notice to everybody who approves.
CREATE OR REPLACE FUNCTION require_notice(named text) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM telemetry_notice AS n JOIN telemetry_auditentry AS e ON e.seq = n.entry_id
        WHERE e.object = named AND is_this_transaction(e.transaction, e.epoch)
        AND n.audience = 'overrides.review_changerequest'
    ) THEN
        RAISE EXCEPTION 'change of "%" affects who may approve and has no notice to those who approve', named
            USING ERRCODE = 'integrity_constraint_violation',
            HINT = 'change people in the admin, by a command, or inside config.access.people_audit.people_audited';
    END IF;
END $$;
