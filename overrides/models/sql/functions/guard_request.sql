-- A request moves along its states only, keeps its identity, and is not edited under its votes or after its end.
CREATE OR REPLACE FUNCTION guard_request() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    moves constant text[] := ARRAY[
        'approved applied', 'approved approved', 'approved cancelled', 'approved changes_requested',
        'approved expired', 'approved in_review', 'approved rejected', 'approved scheduled',
        'changes_requested cancelled', 'changes_requested expired', 'changes_requested in_review',
        'changes_requested rejected',
        'draft applied', 'draft cancelled', 'draft draft', 'draft expired', 'draft in_review',
        'in_review approved', 'in_review cancelled', 'in_review changes_requested', 'in_review expired',
        'in_review in_review', 'in_review rejected',
        'scheduled applied', 'scheduled approved', 'scheduled cancelled', 'scheduled changes_requested',
        'scheduled expired', 'scheduled failed', 'scheduled in_review', 'scheduled rejected', 'scheduled scheduled'
    ];
    afterwards constant text[] := ARRAY['acknowledged_at', 'acknowledged_by'];
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.transaction := 0;
        NEW.epoch := 0;
        NEW.edited_transaction := pg_current_xact_id()::text::bigint;
        NEW.edited_epoch := current_epoch();
        IF NEW.state NOT IN ('draft', 'in_review') THEN
            RAISE EXCEPTION 'a request begins as a draft or in review, not %', NEW.state
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        IF NEW.hash_format <> 2 THEN
            RAISE EXCEPTION 'a request is hashed by format 2, which signs its title, reason and expiry'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    NEW.transaction := OLD.transaction;
    NEW.epoch := OLD.epoch;
    NEW.edited_transaction := OLD.edited_transaction;
    NEW.edited_epoch := OLD.edited_epoch;
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
    IF (NEW.module, NEW.kind, NEW.route, NEW.author_id, NEW.author_name, NEW.created_at, NEW.split_from_id,
        NEW.succeeds_id)
        IS DISTINCT FROM
        (OLD.module, OLD.kind, OLD.route, OLD.author_id, OLD.author_name, OLD.created_at, OLD.split_from_id,
        OLD.succeeds_id)
    THEN
        RAISE EXCEPTION 'request %: what kind it is, by which route and whose, is not changed', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state = 'applied' AND OLD.state <> 'applied' THEN
        IF NEW.closed_at IS NULL THEN
            RAISE EXCEPTION 'request %: was applied at some time; closed_at says when', OLD.id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        IF NEW.route = 'review' AND NEW.closed_at >= NEW.expires_at THEN
            RAISE EXCEPTION 'request % expired on %', OLD.id, NEW.expires_at
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        NEW.transaction := pg_current_xact_id()::text::bigint;
        NEW.epoch := current_epoch();
    END IF;
    IF NEW.edition < OLD.edition OR NEW.hash_format < OLD.hash_format THEN
        RAISE EXCEPTION 'request %: an edition is not taken back', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.edition = OLD.edition AND (
        NEW.content_hash <> OLD.content_hash OR NEW.hash_format <> OLD.hash_format
        OR OLD.state <> 'draft' AND (
            NEW.title, NEW.reason, NEW.expires_at, NEW.content, NEW.base_parameters, NEW.base_version, NEW.movement
        ) IS DISTINCT FROM (
            OLD.title, OLD.reason, OLD.expires_at, OLD.content, OLD.base_parameters, OLD.base_version, OLD.movement
        )
    ) THEN
        RAISE EXCEPTION 'request %: what reviewers read is not changed under them; an edit is another edition', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.edition > OLD.edition THEN
        IF NEW.state NOT IN ('draft', 'in_review') THEN
            RAISE EXCEPTION 'request %: an edit goes back to review', OLD.id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        IF NEW.content_hash = OLD.content_hash OR is_signed(OLD.id, NEW.content_hash) THEN
            RAISE EXCEPTION 'request %: another edition has another hash, without votes', OLD.id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        NEW.edited_transaction := pg_current_xact_id()::text::bigint;
        NEW.edited_epoch := current_epoch();
    END IF;
    RETURN NEW;
END $$;
