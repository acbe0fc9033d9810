-- Whether an override moves a lever farther from neutral than a cap allows: core.governance.line_caps.beyond_cap.
CREATE OR REPLACE FUNCTION is_beyond_cap(after text, cap jsonb) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM overrides_override AS o, jsonb_each_text(o.levers) AS lever
        WHERE o.id = after AND cap ? lever.key AND NOT coalesce(
            abs(lever_unit(lever.key, lever.value::float8)) <= abs(lever_unit(lever.key, (cap ->> lever.key)::float8)) + 1e-12,
            false
        )
    )
$$;
