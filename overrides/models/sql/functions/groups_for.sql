-- The names of the groups whose members may approve a request; an empty list admits everybody. A request of any kind
-- other than lines has no size and therefore counts as large. The same rule in Python:
-- overrides/core/governance/governance_policy.py.
CREATE OR REPLACE FUNCTION groups_for(asked overrides_changerequest) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT CASE
        WHEN coalesce(policy -> 'large_groups', '[]') = '[]' OR (asked.kind = 'lines' AND NOT is_large(asked))
        THEN policy -> 'groups'
        ELSE policy -> 'large_groups'
    END FROM policy_for(asked) AS policy
$$;
