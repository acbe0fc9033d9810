-- Whether a mandate in force covers a line's new override (null withdraws the line): the evidence is above the
-- mandate's floor, and every lever lies within its reach. The same rule in Python:
-- overrides/core/governance/mandates.py.
CREATE OR REPLACE FUNCTION is_mandated(line text, after text, at timestamptz) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM overrides_mandate AS m LEFT JOIN overrides_override AS o ON o.id = after
        WHERE m.line_id = line AND m.revoked_at IS NULL AND m.review_by > at AND (
            after IS NULL
            OR o.n >= (m.evidence_floor ->> 'least_n')::float8
            AND abs(o.edge_raw) >= (m.evidence_floor ->> 'least_edge')::float8
            AND NOT EXISTS (
                SELECT FROM jsonb_each_text(o.levers) AS lever WHERE NOT coalesce(
                    lever.value::float8 BETWEEN (m.reach -> lever.key ->> 0)::float8 - 1e-12
                    AND (m.reach -> lever.key ->> 1)::float8 + 1e-12,
                    false
                )
            )
        )
    )
$$;
