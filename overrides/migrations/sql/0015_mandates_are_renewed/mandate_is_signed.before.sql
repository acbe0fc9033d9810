-- A mandate reaches no farther, needs no less evidence and lasts no longer than its request and policy say.
CREATE OR REPLACE FUNCTION mandate_is_signed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    asked overrides_changerequest;
    policy jsonb;
BEGIN
    PERFORM refuse_undecided(
        NEW.request_id,
        (SELECT module FROM overrides_line WHERE id = NEW.line_id),
        ARRAY['lines', 'parameters', 'rollback']
    );
    SELECT * INTO asked FROM overrides_changerequest WHERE id = NEW.request_id;
    policy := policy_for(asked);
    IF NOT EXISTS (
        SELECT FROM overrides_changeline AS c
        JOIN overrides_override AS o ON o.id = c.after_id
        WHERE c.request_id = NEW.request_id AND c.line_id = NEW.line_id AND asked.route = 'review'
        AND NOT EXISTS (
            SELECT FROM jsonb_each(NEW.reach) AS each
            WHERE NOT coalesce(jsonb_array_length(each.value) = 2 AND each.value -> 0 <= each.value -> 1, false)
            OR NOT coalesce(each.value @> (o.levers -> each.key), false)
            OR NOT each.value <@ jsonb_build_array(o.levers -> each.key, lever_neutral(each.key))
        )
    ) THEN
        RAISE EXCEPTION 'a mandate on line % reaches beyond what request % brings', NEW.line_id, NEW.request_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT coalesce(
        jsonb_typeof(NEW.evidence_floor -> 'least_n') = 'number'
        AND jsonb_typeof(NEW.evidence_floor -> 'least_edge') = 'number',
        false
    ) OR NEW.reach = '{}' OR NEW.review_by <= NEW.granted_at THEN
        RAISE EXCEPTION 'a mandate on line % has no readable reach, floor or term', NEW.line_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.review_by > NEW.granted_at + make_interval(secs => 86400 * coalesce((policy ->> 'mandate_days')::float8, 90))
        OR EXISTS (
            SELECT FROM overrides_changeline AS c JOIN overrides_override AS o ON o.id = c.after_id
            WHERE c.request_id = NEW.request_id AND c.line_id = NEW.line_id AND NOT coalesce(
                (NEW.evidence_floor ->> 'least_n')::float8
                    >= coalesce((policy ->> 'evidence_kept')::float8, 0.5) * o.n - 1e-9
                AND (NEW.evidence_floor ->> 'least_edge')::float8
                    >= coalesce((policy ->> 'evidence_kept')::float8, 0.5) * abs(o.edge_raw) - 1e-9,
                false
            )
        )
    THEN
        RAISE EXCEPTION 'a mandate on line % lasts longer, or needs less evidence, than the policy of request % allows',
            NEW.line_id, NEW.request_id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
