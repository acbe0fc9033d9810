-- Check a permission that a person was given or lost, at commit: an audit entry states the person's permissions, and
-- the permission to approve has a notice.
CREATE OR REPLACE FUNCTION person_permission_is_audited() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    given constant auth_user_user_permissions := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    named constant text := person_object(given.user_id);
    stands constant boolean := EXISTS (
        SELECT FROM auth_user_user_permissions WHERE user_id = given.user_id AND permission_id = given.permission_id
    );
BEGIN
    PERFORM refuse_temporary_right(TG_OP, stands, named);
    PERFORM require_audited_value(named, 'permissions', permissions_of(given.user_id));
    IF stands AND is_review_permission(given.permission_id) AND may_review(given.user_id) THEN
        PERFORM require_notice(named);
    END IF;
    RETURN NULL;
END $$;
