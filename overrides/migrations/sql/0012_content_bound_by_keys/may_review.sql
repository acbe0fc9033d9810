-- Whether a person may decide about requests now: active, and with the permission, directly or by a group.
CREATE OR REPLACE FUNCTION may_review(person integer) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM auth_user AS u WHERE u.id = person AND u.is_active AND (
            u.is_superuser OR EXISTS (
                SELECT FROM auth_permission AS p JOIN django_content_type AS t ON t.id = p.content_type_id
                WHERE t.app_label = 'overrides' AND p.codename = 'review_changerequest' AND (
                    EXISTS (
                        SELECT FROM auth_user_user_permissions AS own
                        WHERE own.user_id = u.id AND own.permission_id = p.id
                    ) OR EXISTS (
                        SELECT FROM auth_user_groups AS m
                        JOIN auth_group_permissions AS g ON g.group_id = m.group_id
                        WHERE m.user_id = u.id AND g.permission_id = p.id
                    )
                )
            )
        )
    )
$$;
