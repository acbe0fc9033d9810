-- Check a key that was issued, assigned or revoked, at commit: an audit entry under its prefix states it.
CREATE OR REPLACE FUNCTION key_is_audited() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    named constant text := format('key %s', NEW.prefix);
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM require_audited_value(named, 'name', to_jsonb(NEW.name));
        PERFORM require_audited_value(named, 'role', to_jsonb(NEW.role));
    END IF;
    IF NEW.owner_id IS DISTINCT FROM OLD.owner_id THEN
        PERFORM require_audited_value(
            named, 'owner', (SELECT to_jsonb(username) FROM auth_user WHERE id = NEW.owner_id)
        );
    END IF;
    IF NEW.revoked_at IS DISTINCT FROM OLD.revoked_at THEN
        PERFORM refuse_unaudited(audited_value(named, 'revoked_at') IS NOT NULL, named, 'its end');
    END IF;
    RETURN NULL;
END $$;
