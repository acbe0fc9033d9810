-- Keeps the mark of overrides that are not in force: a new override has it, an open membership takes it away, and the
-- end of that membership gives it back. A line has one open membership, so an override has too. Lists read the mark;
-- nothing is decided by it. It runs as the owner, for nobody else may write marks.
CREATE OR REPLACE FUNCTION mark_idle() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_TABLE_NAME = 'overrides_override' THEN
        INSERT INTO overrides_idleoverride (override_id)
            SELECT NEW.id WHERE NOT EXISTS (SELECT FROM overrides_override WHERE id = NEW.id)
            ON CONFLICT DO NOTHING;
    ELSIF NEW.to_version IS NULL THEN
        DELETE FROM overrides_idleoverride WHERE override_id = NEW.override_id;
    ELSE
        INSERT INTO overrides_idleoverride (override_id) VALUES (NEW.override_id) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NEW;
END $$;
