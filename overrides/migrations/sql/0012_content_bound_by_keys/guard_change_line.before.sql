-- Keeps the lines of a request as they were voted on: they change only while the request is open and nobody has voted
-- on its content.
CREATE OR REPLACE FUNCTION guard_change_line() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    asked record;
BEGIN
    SELECT id, state, content_hash INTO asked FROM overrides_changerequest
        WHERE id = (CASE TG_OP WHEN 'DELETE' THEN OLD.request_id ELSE NEW.request_id END);
    IF asked.state NOT IN ('draft', 'in_review', 'changes_requested', 'approved', 'scheduled') THEN
        RAISE EXCEPTION 'request % is closed: its lines are not changed any more', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF is_signed(asked.id, asked.content_hash) THEN
        RAISE EXCEPTION 'request %: what was voted on is not changed under its votes', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
