-- Whether the mandate on a line covers an override of that line (NULL: its withdrawal), as evidence of that moment.
CREATE OR REPLACE FUNCTION is_covered(line text, after text, at timestamptz, most_trades bigint) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM overrides_mandate AS m LEFT JOIN overrides_override AS o ON o.id = after AND o.line_id = m.line_id
        WHERE m.line_id = line AND mandate_stands(m, at) AND (
            after IS NULL
            OR o.n >= (m.evidence_floor ->> 'least_n')::float8
            AND o.n <= most_trades
            AND abs(o.edge_raw) >= (m.evidence_floor ->> 'least_edge')::float8
            AND sign(o.edge_raw) IN (0, m.edge_sign)
            AND o.updated_at <= at
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
