-- A mode stays with its module, counts its changes, and names the values it allows in lists of text.
CREATE OR REPLACE FUNCTION guard_mode() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.module <> OLD.module THEN
        RAISE EXCEPTION 'mode %: a mode stays with its module', OLD.module
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.revision <> OLD.revision + 1 OR TG_OP = 'INSERT' AND NEW.revision <> 1 THEN
        RAISE EXCEPTION 'mode %: a change counts the revision up by one; processes read it', NEW.module
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.module NOT IN ('dm', 'pm') THEN
        RAISE EXCEPTION 'mode %: there is no such module', NEW.module USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF jsonb_typeof(NEW.allow) <> 'object' OR EXISTS (
        SELECT FROM jsonb_each(NEW.allow) AS each WHERE jsonb_typeof(each.value) <> 'array'
        OR EXISTS (SELECT FROM jsonb_array_elements(each.value) AS named WHERE jsonb_typeof(named) <> 'string')
    ) THEN
        RAISE EXCEPTION 'mode %: allow maps a dimension to a list of values', NEW.module
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
