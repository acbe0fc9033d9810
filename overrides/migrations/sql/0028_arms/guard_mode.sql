-- A mode stays with its module, counts its changes, and names the values it allows in lists of text. What it explores
-- lies within the bounds of its levers, none of which scales the outcome (a test compares with the registry).
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
    IF jsonb_typeof(NEW.arms) <> 'object' OR EXISTS (
        SELECT FROM jsonb_each(NEW.arms) AS each LEFT JOIN lever_table() AS lever ON lever.name = each.key
        WHERE lever.name IS NULL OR lever.name IN ('alloc_mult', 'size_mult')
        OR NOT coalesce(
            (each.value ->> 'alternative')::numeric BETWEEN lever.low AND lever.high
            AND (each.value ->> 'probability')::numeric BETWEEN 0.1 AND 0.5
            AND (each.value ->> 'share_percent')::numeric BETWEEN 0.01 AND 100
            AND (each.value ->> 'rr_per_week')::numeric BETWEEN 0.01 AND 1000
            AND (each.value ->> 'rr_per_position')::numeric BETWEEN 0.01 AND (each.value ->> 'rr_per_week')::numeric,
            false
        )
    ) THEN
        RAISE EXCEPTION 'mode %: arms explore levers that do not scale the outcome, within their bounds', NEW.module
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
