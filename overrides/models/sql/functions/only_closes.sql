-- Makes a row immutable except for the one column that ends it, which is set once and after the row was made. Argument:
-- the name of that column.
CREATE OR REPLACE FUNCTION only_closes() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    was constant jsonb := CASE TG_OP WHEN 'UPDATE' THEN to_jsonb(OLD) END;
BEGIN
    IF TG_OP = 'INSERT' AND to_jsonb(NEW) ->> TG_ARGV[0] IS NOT NULL
        OR TG_OP = 'UPDATE' AND (
            was ->> TG_ARGV[0] IS NOT NULL OR (to_jsonb(NEW) - TG_ARGV[0]) IS DISTINCT FROM (was - TG_ARGV[0])
        )
    THEN
        RAISE EXCEPTION '% is immutable: only % is set, once and later', TG_TABLE_NAME, TG_ARGV[0]
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
