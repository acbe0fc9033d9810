-- A version is what its decided request says, against what stood, and nothing else.
CREATE OR REPLACE FUNCTION version_is_decided() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    asked overrides_changerequest;
    before learning_configs;
    target learning_configs;
    astray text;
    most_trades bigint;
    may_lower constant boolean := coalesce(
        (SELECT (document ->> 'lowering_applies')::boolean FROM overrides_modulepolicy
         WHERE module = NEW.module AND is_active),
        false
    );
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NOT EXISTS (
            SELECT FROM learning_configs WHERE module = NEW.module AND number > NEW.number AND is_active
            AND is_this_transaction(transaction, epoch)
        ) THEN
            RAISE EXCEPTION 'version %/% was taken out of force without another in its place', NEW.module, NEW.number
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NULL;
    END IF;
    PERFORM refuse_undecided(NEW.request_id, NEW.module, ARRAY['lines', 'parameters', 'rollback']);
    IF NOT NEW.is_active THEN  -- its memberships would be served by whatever version comes next
        RAISE EXCEPTION 'version %/% is not in force, which only a trial may be', NEW.module, NEW.number
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT * INTO asked FROM overrides_changerequest WHERE id = NEW.request_id;
    SELECT * INTO before FROM learning_configs
        WHERE module = NEW.module AND number < NEW.number ORDER BY number DESC LIMIT 1;
    IF before.id IS NULL AND asked.route <> 'review' THEN
        RAISE EXCEPTION 'version %/% is the first and needs votes like any other', NEW.module, NEW.number
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;

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
    SELECT c.line_id INTO astray FROM overrides_changeline AS c
        JOIN overrides_override AS drafted ON drafted.id = c.before_id
        JOIN overrides_membership AS m ON m.line_id = c.line_id AND m.module = NEW.module AND m.to_version = NEW.number
        JOIN overrides_override AS stood ON stood.id = m.override_id
        WHERE c.request_id = asked.id AND drafted.levers <> stood.levers LIMIT 1;
    IF astray IS NOT NULL THEN
        RAISE EXCEPTION 'version %/%: request % was drafted against other levers than stood on line %',
            NEW.module, NEW.number, asked.id, astray USING ERRCODE = 'integrity_constraint_violation';
    END IF;

    IF asked.kind = 'rollback' THEN
        SELECT * INTO target FROM learning_configs
            WHERE module = NEW.module AND number = (asked.content ->> 'to')::integer;
        IF (NEW.parameters_id, NEW.coefficients) IS DISTINCT FROM (target.parameters_id, target.coefficients) THEN
            RAISE EXCEPTION 'version %/% is not what request % goes back to', NEW.module, NEW.number, asked.id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        WITH held AS (
            SELECT line_id, override_id FROM overrides_membership WHERE module = NEW.module
            AND from_version <= target.number AND (to_version IS NULL OR to_version > target.number)
        ), holds AS (
            SELECT line_id, override_id FROM overrides_membership WHERE module = NEW.module
            AND from_version <= NEW.number AND (to_version IS NULL OR to_version > NEW.number)
        )
        SELECT line_id INTO astray FROM (
            (TABLE held EXCEPT TABLE holds) UNION ALL (TABLE holds EXCEPT TABLE held)
        ) AS differences LIMIT 1;
        IF astray IS NOT NULL THEN
            RAISE EXCEPTION 'version %/% differs from version % that request % goes back to, at line %',
                NEW.module, NEW.number, target.number, asked.id, astray
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    ELSE
        IF NEW.coefficients <> coalesce(asked.content -> 'coefficients', before.coefficients, '{}'::jsonb)
            OR (CASE asked.kind
                WHEN 'parameters' THEN
                    (SELECT document FROM overrides_parameterset WHERE id = NEW.parameters_id) IS DISTINCT FROM asked.content
                ELSE NEW.parameters_id IS DISTINCT FROM coalesce(before.parameters_id, asked.base_parameters)
            END)
        THEN
            RAISE EXCEPTION 'version %/% has constants that request % does not hold', NEW.module, NEW.number, asked.id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;

    PERFORM pg_advisory_xact_lock(hashtextextended('telemetry_auditentry', 0));  -- a veto waits, or is seen
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
            AND (h.expires_at IS NULL OR h.expires_at > NEW.published_at)
            AND (c.after_id IS NOT NULL OR h.rejected IS NULL) LIMIT 1;  -- what was rejected may always go
        IF astray IS NOT NULL THEN
            RAISE EXCEPTION 'request %: line % is pinned', asked.id, astray
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        SELECT c.line_id INTO astray FROM overrides_changeline AS c JOIN overrides_linehold AS h USING (line_id)
            WHERE c.request_id = asked.id AND h.kind = 'cap' AND h.lifted_at IS NULL
            AND (h.expires_at IS NULL OR h.expires_at > NEW.published_at) AND is_beyond_cap(c.after_id, h.cap) LIMIT 1;
        IF astray IS NOT NULL THEN
            RAISE EXCEPTION 'request %: line % moves farther than its cap', asked.id, astray
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        most_trades := trades_of(NEW.module);
        SELECT line_id INTO astray FROM overrides_changeline AS c
            WHERE c.request_id = asked.id AND NOT is_covered(c.line_id, c.after_id, NEW.published_at, most_trades)
            AND NOT (may_lower AND lowers_exposure(c.line_id, c.before_id, c.after_id)) LIMIT 1;
        IF astray IS NOT NULL OR asked.author_id IS NOT NULL OR asked.kind <> 'lines' THEN
            RAISE EXCEPTION 'request %: no mandate covers line %', asked.id, astray
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    IF asked.movement < steps_of_request(asked) - 1e-6 THEN
        RAISE EXCEPTION 'request % moves % steps and says %', asked.id, steps_of_request(asked), asked.movement
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
