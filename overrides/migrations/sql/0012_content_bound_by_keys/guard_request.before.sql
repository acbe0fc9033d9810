-- Keeps a request on its path: it begins open, takes only the steps of overrides/core/governance/request_states.py,
-- changes neither kind nor author, gets a new edition without votes when its content changes, and is not edited after
-- it is closed. Also records the transaction that applied it, by which refuse_undecided knows that a governed row came
-- together with its request.
CREATE OR REPLACE FUNCTION guard_request() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    moves constant text[] := ARRAY['approved applied', 'approved cancelled', 'approved changes_requested', 'approved expired', 'approved in_review', 'approved rejected', 'approved scheduled', 'changes_requested cancelled', 'changes_requested expired', 'changes_requested in_review', 'changes_requested rejected', 'draft applied', 'draft cancelled', 'draft draft', 'draft expired', 'draft in_review', 'in_review approved', 'in_review cancelled', 'in_review changes_requested', 'in_review expired', 'in_review in_review', 'in_review rejected', 'scheduled applied', 'scheduled approved', 'scheduled cancelled', 'scheduled changes_requested', 'scheduled expired', 'scheduled failed', 'scheduled in_review', 'scheduled rejected', 'scheduled scheduled'];
    afterwards constant text[] := ARRAY['acknowledged_at', 'acknowledged_by'];
BEGIN
    NEW.transaction := 0;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state NOT IN ('draft', 'in_review') THEN
            RAISE EXCEPTION 'a request begins as a draft or in review, not %', NEW.state
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    NEW.transaction := OLD.transaction;
    IF OLD.state IN ('applied', 'rejected', 'cancelled', 'expired', 'failed')
        AND (to_jsonb(NEW) - afterwards) IS DISTINCT FROM (to_jsonb(OLD) - afterwards)
    THEN
        RAISE EXCEPTION 'request % is closed: it is not changed any more', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state <> OLD.state AND NOT (OLD.state || ' ' || NEW.state) = ANY (moves) THEN
        RAISE EXCEPTION 'request %: no step leads from % to %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.state = 'draft' AND NEW.state = 'applied' AND NEW.route = 'review' THEN
        RAISE EXCEPTION 'request %: a draft is applied at once or under mandates, not by the route of reviews', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.module, NEW.kind, NEW.route, NEW.author_id, NEW.author_name, NEW.created_at, NEW.split_from_id)
        IS DISTINCT FROM
        (OLD.module, OLD.kind, OLD.route, OLD.author_id, OLD.author_name, OLD.created_at, OLD.split_from_id)
    THEN
        RAISE EXCEPTION 'request %: what kind it is, by which route and whose, is not changed', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state = 'applied' AND OLD.state <> 'applied' THEN
        IF NEW.closed_at IS NULL THEN
            RAISE EXCEPTION 'request %: was applied at some time; closed_at says when', OLD.id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        NEW.transaction := pg_current_xact_id()::text::bigint;
    END IF;
    IF NEW.content_hash = OLD.content_hash AND is_signed(OLD.id, OLD.content_hash) AND
        (NEW.content, NEW.base_parameters, NEW.edition, NEW.movement)
        IS DISTINCT FROM
        (OLD.content, OLD.base_parameters, OLD.edition, OLD.movement)
    THEN
        RAISE EXCEPTION 'request %: what was voted on is not changed under its votes', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.content_hash <> OLD.content_hash
        AND (NEW.edition <= OLD.edition OR is_signed(OLD.id, NEW.content_hash))
    THEN
        RAISE EXCEPTION 'request %: another content is another edition, without votes', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
