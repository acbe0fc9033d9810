-- Return whether an audit entry of this transaction states what an object was called before.
CREATE OR REPLACE FUNCTION is_rename_audited(named text, name_before text) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM telemetry_auditentry
        WHERE object = named AND is_this_transaction(transaction, epoch)
        AND content::jsonb -> 'before' ->> 'name' = name_before
    )
$$;
