-- The step of a lever under a parameter document: tightened for its channel, else the registry's.
CREATE OR REPLACE FUNCTION step_in_force(document jsonb, channel text, name text) RETURNS float8
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(
        (document #>> ARRAY['channels', channel, 'weights', 'max_steps', name])::float8,
        (SELECT l.step::float8 FROM lever_table() AS l WHERE l.name = step_in_force.name)
    )
$$;
