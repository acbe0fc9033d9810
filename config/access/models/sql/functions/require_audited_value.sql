-- Raise an error unless the newest audit entry of this transaction states this value of the field.
CREATE OR REPLACE FUNCTION require_audited_value(named text, field text, value jsonb) RETURNS void
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT refuse_unaudited(audited_value(named, field) = value, named, format('%s %s', field, value))
$$;
