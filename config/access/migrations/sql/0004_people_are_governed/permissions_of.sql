-- Return the permissions that a person has directly, as audit entries state them.
CREATE OR REPLACE FUNCTION permissions_of(person integer) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT permission_names(array_agg(permission_id)) FROM auth_user_user_permissions WHERE user_id = person
$$;
