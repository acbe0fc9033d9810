-- Return how audit entries name a person, by the current name.
CREATE OR REPLACE FUNCTION person_object(person integer) RETURNS text
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT format('person %s', username) FROM auth_user WHERE id = person
$$;
