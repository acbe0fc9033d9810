-- The value of a lever that changes nothing. A copy of the table in overrides/core/engine/definitions/levers.py.
CREATE OR REPLACE FUNCTION lever_neutral(name text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT to_jsonb(CASE name
        WHEN 'entry_delay_bars' THEN 0.0 WHEN 'min_ts_for_add' THEN 0.60 WHEN 'min_ox_for_trim' THEN 0.65 ELSE 1.0
    END)
$$;
