-- What a mandate rests on is read from its request when it is signed, so that it can be asked again later. A renewed
-- mandate takes the place of the one that it renews, which ends here, on its terms: only the date of the review is
-- another one, and the evidence that it needs may be more. It may be renewed once, while it stands.
CREATE OR REPLACE FUNCTION guard_mandate() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    asked overrides_changerequest;
    before overrides_mandate;
BEGIN
    SELECT * INTO asked FROM overrides_changerequest WHERE id = NEW.request_id;
    IF asked.state IS DISTINCT FROM 'applied' THEN  -- before, neither its size nor its lines are final
        RAISE EXCEPTION 'a mandate on line % is signed after request % was applied', NEW.line_id, NEW.request_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NEW.approvals_needed := approvals_needed(asked);
    NEW.voter_groups := groups_for(asked);
    SELECT sign(o.edge_raw)::integer INTO NEW.edge_sign FROM overrides_changeline AS c
        JOIN overrides_override AS o ON o.id = c.after_id
        WHERE c.request_id = NEW.request_id AND c.line_id = NEW.line_id;
    NEW.edge_sign := coalesce(NEW.edge_sign, 0);
    IF NEW.renews_id IS NOT NULL THEN
        SELECT * INTO before FROM overrides_mandate WHERE id = NEW.renews_id FOR UPDATE;
        IF NOT coalesce(may_be_renewed(before, NEW.granted_at), false) THEN
            RAISE EXCEPTION 'mandate % is not due for renewal', NEW.renews_id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        IF (NEW.line_id, NEW.request_id, NEW.direction, NEW.reach, NEW.edge_sign) IS DISTINCT FROM
            (before.line_id, before.request_id, before.direction, before.reach, before.edge_sign)
        THEN
            RAISE EXCEPTION 'a renewal of mandate % changes more than the date of its review', before.id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        UPDATE overrides_mandate SET revoked_at = NEW.granted_at WHERE id = before.id;
    END IF;
    RETURN NEW;
END $$;
