-- How many people sign a mandate now: those who approve its renewal if it is a renewed one, else those who approve its
-- request. Who may not vote any more does not count.
CREATE OR REPLACE FUNCTION signers_of(mandate bigint) RETURNS bigint
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT CASE
        WHEN m.renews_id IS NOT NULL THEN renewers_of(m.renews_id, m.voter_groups)
        ELSE approvers_of(r.id, r.content_hash, r.author_id, m.voter_groups)
    END
    FROM overrides_mandate AS m JOIN overrides_changerequest AS r ON r.id = m.request_id WHERE m.id = mandate
$$;
