-- Records the transaction that published a version, and lets nothing of a version change except that it leaves force.
CREATE OR REPLACE FUNCTION guard_version() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.transaction := pg_current_xact_id()::text::bigint;
        RETURN NEW;
    END IF;
    IF (to_jsonb(NEW) - 'is_active') IS DISTINCT FROM (to_jsonb(OLD) - 'is_active') OR NEW.is_active THEN
        RAISE EXCEPTION 'version %/% is immutable; another one replaces it', OLD.module, OLD.number
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
