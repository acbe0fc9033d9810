-- Raise an error unless a change of people is audited; the error names the object and what the entry must state.
CREATE OR REPLACE FUNCTION refuse_unaudited(is_audited boolean, named text, what text) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF is_audited IS NOT TRUE THEN
        RAISE EXCEPTION 'change of "%" without an audit entry in its transaction that states %', named, what
            USING ERRCODE = 'integrity_constraint_violation',
            HINT = 'change people in the admin, by a command, or inside config.access.people_audit.people_audited';
    END IF;
END $$;
