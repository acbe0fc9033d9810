-- Which cluster this is: a transaction id alone means nothing after a dump is restored into another cluster.
CREATE OR REPLACE FUNCTION current_epoch() RETURNS bigint
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT system_identifier FROM pg_control_system()
$$;
