-- Return the sorted names of a person's groups, as audit entries state them.
CREATE OR REPLACE FUNCTION groups_of(person integer) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(jsonb_agg(g.name ORDER BY g.name COLLATE "C"), '[]')
    FROM auth_user_groups AS m JOIN auth_group AS g ON g.id = m.group_id WHERE m.user_id = person
$$;
