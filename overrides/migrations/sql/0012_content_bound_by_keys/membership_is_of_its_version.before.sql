-- Lets a membership be opened or closed only in the transaction of the version that does so, and only as that version's
-- request says. A restored version may reopen exactly what its trial closed, and close what its trial opened.
CREATE OR REPLACE FUNCTION membership_is_of_its_version() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    of_number constant integer := CASE TG_OP WHEN 'INSERT' THEN NEW.from_version ELSE NEW.to_version END;
    opener learning_configs;
    is_meant boolean;
BEGIN
    SELECT * INTO opener FROM learning_configs
        WHERE module = NEW.module AND number = of_number AND transaction = pg_current_xact_id()::text::bigint;
    IF opener.id IS NULL THEN
        RAISE EXCEPTION 'a membership of % is opened or closed only by the version that does it', NEW.module
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF opener.kind = 'restored' AND TG_OP = 'INSERT' THEN
        is_meant := EXISTS (
            SELECT FROM overrides_membership AS was
            WHERE was.module = NEW.module AND was.to_version = of_number - 1
            AND (was.line_id, was.override_id, was.path_from, was.path_since)
                IS NOT DISTINCT FROM (NEW.line_id, NEW.override_id, NEW.path_from, NEW.path_since)
        );
    ELSIF opener.kind = 'restored' THEN
        is_meant := NEW.from_version = of_number - 1;
    ELSE
        is_meant := EXISTS (
            SELECT FROM overrides_changeline WHERE request_id = opener.request_id AND line_id = NEW.line_id
            AND CASE TG_OP WHEN 'INSERT' THEN after_id = NEW.override_id ELSE before_id IS NOT NULL END
        );
    END IF;
    IF NOT is_meant THEN
        RAISE EXCEPTION 'version %/% differs from request % at line %',
            NEW.module, of_number, opener.request_id, NEW.line_id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
