-- Return the newest value that an audit entry of this transaction states for a field of an object, or null.
CREATE OR REPLACE FUNCTION audited_value(named text, field text) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT content::jsonb -> 'after' -> field FROM telemetry_auditentry
    WHERE object = named AND is_this_transaction(transaction, epoch) AND content::jsonb -> 'after' ? field
    ORDER BY seq DESC LIMIT 1
$$;
