-- What stood on a line before version `number`, and where its path had come: the membership that this version closed.
CREATE OR REPLACE FUNCTION stood_on(line text, of_module text, number integer) RETURNS overrides_membership
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT * FROM overrides_membership AS m
    WHERE m.line_id = line AND m.module = of_module AND m.to_version = number
$$;
