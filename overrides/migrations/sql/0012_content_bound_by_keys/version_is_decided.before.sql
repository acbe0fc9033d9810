-- Accepts a version only if it holds what its applied request says and nothing else: its lines, coefficients and
-- parameters. No vetoed line is opened; what was not reviewed moves lines alone, at once only takes lines away, and
-- under mandates stays within them, outside quarantine and off pinned lines. A version leaves force only where the same
-- transaction puts a newer one in its place.
CREATE OR REPLACE FUNCTION version_is_decided() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    asked overrides_changerequest;
    before learning_configs;
    target learning_configs;
    astray text;
    may_lower constant boolean := coalesce(
        (SELECT (document ->> 'lowering_applies')::boolean FROM overrides_modulepolicy
         WHERE module = NEW.module AND is_active),
        false
    );
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NOT EXISTS (
            SELECT FROM learning_configs WHERE module = NEW.module AND number > NEW.number AND is_active
            AND transaction = pg_current_xact_id()::text::bigint
        ) THEN
            RAISE EXCEPTION 'version %/% was taken out of force without another in its place', NEW.module, NEW.number
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NULL;
    END IF;
    PERFORM refuse_undecided(NEW.request_id, NEW.module, ARRAY['lines', 'parameters', 'rollback']);
    SELECT * INTO asked FROM overrides_changerequest WHERE id = NEW.request_id;

    WITH opened AS (
        SELECT line_id, override_id FROM overrides_membership
        WHERE module = NEW.module AND from_version = NEW.number
    ), closed AS (
        SELECT line_id, override_id FROM overrides_membership WHERE module = NEW.module AND to_version = NEW.number
    ), brought AS (
        SELECT line_id, after_id FROM overrides_changeline WHERE request_id = asked.id AND after_id IS NOT NULL
    ), replaced AS (
        SELECT line_id FROM overrides_changeline WHERE request_id = asked.id AND before_id IS NOT NULL
    )
    SELECT line_id INTO astray FROM (
        (TABLE opened EXCEPT TABLE brought) UNION ALL (TABLE brought EXCEPT TABLE opened)
        UNION ALL ((SELECT line_id, '' FROM closed) EXCEPT (SELECT line_id, '' FROM replaced))
        UNION ALL ((SELECT line_id, '' FROM replaced) EXCEPT (SELECT line_id, '' FROM closed))
    ) AS differences LIMIT 1;
    IF astray IS NOT NULL THEN
        RAISE EXCEPTION 'version %/% differs from request % at line %', NEW.module, NEW.number, asked.id, astray
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;

    SELECT * INTO before FROM learning_configs
        WHERE module = NEW.module AND number < NEW.number ORDER BY number DESC LIMIT 1;
    IF asked.kind = 'rollback' THEN
        SELECT * INTO target FROM learning_configs
            WHERE module = NEW.module AND number = (asked.content ->> 'to')::integer;
        IF (NEW.parameters_id, NEW.coefficients) IS DISTINCT FROM (target.parameters_id, target.coefficients) THEN
            RAISE EXCEPTION 'version %/% is not what request % goes back to', NEW.module, NEW.number, asked.id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    ELSE
        IF NEW.coefficients <> coalesce(asked.content -> 'coefficients', before.coefficients, '{}'::jsonb)
            OR (CASE asked.kind
                WHEN 'parameters' THEN
                    (SELECT document FROM overrides_parameterset WHERE id = NEW.parameters_id) <> asked.content
                ELSE NEW.parameters_id <> coalesce(before.parameters_id, asked.base_parameters)
            END)
        THEN
            RAISE EXCEPTION 'version %/% has constants that request % does not hold', NEW.module, NEW.number, asked.id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;

    SELECT m.line_id INTO astray FROM overrides_membership AS m JOIN overrides_linehold AS h ON h.line_id = m.line_id
        WHERE m.module = NEW.module AND m.from_version = NEW.number AND m.to_version IS NULL
        AND h.kind = 'veto' AND h.lifted_at IS NULL
        AND (h.expires_at IS NULL OR h.expires_at > NEW.published_at) LIMIT 1;
    IF astray IS NOT NULL THEN
        RAISE EXCEPTION 'version %/%: a veto stands on line %', NEW.module, NEW.number, astray
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;

    IF asked.route <> 'review' AND (asked.kind <> 'lines' OR asked.content <> '{}'::jsonb) THEN
        RAISE EXCEPTION 'request % was not reviewed and may move lines alone', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF asked.route = 'at_once' AND EXISTS (
        SELECT FROM overrides_membership WHERE module = NEW.module AND from_version = NEW.number
    ) THEN
        RAISE EXCEPTION 'request % took effect at once and may only take lines away', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF asked.route = 'mandate' THEN
        IF EXISTS (SELECT FROM overrides_quarantine WHERE module = NEW.module AND lifted_at IS NULL) THEN
            RAISE EXCEPTION 'request %: the builder of % is in quarantine', asked.id, NEW.module
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        SELECT c.line_id INTO astray FROM overrides_changeline AS c JOIN overrides_linehold AS h USING (line_id)
            WHERE c.request_id = asked.id AND h.kind = 'pin' AND h.lifted_at IS NULL
            AND (h.expires_at IS NULL OR h.expires_at > NEW.published_at) LIMIT 1;
        IF astray IS NOT NULL THEN
            RAISE EXCEPTION 'request %: line % is pinned', asked.id, astray
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        SELECT line_id INTO astray FROM overrides_changeline AS c
            WHERE c.request_id = asked.id AND NOT is_mandated(c.line_id, c.after_id, NEW.published_at)
            AND NOT (may_lower AND lowers_exposure(c.line_id, c.before_id, c.after_id)) LIMIT 1;
        IF astray IS NOT NULL OR asked.author_id IS NOT NULL OR asked.kind <> 'lines' THEN
            RAISE EXCEPTION 'request %: no mandate covers line %', asked.id, astray
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    RETURN NULL;
END $$;
