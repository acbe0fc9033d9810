-- Return a name in lower case and without compatibility characters: two names with the same key look the same.
CREATE OR REPLACE FUNCTION person_name_key(name text) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT lower(normalize(name, NFKC))
$$;
