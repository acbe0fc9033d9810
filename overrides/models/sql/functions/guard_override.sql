-- An override moves levers of the registry within its bounds; anything else could not be compiled, or not be judged.
CREATE OR REPLACE FUNCTION guard_override() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    misfit text;
BEGIN
    SELECT each.key INTO misfit FROM jsonb_each(NEW.levers) AS each LEFT JOIN lever_table() AS l ON l.name = each.key
        WHERE NOT coalesce(jsonb_typeof(each.value) = 'number' AND each.value::numeric BETWEEN l.low AND l.high, false)
        LIMIT 1;
    IF misfit IS NOT NULL THEN
        RAISE EXCEPTION 'override %: % is no lever within its bounds', NEW.id, misfit
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.promise IS NOT NULL AND NEW.promise <> 'null' AND NOT coalesce(
        jsonb_typeof(NEW.promise) = 'object' AND NOT EXISTS (
            SELECT FROM jsonb_each(NEW.promise) AS each
            WHERE NOT coalesce(each.key IN ('predicted', 'sd', 'mu0', 's_p') AND jsonb_typeof(each.value) = 'number', false)
        ), false
    ) THEN
        RAISE EXCEPTION 'override %: its promise cannot be read', NEW.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
