-- Who approves a content by their latest word on it and may still do so: the votes that count at this moment.
CREATE OR REPLACE FUNCTION approvers_of(request bigint, content text, author integer, named jsonb) RETURNS bigint
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    WITH latest AS (
        SELECT DISTINCT ON (voter_id) voter_id, decision FROM overrides_vote
        WHERE request_id = request AND content_hash = content
        ORDER BY voter_id, id DESC
    )
    SELECT count(*) FROM latest
    WHERE decision = 'approve' AND voter_id IS DISTINCT FROM author
    AND may_review(voter_id) AND is_of_groups(voter_id, named)
$$;
