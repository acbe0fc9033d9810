-- +1 where a higher value of the lever means more exposure, -1 where less, 0 where it has no scale.
CREATE OR REPLACE FUNCTION lever_exposure(name text, category text) RETURNS integer
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce((
        SELECT l.exposure * CASE WHEN l.reversed_on = category THEN -1 ELSE 1 END
        FROM lever_table() AS l WHERE l.name = lever_exposure.name
    ), 1)
$$;
