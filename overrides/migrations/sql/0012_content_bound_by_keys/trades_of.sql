-- How many trades a module has learned from, or could have: the most that any evidence of it may claim.
CREATE OR REPLACE FUNCTION trades_of(of_module text) RETURNS bigint
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT count(DISTINCT o.trade_id) FROM telemetry_outcome AS o WHERE o.module = of_module
$$;
