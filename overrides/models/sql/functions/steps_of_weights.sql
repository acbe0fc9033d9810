-- How far coefficients move in all, in largest steps of alloc_mult: core.engine.definitions.coefficients.steps_between.
CREATE OR REPLACE FUNCTION steps_of_weights(before jsonb, after jsonb) RETURNS float8
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(sum(abs(ln(
        coalesce((after ->> name)::float8, 1) / coalesce((before ->> name)::float8, 1)
    ))), 0) / ln(1.02::float8)
    FROM (SELECT DISTINCT jsonb_object_keys(before || after) AS name) AS named
$$;
