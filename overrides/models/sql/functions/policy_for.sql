-- The policy by which a request is judged: the one in force before it, which for a policy request is the one it
-- replaces. Without any policy the defaults of overrides/core/governance/governance_policy.py hold.
CREATE OR REPLACE FUNCTION policy_for(asked overrides_changerequest) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(
        (
            SELECT document FROM overrides_modulepolicy
            WHERE module = asked.module AND request_id <> asked.id
            ORDER BY is_active DESC, number DESC LIMIT 1
        ),
        '{"approvals": 1, "groups": [], "large_movement": null}'::jsonb
    )
$$;
