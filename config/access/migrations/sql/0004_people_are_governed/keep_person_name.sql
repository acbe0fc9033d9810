-- Store every name that a person is given, and refuse a name that another person has or had. The function runs as the
-- owner, because the application role may not write the table of names.
CREATE OR REPLACE FUNCTION keep_person_name() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    holder integer;
BEGIN
    INSERT INTO access_personname (key, person_id) VALUES (person_name_key(NEW.username), NEW.id)
        ON CONFLICT (key) DO NOTHING;
    SELECT person_id INTO holder FROM access_personname WHERE key = person_name_key(NEW.username);
    IF holder IS DISTINCT FROM NEW.id THEN
        RAISE EXCEPTION 'the name "%" is or was another person''s: no name is given twice', NEW.username
            USING ERRCODE = 'integrity_constraint_violation', HINT = 'choose a name that nobody has had';
    END IF;
    RETURN NEW;
END $$;
