-- Check a membership that was added or removed, at commit: an audit entry states the person's groups, and a group that
-- lets the person approve has a notice.
CREATE OR REPLACE FUNCTION membership_is_audited() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    given constant auth_user_groups := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    named constant text := person_object(given.user_id);
    stands constant boolean := EXISTS (
        SELECT FROM auth_user_groups WHERE user_id = given.user_id AND group_id = given.group_id
    );
BEGIN
    PERFORM refuse_temporary_right(TG_OP, stands, named);
    PERFORM require_audited_value(named, 'groups', groups_of(given.user_id));
    IF stands AND may_review(given.user_id) AND EXISTS (
        SELECT FROM auth_group_permissions WHERE group_id = given.group_id AND is_review_permission(permission_id)
    ) THEN
        PERFORM require_notice(named);
    END IF;
    RETURN NULL;
END $$;
