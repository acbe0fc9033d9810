-- Requires the version after a trial to be in force and equal to the one before the trial, including where ramps stood.
-- Checks only what the trial moved, as every other opened or closed membership names a version of its own.
CREATE OR REPLACE FUNCTION restored_is_what_was() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    trial learning_configs;
    before learning_configs;
    astray text;
BEGIN
    PERFORM refuse_undecided(NEW.request_id, NEW.module, ARRAY['trial']);
    SELECT * INTO trial FROM learning_configs WHERE module = NEW.module AND number = NEW.number - 1;
    SELECT * INTO before FROM learning_configs WHERE module = NEW.module AND number = NEW.number - 2;
    IF trial.kind IS DISTINCT FROM 'trial' OR trial.request_id <> NEW.request_id
        OR (trial.transaction, trial.epoch) <> (NEW.transaction, NEW.epoch) OR NOT NEW.is_active
    THEN
        RAISE EXCEPTION 'version %/% restores nothing: no trial came before it, or it is not in force',
            NEW.module, NEW.number USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.parameters_id, NEW.coefficients, NEW.n_overrides, NEW.content_hash) IS DISTINCT FROM
        (before.parameters_id, before.coefficients, before.n_overrides, before.content_hash)
    THEN
        RAISE EXCEPTION 'version %/% has other constants than the one it restores', NEW.module, NEW.number
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    WITH was AS (
        SELECT line_id, override_id, path_from, path_since FROM overrides_membership
        WHERE module = NEW.module AND to_version = trial.number
    ), again AS (
        SELECT line_id, override_id, path_from, path_since FROM overrides_membership
        WHERE module = NEW.module AND from_version = NEW.number
    ), tried AS (
        SELECT line_id, to_version FROM overrides_membership
        WHERE module = NEW.module AND from_version = trial.number
    )
    SELECT line_id INTO astray FROM (
        SELECT line_id FROM ((TABLE was EXCEPT TABLE again) UNION ALL (TABLE again EXCEPT TABLE was)) AS differences
        UNION ALL SELECT line_id FROM tried WHERE to_version IS DISTINCT FROM NEW.number
    ) AS strays LIMIT 1;
    IF astray IS NOT NULL THEN
        RAISE EXCEPTION 'version %/% differs from the one it restores at line %', NEW.module, NEW.number, astray
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
