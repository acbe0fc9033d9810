-- Accepts a policy only together with the applied request that holds its document; it leaves force only when a newer
-- policy is active, and nothing else of it changes.
CREATE OR REPLACE FUNCTION policy_is_decided() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.is_active OR (to_jsonb(NEW) - 'is_active') IS DISTINCT FROM (to_jsonb(OLD) - 'is_active')
            OR NOT EXISTS (
                SELECT FROM overrides_modulepolicy WHERE module = NEW.module AND number > NEW.number AND is_active
            )
        THEN
            RAISE EXCEPTION 'policy %/% is immutable; another one replaces it', NEW.module, NEW.number
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NULL;
    END IF;
    IF NEW.number <> 1 + (
        SELECT count(*) FROM overrides_modulepolicy WHERE module = NEW.module AND number < NEW.number
    ) THEN
        RAISE EXCEPTION 'policy %/% does not follow the last one', NEW.module, NEW.number
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    PERFORM refuse_undecided(NEW.request_id, NEW.module, ARRAY['policy']);
    IF (SELECT route FROM overrides_changerequest WHERE id = NEW.request_id) <> 'review' THEN
        RAISE EXCEPTION 'request % was not reviewed and changes no policy', NEW.request_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.document IS DISTINCT FROM (SELECT content FROM overrides_changerequest WHERE id = NEW.request_id) THEN
        RAISE EXCEPTION 'policy %/% is not what request % holds', NEW.module, NEW.number, NEW.request_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
