-- A version follows the last one, and is immutable but for which one is active.
CREATE OR REPLACE FUNCTION guard_version() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    next constant integer := coalesce((SELECT max(number) FROM learning_configs WHERE module = NEW.module), 0) + 1;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.number <> next THEN
            RAISE EXCEPTION 'version %/%: the next number is %', NEW.module, NEW.number, next
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        NEW.transaction := pg_current_xact_id()::text::bigint;
        NEW.epoch := current_epoch();
        RETURN NEW;
    END IF;
    IF (to_jsonb(NEW) - 'is_active') IS DISTINCT FROM (to_jsonb(OLD) - 'is_active') OR NEW.is_active THEN
        RAISE EXCEPTION 'version %/% is immutable; another one replaces it', OLD.module, OLD.number
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
