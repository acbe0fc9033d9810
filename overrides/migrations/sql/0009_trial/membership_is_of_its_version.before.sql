CREATE OR REPLACE FUNCTION membership_is_of_its_version() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    of_number constant integer := CASE TG_OP WHEN 'INSERT' THEN NEW.from_version ELSE NEW.to_version END;
    asked bigint;
BEGIN
    SELECT request_id INTO asked FROM learning_configs
        WHERE module = NEW.module AND number = of_number AND transaction = pg_current_xact_id()::text::bigint;
    IF asked IS NULL THEN
        RAISE EXCEPTION 'a membership of % is opened or closed only by the version that does it', NEW.module
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT EXISTS (
        SELECT FROM overrides_changeline WHERE request_id = asked AND line_id = NEW.line_id
        AND CASE TG_OP WHEN 'INSERT' THEN after_id = NEW.override_id ELSE before_id IS NOT NULL END
    ) THEN
        RAISE EXCEPTION 'version %/% differs from request % at line %', NEW.module, of_number, asked, NEW.line_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
