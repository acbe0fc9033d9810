-- A renewal is approved by people who may review and did not draft the request, while its mandate may be renewed.
CREATE OR REPLACE FUNCTION guard_renewal() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    due overrides_mandate;
BEGIN
    SELECT * INTO due FROM overrides_mandate WHERE id = NEW.mandate_id FOR UPDATE;
    IF NOT coalesce(may_be_renewed(due, NEW.voted_at), false) THEN
        RAISE EXCEPTION 'mandate % is not due for renewal', NEW.mandate_id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF EXISTS (SELECT FROM overrides_changerequest WHERE id = due.request_id AND author_id = NEW.voter_id) THEN
        RAISE EXCEPTION 'mandate %: nobody renews what they drafted', due.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT may_review(NEW.voter_id) THEN
        RAISE EXCEPTION 'mandate %: person % may not review', due.id, NEW.voter_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
