-- Require an owner for each key, and allow only its owner, its revocation and its last use to change.
CREATE OR REPLACE FUNCTION guard_key() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    may_move constant text[] := ARRAY['owner_id', 'revoked_at', 'last_used_at'];
BEGIN
    IF NEW.owner_id IS NULL AND (TG_OP = 'INSERT' OR OLD.owner_id IS NOT NULL) THEN
        RAISE EXCEPTION 'key %: a key has an owner', NEW.prefix USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'UPDATE' AND (
        (to_jsonb(NEW) - may_move) IS DISTINCT FROM (to_jsonb(OLD) - may_move)
        OR OLD.revoked_at IS NOT NULL AND (NEW.revoked_at, NEW.owner_id) IS DISTINCT FROM (OLD.revoked_at, OLD.owner_id)
    ) THEN
        RAISE EXCEPTION 'key %: another role, secret or expiry is another key, and a revoked key stays revoked',
            OLD.prefix USING ERRCODE = 'integrity_constraint_violation', HINT = 'issue a key, and revoke this one';
    END IF;
    RETURN NEW;
END $$;
