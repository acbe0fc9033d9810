-- Lines are written with their edition, in its transaction, and belong to the request's module.
CREATE OR REPLACE FUNCTION guard_change_line() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    asked overrides_changerequest;
    line text := CASE TG_OP WHEN 'DELETE' THEN OLD.line_id ELSE NEW.line_id END;
BEGIN
    SELECT * INTO asked FROM overrides_changerequest
        WHERE id = (CASE TG_OP WHEN 'DELETE' THEN OLD.request_id ELSE NEW.request_id END);
    IF asked.id IS NULL THEN  -- otherwise nothing below would be asked of a request that another transaction makes
        RAISE EXCEPTION 'a line is written after its request' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF asked.state NOT IN ('draft', 'in_review', 'changes_requested', 'approved', 'scheduled') THEN
        RAISE EXCEPTION 'request % is closed: its lines are not changed any more', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.request_id <> OLD.request_id THEN
        RAISE EXCEPTION 'request %: a line stays with its request', OLD.request_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF is_signed(asked.id, asked.content_hash) THEN
        RAISE EXCEPTION 'request %: what was voted on is not changed under its votes', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT is_this_transaction(asked.edited_transaction, asked.edited_epoch) THEN
        RAISE EXCEPTION 'request %: its lines change only with its edition, in one transaction', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP <> 'DELETE' AND asked.module IS DISTINCT FROM (SELECT module FROM overrides_line WHERE id = line) THEN
        RAISE EXCEPTION 'request %: line % is of another module', asked.id, line
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
