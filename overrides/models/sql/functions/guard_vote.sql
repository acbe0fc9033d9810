-- A vote is on the content as it stands, by somebody else than its author who may review; the database numbers it.
-- It is given while the request is open. Afterwards only mandates rest on it: those of an applied request can be signed
-- again, by an approval of what was applied, once too few of their signers may still vote. It names the evidence that
-- was stored with this edition, and no other.
CREATE OR REPLACE FUNCTION guard_vote() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    asked record;
    known bigint;
BEGIN
    NEW.id := nextval(pg_get_serial_sequence('overrides_vote', 'id'));
    SELECT id, state, route, author_id, content_hash, edition INTO asked FROM overrides_changerequest WHERE id = NEW.request_id FOR UPDATE;
    IF asked.id IS NULL THEN
        RAISE EXCEPTION 'a vote is on a request that exists' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF asked.author_id = NEW.voter_id THEN
        RAISE EXCEPTION 'request %: nobody votes on their own', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF asked.content_hash <> NEW.content_hash
        OR asked.state NOT IN ('in_review', 'changes_requested', 'approved', 'scheduled') AND NOT (
            asked.state = 'applied' AND asked.route = 'review' AND NEW.decision = 'approve' AND EXISTS (
                SELECT FROM overrides_mandate AS m WHERE m.request_id = asked.id AND m.revoked_at IS NULL
                AND m.renews_id IS NULL
                AND approvers_of(asked.id, asked.content_hash, asked.author_id, m.voter_groups) < m.approvals_needed
            )
        )
    THEN
        RAISE EXCEPTION 'request %: a vote is on the content as it stands, while it is open', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT may_review(NEW.voter_id) THEN
        RAISE EXCEPTION 'request %: person % may not review', asked.id, NEW.voter_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT id INTO known FROM overrides_requestevidence WHERE request_id = asked.id AND edition = asked.edition;
    IF NEW.evidence_id IS NOT NULL AND NEW.evidence_id IS DISTINCT FROM known THEN
        RAISE EXCEPTION 'request %: a vote names the evidence that was stored with the edition', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NEW.evidence_id := known;
    RETURN NEW;
END $$;
