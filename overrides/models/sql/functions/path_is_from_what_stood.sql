-- Whether a membership's path begins at the values that stood, at the time its version was published.
-- Overrides of the evidence method carry a path, those of the plan method none.
CREATE OR REPLACE FUNCTION path_is_from_what_stood(opened overrides_membership, published learning_configs) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
    line overrides_line;
    brought jsonb;
    stood overrides_membership;
    earlier jsonb;
    document jsonb;
BEGIN
    SELECT * INTO line FROM overrides_line WHERE id = opened.line_id;
    IF line.policy <> 'evidence' THEN
        RETURN opened.path_from IS NULL AND opened.path_since IS NULL;
    END IF;
    SELECT levers INTO brought FROM overrides_override WHERE id = opened.override_id;
    IF opened.path_since IS DISTINCT FROM published.published_at OR opened.path_from IS NULL
        OR (SELECT count(*) FROM jsonb_object_keys(opened.path_from)) <> (SELECT count(*) FROM jsonb_object_keys(brought))
    THEN
        RETURN false;
    END IF;
    SELECT p.document INTO document FROM overrides_parameterset AS p WHERE p.id = published.parameters_id;
    stood := stood_on(opened.line_id, opened.module, published.number);
    SELECT coalesce(o.levers, '{}') INTO earlier FROM overrides_override AS o WHERE o.id = stood.override_id;
    RETURN NOT EXISTS (
        SELECT FROM jsonb_object_keys(brought) AS name WHERE NOT coalesce(
            abs((opened.path_from ->> name)::float8 - CASE
                WHEN earlier ->> name IS NULL THEN lever_neutral(name)::float8
                WHEN stood.path_since IS NULL THEN (earlier ->> name)::float8
                ELSE ramped_value(
                    name, step_in_force(document, line.channel, name),
                    coalesce((stood.path_from ->> name)::float8, lever_neutral(name)::float8),
                    (earlier ->> name)::float8,
                    extract(epoch FROM published.published_at - stood.path_since) / 3600
                )
            END) <= 1e-9,
            false
        )
    );
END $$;
