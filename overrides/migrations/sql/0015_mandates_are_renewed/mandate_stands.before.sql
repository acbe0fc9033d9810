-- Whether a mandate counts: not revoked, within its term, and enough of its signers may still sign it.
CREATE OR REPLACE FUNCTION mandate_stands(given overrides_mandate, at timestamptz) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT given.revoked_at IS NULL AND given.review_by > at AND approvers_of(
        r.id, r.content_hash, r.author_id, given.voter_groups
    ) >= given.approvals_needed
    FROM overrides_changerequest AS r WHERE r.id = given.request_id
$$;
