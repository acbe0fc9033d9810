-- The largest move among the levers of a change, in largest steps: core.governance.exposure.steps_moved.
CREATE OR REPLACE FUNCTION steps_of_line(document jsonb, channel text, before text, after text) RETURNS float8
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    WITH sides AS (
        SELECT coalesce((SELECT levers FROM overrides_override WHERE id = before), '{}') AS earlier,
            coalesce((SELECT levers FROM overrides_override WHERE id = after), '{}') AS later
    )
    SELECT coalesce(max(
        abs(
            coalesce(lever_unit(l.name, (later ->> l.name)::float8), 0)
            - coalesce(lever_unit(l.name, (earlier ->> l.name)::float8), 0)
        ) / CASE l.blend
            WHEN 'log' THEN ln(1 + step_in_force(document, channel, l.name)) ELSE step_in_force(document, channel, l.name)
        END
    ), 0)
    FROM sides JOIN lever_table() AS l ON earlier ? l.name OR later ? l.name
$$;
