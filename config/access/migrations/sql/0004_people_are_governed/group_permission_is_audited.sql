-- Check a permission that a group was given or lost, at commit: an audit entry states the group's permissions, and a
-- permission by which a member may approve has a notice. The permissions of a deleted group go with its own entry.
CREATE OR REPLACE FUNCTION group_permission_is_audited() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    given constant auth_group_permissions := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    named constant text := (SELECT format('group %s', name) FROM auth_group WHERE id = given.group_id);
    stands constant boolean := EXISTS (
        SELECT FROM auth_group_permissions WHERE group_id = given.group_id AND permission_id = given.permission_id
    );
BEGIN
    IF named IS NULL AND TG_OP = 'DELETE' THEN
        RETURN NULL;
    END IF;
    PERFORM refuse_temporary_right(TG_OP, stands, named);
    PERFORM require_audited_value(named, 'permissions', permissions_of_group(given.group_id));
    IF stands AND is_review_permission(given.permission_id) AND EXISTS (
        SELECT FROM auth_user_groups WHERE group_id = given.group_id AND may_review(user_id)
    ) THEN
        PERFORM require_notice(named);
    END IF;
    RETURN NULL;
END $$;
