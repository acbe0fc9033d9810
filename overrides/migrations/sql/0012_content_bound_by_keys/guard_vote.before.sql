-- Accepts a vote only on the present content of an open request, and never from its author.
CREATE OR REPLACE FUNCTION guard_vote() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    asked record;
BEGIN
    SELECT id, state, author_id, content_hash INTO asked FROM overrides_changerequest WHERE id = NEW.request_id;
    IF asked.author_id = NEW.voter_id THEN
        RAISE EXCEPTION 'request %: nobody votes on their own', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF asked.content_hash <> NEW.content_hash
        OR asked.state NOT IN ('in_review', 'changes_requested', 'approved', 'scheduled')
    THEN
        RAISE EXCEPTION 'request %: a vote is on the content as it stands, while it is open', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
