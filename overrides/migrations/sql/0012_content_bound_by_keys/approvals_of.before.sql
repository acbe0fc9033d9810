-- How many approvals a request has: the latest vote of each person on its present content, without its author's own
-- and, where the policy names groups, without those of people outside them.
CREATE OR REPLACE FUNCTION approvals_of(asked overrides_changerequest) RETURNS bigint
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    WITH latest AS (
        SELECT DISTINCT ON (voter_id) voter_id, decision FROM overrides_vote
        WHERE request_id = asked.id AND content_hash = asked.content_hash
        ORDER BY voter_id, id DESC
    )
    SELECT count(*) FROM latest, groups_for(asked) AS named
    WHERE decision = 'approve' AND voter_id IS DISTINCT FROM asked.author_id AND (
        named = '[]'
        OR EXISTS (
            SELECT FROM auth_user_groups AS m JOIN auth_group AS g ON g.id = m.group_id
            WHERE m.user_id = latest.voter_id AND named ? g.name
        )
    )
$$;
