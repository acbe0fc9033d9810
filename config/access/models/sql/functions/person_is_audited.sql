-- Check an added or changed person at commit: audit entries state each new value and that a password is new. Whatever
-- lets somebody approve, and a password that another person sets for somebody who approves, has a notice.
CREATE OR REPLACE FUNCTION person_is_audited() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    named constant text := person_object(NEW.id);
    stood constant jsonb := CASE TG_OP WHEN 'UPDATE' THEN person_fields(OLD) ELSE '{}' END;
    has_new_password constant boolean := NEW.password IS DISTINCT FROM OLD.password;
    field record;
BEGIN
    FOR field IN SELECT key, value FROM jsonb_each(person_fields(NEW)) LOOP
        IF field.value IS DISTINCT FROM stood -> field.key THEN
            PERFORM require_audited_value(named, field.key, field.value);
        END IF;
    END LOOP;
    IF NEW.username <> OLD.username THEN
        PERFORM refuse_unaudited(
            is_rename_audited(named, OLD.username), named, format('the name before, %s', OLD.username)
        );
    END IF;
    IF has_new_password THEN
        PERFORM refuse_unaudited(audited_value(named, 'password') IS NOT NULL, named, 'a new password');
    END IF;
    IF may_review(NEW.id) AND (
        TG_OP = 'INSERT' OR NOT OLD.is_active OR NEW.is_superuser AND NOT OLD.is_superuser
        OR has_new_password AND password_is_of_another(named, NEW.username)
    ) THEN
        PERFORM require_notice(named);
    END IF;
    RETURN NULL;
END $$;
