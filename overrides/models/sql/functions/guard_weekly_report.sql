-- A report is of a whole week that has ended, follows the earlier reports of that week, and is not larger than a page
-- can read; the database numbers and hashes it.
CREATE OR REPLACE FUNCTION guard_weekly_report() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    NEW.id := nextval(pg_get_serial_sequence('overrides_weeklyreport', 'id'));
    IF extract(isodow FROM NEW.week) <> 1 OR (NEW.week + 7)::timestamp AT TIME ZONE 'UTC' > NEW.made_at THEN
        RAISE EXCEPTION 'weekly report %: a week begins on a Monday and is reported once it has ended', NEW.week
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.revision <> 1 + (SELECT coalesce(max(revision), 0) FROM overrides_weeklyreport WHERE week = NEW.week) THEN
        RAISE EXCEPTION 'weekly report %: revision % does not follow the earlier ones', NEW.week, NEW.revision
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF octet_length(NEW.document) > 1048576 OR jsonb_typeof(NEW.document::jsonb) <> 'object' THEN
        RAISE EXCEPTION 'weekly report %: it is a JSON object of at most 1 MiB', NEW.week
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NEW.document_hash := encode(sha256(convert_to(NEW.document, 'UTF8')), 'hex');
    RETURN NEW;
END $$;
