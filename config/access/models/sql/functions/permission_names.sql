-- Return permissions as sorted names, app.codename, as audit entries state them.
CREATE OR REPLACE FUNCTION permission_names(chosen integer[]) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(jsonb_agg(name ORDER BY name COLLATE "C"), '[]') FROM (
        SELECT format('%s.%s', t.app_label, p.codename) AS name
        FROM auth_permission AS p JOIN django_content_type AS t ON t.id = p.content_type_id WHERE p.id = ANY (chosen)
    ) AS named
$$;
