-- Whether the owner allows other times than the clock's: for the demo's past months, and for tests.
CREATE OR REPLACE FUNCTION is_time_simulated() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM simulated_time)
$$;
