-- A request is approved, scheduled and applied by the votes that it needs, and applied only together with what it brings.
-- What its transaction takes back again is not judged.
CREATE OR REPLACE FUNCTION request_is_decided() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    asked overrides_changerequest := NEW;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('telemetry_auditentry', 0));  -- see link_audit_entry
    IF NEW.state = OLD.state OR OLD.state = 'scheduled' AND NEW.state = 'approved'
        OR NEW.state <> (SELECT state FROM overrides_changerequest WHERE id = NEW.id)
    THEN
        RETURN NULL;
    END IF;
    asked.closed_at := coalesce(NEW.closed_at, clock_timestamp());  -- its size counts with what was applied before
    IF NEW.route = 'review' AND approvals_of(asked) < approvals_needed(asked) THEN
        RAISE EXCEPTION 'request % has % of % approvals of its content by others than its author',
            NEW.id, approvals_of(asked), approvals_needed(asked)
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state = 'applied' AND NOT (CASE NEW.kind
        WHEN 'mode' THEN true
        WHEN 'policy' THEN EXISTS (SELECT FROM overrides_modulepolicy WHERE request_id = NEW.id AND is_active)
        ELSE EXISTS (SELECT FROM learning_configs WHERE request_id = NEW.id)
    END) THEN
        RAISE EXCEPTION 'request % is applied without what it brings', NEW.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
