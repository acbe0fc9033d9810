-- +1 where a higher value of a lever means more exposure, -1 where it means less, 0 for a linear lever, which has no
-- scale. A copy of the table in overrides/core/engine/definitions/levers.py.
CREATE OR REPLACE FUNCTION lever_exposure(name text, category text) RETURNS integer
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT CASE
        WHEN name IN ('entry_delay_bars', 'min_ts_for_add', 'min_ox_for_trim') THEN 0
        WHEN name = 'exit_aggression_mult' OR name = 'size_mult' AND category = 'trim' THEN -1
        ELSE 1
    END
$$;
