-- Whether a mandate may be renewed: it is not revoked, its line is in force, and its review is due within two weeks or
-- overdue, or it was renewed before by people of whom too few may still vote. The days are those of
-- overrides/core/governance/mandates.py.
CREATE OR REPLACE FUNCTION may_be_renewed(given overrides_mandate, at timestamptz) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT given.revoked_at IS NULL
    AND EXISTS (SELECT FROM overrides_membership WHERE line_id = given.line_id AND to_version IS NULL)
    AND (
        given.review_by <= at + make_interval(days => 14)
        OR given.renews_id IS NOT NULL AND signers_of(given.id) < given.approvals_needed
    )
$$;
