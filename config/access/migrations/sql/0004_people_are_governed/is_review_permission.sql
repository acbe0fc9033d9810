-- Return whether a permission is the one to approve change requests.
CREATE OR REPLACE FUNCTION is_review_permission(permission integer) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT permission_names(ARRAY[permission]) = '["overrides.review_changerequest"]'
$$;
