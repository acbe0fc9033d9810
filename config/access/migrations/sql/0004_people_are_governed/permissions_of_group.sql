-- Return the permissions of a group, as audit entries state them.
CREATE OR REPLACE FUNCTION permissions_of_group(chosen integer) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT permission_names(array_agg(permission_id)) FROM auth_group_permissions WHERE group_id = chosen
$$;
