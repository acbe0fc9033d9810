-- Whether replacing one override of a line by another lowers exposure in some lever and raises it in none; null stands
-- for neutral. The same rule in Python: overrides/core/governance/exposure.py.
CREATE OR REPLACE FUNCTION lowers_exposure(line text, before text, after text) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    WITH moved AS (
        SELECT lever_exposure(name, l.action_category) AS sign,
            coalesce((a.levers ->> name)::float8, lever_neutral(name)::float8) AS later,
            coalesce((b.levers ->> name)::float8, lever_neutral(name)::float8) AS earlier
        FROM overrides_line AS l
        LEFT JOIN overrides_override AS b ON b.id = before
        LEFT JOIN overrides_override AS a ON a.id = after,
        LATERAL (SELECT DISTINCT jsonb_object_keys(coalesce(b.levers, '{}') || coalesce(a.levers, '{}')) AS name) AS n
        WHERE l.id = line
    )
    SELECT coalesce(
        bool_and(CASE sign WHEN 0 THEN later = earlier ELSE sign * (later - earlier) <= 0 END)
        AND bool_or(sign * (later - earlier) < 0),
        false
    ) FROM moved
$$;
