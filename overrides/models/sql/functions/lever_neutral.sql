-- A lever's neutral value.
CREATE OR REPLACE FUNCTION lever_neutral(name text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT to_jsonb(coalesce((SELECT l.neutral FROM lever_table() AS l WHERE l.name = lever_neutral.name), 1.0))
$$;
