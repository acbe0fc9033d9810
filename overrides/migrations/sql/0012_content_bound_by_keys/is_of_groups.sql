-- Whether a person is a member of one of the named groups; no name stands for everybody.
CREATE OR REPLACE FUNCTION is_of_groups(person integer, named jsonb) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT named = '[]' OR EXISTS (
        SELECT FROM auth_user_groups AS m JOIN auth_group AS g ON g.id = m.group_id
        WHERE m.user_id = person AND named ? g.name
    )
$$;
