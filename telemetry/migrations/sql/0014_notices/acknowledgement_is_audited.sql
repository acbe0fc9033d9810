-- Check an acknowledgement at commit: an audit entry by the same person states it. Nobody acknowledges for another.
CREATE OR REPLACE FUNCTION acknowledgement_is_audited() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    reader constant text := (SELECT username FROM auth_user WHERE id = NEW.person_id);
BEGIN
    IF NOT EXISTS (
        SELECT FROM telemetry_auditentry
        WHERE object = format('notice %s', NEW.notice_id) AND actor = reader AND action = 'acknowledge'
        AND is_this_transaction(transaction, epoch)
    ) THEN
        RAISE EXCEPTION 'notice % acknowledged for % without an audit entry by %', NEW.notice_id, reader, reader
            USING ERRCODE = 'integrity_constraint_violation', HINT = 'write through telemetry.audit.notices';
    END IF;
    RETURN NULL;
END $$;
