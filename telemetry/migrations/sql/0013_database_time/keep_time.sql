-- Arguments: columns that hold a time. Each is checked where it is set or changes.
CREATE OR REPLACE FUNCTION keep_time() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    written constant jsonb := to_jsonb(NEW);
    stored constant jsonb := CASE TG_OP WHEN 'UPDATE' THEN to_jsonb(OLD) ELSE '{}'::jsonb END;
BEGIN
    FOR position IN 0 .. TG_NARGS - 1 LOOP
        IF written -> TG_ARGV[position] IS DISTINCT FROM stored -> TG_ARGV[position] THEN
            PERFORM refuse_other_time(
                (written ->> TG_ARGV[position])::timestamptz, format('%s.%s', TG_TABLE_NAME, TG_ARGV[position])
            );
        END IF;
    END LOOP;
    RETURN NEW;
END $$;
