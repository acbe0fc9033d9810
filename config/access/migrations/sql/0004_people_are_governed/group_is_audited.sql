-- Check a group that was added, renamed or deleted, at commit: audit entries state the name, also for each member.
CREATE OR REPLACE FUNCTION group_is_audited() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    named text;
    member integer;
BEGIN
    IF TG_OP = 'DELETE' THEN
        named := format('group %s', OLD.name);
        PERFORM refuse_unaudited(
            EXISTS (
                SELECT FROM telemetry_auditentry
                WHERE object = named AND is_this_transaction(transaction, epoch) AND content::jsonb -> 'after' = 'null'
            ),
            named,
            'its removal'
        );
        RETURN NULL;
    END IF;
    IF NEW.name IS NOT DISTINCT FROM OLD.name THEN
        RETURN NULL;
    END IF;
    SELECT format('group %s', name) INTO named FROM auth_group WHERE id = NEW.id;
    PERFORM require_audited_value(coalesce(named, format('group %s', NEW.name)), 'name', to_jsonb(NEW.name));
    IF TG_OP = 'UPDATE' THEN
        PERFORM refuse_unaudited(is_rename_audited(named, OLD.name), named, format('the name before, %s', OLD.name));
        FOR member IN SELECT user_id FROM auth_user_groups WHERE group_id = NEW.id LOOP
            PERFORM require_audited_value(person_object(member), 'groups', groups_of(member));
        END LOOP;
    END IF;
    RETURN NULL;
END $$;
