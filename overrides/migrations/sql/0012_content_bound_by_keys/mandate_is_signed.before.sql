-- Accepts a mandate only together with an applied, reviewed request that brings the line, and only as far as the levers
-- that the request sets.
CREATE OR REPLACE FUNCTION mandate_is_signed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM refuse_undecided(
        NEW.request_id,
        (SELECT module FROM overrides_line WHERE id = NEW.line_id),
        ARRAY['lines', 'parameters', 'rollback']
    );
    IF NOT EXISTS (
        SELECT FROM overrides_changeline AS c
        JOIN overrides_changerequest AS r ON r.id = c.request_id AND r.route = 'review'
        JOIN overrides_override AS o ON o.id = c.after_id
        WHERE c.request_id = NEW.request_id AND c.line_id = NEW.line_id
        AND NOT EXISTS (
            SELECT FROM jsonb_each(NEW.reach) AS each
            WHERE NOT coalesce(each.value @> (o.levers -> each.key), false)
            OR NOT each.value <@ jsonb_build_array(o.levers -> each.key, lever_neutral(each.key))
        )
    ) THEN
        RAISE EXCEPTION 'a mandate on line % reaches beyond what request % brings', NEW.line_id, NEW.request_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
