-- Return the fields of a person that audit entries state; the password is not among them.
CREATE OR REPLACE FUNCTION person_fields(person auth_user) RETURNS jsonb
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT jsonb_build_object(
        'name', person.username, 'first_name', person.first_name, 'last_name', person.last_name,
        'email', person.email, 'is_active', person.is_active, 'is_staff', person.is_staff,
        'is_superuser', person.is_superuser
    )
$$;
