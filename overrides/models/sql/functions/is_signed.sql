-- Whether anybody has voted on this content of a request.
CREATE OR REPLACE FUNCTION is_signed(request bigint, content text) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM overrides_vote WHERE request_id = request AND content_hash = content)
$$;
