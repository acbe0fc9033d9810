-- The applied request behind a governed row, agreed to by enough people who may still agree; raises where it is not.
-- Nobody takes back a vote, a right or a mandate, or vetoes, between this check and the commit: each of them needs an
-- audit entry, for which it waits until then. A check that is run early would otherwise rely on what is gone.
CREATE OR REPLACE FUNCTION refuse_undecided(request bigint, of_module text, kinds text[]) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    asked overrides_changerequest;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('telemetry_auditentry', 0));  -- see link_audit_entry
    SELECT * INTO asked FROM overrides_changerequest WHERE id = request;
    IF asked.id IS NULL OR asked.state <> 'applied' OR asked.module IS DISTINCT FROM of_module OR NOT asked.kind = ANY (kinds) THEN
        RAISE EXCEPTION 'request % of % is not applied, or of another kind', request, of_module
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT is_this_transaction(asked.transaction, asked.epoch) THEN  -- any comment would audit an old one again
        RAISE EXCEPTION 'request % was applied in another transaction', request
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF asked.route = 'review' AND approvals_of(asked) < approvals_needed(asked) THEN
        RAISE EXCEPTION 'request % has % of % approvals of its content by others than its author',
            request, approvals_of(asked), approvals_needed(asked)
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END $$;
