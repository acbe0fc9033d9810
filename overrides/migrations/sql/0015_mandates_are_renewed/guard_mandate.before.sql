-- What a mandate rests on is read from its request when it is signed, so that it can be asked again later.
CREATE OR REPLACE FUNCTION guard_mandate() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    asked overrides_changerequest;
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
    RETURN NEW;
END $$;
