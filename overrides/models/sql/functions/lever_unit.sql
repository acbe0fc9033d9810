-- A lever's distance from neutral in the units in which it is blended: ln(value / neutral), or value - neutral.
CREATE OR REPLACE FUNCTION lever_unit(name text, value float8) RETURNS float8
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT CASE l.blend WHEN 'log' THEN ln(value / l.neutral::float8) ELSE value - l.neutral::float8 END
    FROM lever_table() AS l WHERE l.name = lever_unit.name
$$;
