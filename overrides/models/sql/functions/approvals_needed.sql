-- How many approvals a request needs: the policy's number, or its number for large movements where the request is
-- large. A policy that names none still needs one.
CREATE OR REPLACE FUNCTION approvals_needed(asked overrides_changerequest) RETURNS integer
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT greatest(  -- a policy that names none does not open the door
        1,
        (policy ->> 'approvals')::integer,
        CASE WHEN is_large(asked) THEN (policy ->> 'large_approvals')::integer END
    ) FROM policy_for(asked) AS policy
$$;
