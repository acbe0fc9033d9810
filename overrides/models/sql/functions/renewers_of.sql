-- Who approves the renewal of a mandate and may still do so, if the votes of the named groups count.
CREATE OR REPLACE FUNCTION renewers_of(mandate bigint, named jsonb) RETURNS bigint
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT count(DISTINCT n.voter_id) FROM overrides_mandaterenewal AS n
    JOIN overrides_mandate AS m ON m.id = n.mandate_id
    JOIN overrides_changerequest AS r ON r.id = m.request_id
    WHERE n.mandate_id = mandate AND n.voter_id IS DISTINCT FROM r.author_id
    AND may_review(n.voter_id) AND is_of_groups(n.voter_id, named)
$$;
