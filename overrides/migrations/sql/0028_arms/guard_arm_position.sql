-- Decides, by the mode in force, whether the budget of the week has room for one more position of an explored lever.
-- It is asked before anything is served, under a lock of the module, and in the same way for both arms. A position with
-- the alternative counts with what was reserved for it, or with what it lost by the replays where that is more.
CREATE OR REPLACE FUNCTION guard_arm_position() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    arm jsonb;
    spent_before numeric;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('arms ' || NEW.module, 0));
    SELECT arms -> NEW.lever INTO arm FROM overrides_modulemode WHERE module = NEW.module AND mode = 'on';
    IF arm IS NULL OR NEW.share_draw >= (arm ->> 'share_percent')::float8 THEN
        RAISE EXCEPTION 'arm of % in %: no mode explores this position', NEW.lever, NEW.module
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NEW.id := nextval(pg_get_serial_sequence('overrides_armposition', 'id'));
    NEW.week := date_trunc('week', NEW.drawn_at AT TIME ZONE 'UTC')::date;
    spent_before := arm_spent(NEW.module, NEW.lever, NEW.week);
    NEW.alternative := (arm ->> 'alternative')::float8;
    NEW.probability := (arm ->> 'probability')::float8;
    NEW.share_percent := (arm ->> 'share_percent')::float8;
    NEW.rr_per_week := (arm ->> 'rr_per_week')::float8;
    NEW.reserved := (arm ->> 'rr_per_position')::float8;
    NEW.spent := spent_before::float8;
    NEW.is_admitted := spent_before + (arm ->> 'rr_per_position')::numeric <= (arm ->> 'rr_per_week')::numeric;
    NEW.is_alternative := NEW.is_admitted AND NEW.draw < NEW.probability;
    RETURN NEW;
END $$;
