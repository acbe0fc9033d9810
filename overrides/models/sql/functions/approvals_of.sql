-- The approvals of a request that count under the policy it is judged by.
CREATE OR REPLACE FUNCTION approvals_of(asked overrides_changerequest) RETURNS bigint
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT approvers_of(asked.id, asked.content_hash, asked.author_id, groups_for(asked))
$$;
