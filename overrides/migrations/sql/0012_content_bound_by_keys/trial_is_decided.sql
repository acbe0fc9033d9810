-- Accepts a trial version only together with an applied, reviewed request of kind trial that holds exactly its lines
-- and constants, and only between the version it departs from and the one that restores that version.
CREATE OR REPLACE FUNCTION trial_is_decided() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    asked overrides_changerequest;
    before learning_configs;
    astray text;
BEGIN
    PERFORM refuse_undecided(NEW.request_id, NEW.module, ARRAY['trial']);
    SELECT * INTO asked FROM overrides_changerequest WHERE id = NEW.request_id;
    IF asked.route <> 'review' THEN
        RAISE EXCEPTION 'request % was not reviewed and may move lines alone', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT * INTO before FROM learning_configs WHERE module = NEW.module AND number = NEW.number - 1;
    IF before.id IS NULL OR NOT EXISTS (
        SELECT FROM learning_configs WHERE module = NEW.module AND number = NEW.number + 1
        AND kind = 'restored' AND request_id = asked.id AND (transaction, epoch) = (NEW.transaction, NEW.epoch)
    ) THEN
        RAISE EXCEPTION 'trial %/% stands between a version and its restoration', NEW.module, NEW.number
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;

    WITH opened AS (
        SELECT line_id, override_id, to_version FROM overrides_membership
        WHERE module = NEW.module AND from_version = NEW.number
    ), closed AS (
        SELECT line_id FROM overrides_membership WHERE module = NEW.module AND to_version = NEW.number
    ), brought AS (
        SELECT line_id, after_id, NEW.number + 1 FROM overrides_changeline
        WHERE request_id = asked.id AND after_id IS NOT NULL
    ), replaced AS (
        SELECT line_id FROM overrides_changeline WHERE request_id = asked.id AND before_id IS NOT NULL
    )
    SELECT line_id INTO astray FROM (
        (TABLE opened EXCEPT TABLE brought) UNION ALL (TABLE brought EXCEPT TABLE opened)
        UNION ALL ((SELECT line_id, '', 0 FROM closed) EXCEPT (SELECT line_id, '', 0 FROM replaced))
        UNION ALL ((SELECT line_id, '', 0 FROM replaced) EXCEPT (SELECT line_id, '', 0 FROM closed))
    ) AS differences LIMIT 1;
    IF astray IS NOT NULL THEN
        RAISE EXCEPTION 'trial %/% differs from request % at line %', NEW.module, NEW.number, asked.id, astray
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.coefficients <> before.coefficients
        OR (SELECT document FROM overrides_parameterset WHERE id = NEW.parameters_id) IS DISTINCT FROM asked.content
        OR before.parameters_id <> asked.base_parameters
    THEN
        RAISE EXCEPTION 'trial %/% has constants that request % does not hold', NEW.module, NEW.number, asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
