-- Raise an error for a right that is given and taken, or taken and given, within one transaction. The audit entries
-- could not show it, but other triggers of the same transaction would rely on it.
CREATE OR REPLACE FUNCTION refuse_temporary_right(operation text, stands boolean, named text) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF stands = (operation = 'DELETE') THEN
        RAISE EXCEPTION 'change of "%": a right is not given and taken in one transaction', named
            USING ERRCODE = 'integrity_constraint_violation', HINT = 'write only the difference, once';
    END IF;
END $$;
