-- Return whether an audit entry of this transaction states a new password and is by somebody else than the person.
CREATE OR REPLACE FUNCTION password_is_of_another(named text, person_name text) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM telemetry_auditentry
        WHERE object = named AND is_this_transaction(transaction, epoch)
        AND content::jsonb -> 'after' ? 'password' AND actor <> person_name
    )
$$;
