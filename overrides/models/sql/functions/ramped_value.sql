-- Where a lever stands `hours` after its path began: core.engine.ramp.ramped.
CREATE OR REPLACE FUNCTION ramped_value(name text, step float8, start float8, target float8, hours float8) RETURNS float8
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT CASE l.blend  -- the table has a column step as well, which would be taken for the argument
        WHEN 'linear' THEN
            start + sign(target - start) * least(
                abs(target - start), ramped_value.step * greatest(0, hours) / 24
            )
        ELSE
            start * exp(sign(ln(target / start)) * least(
                abs(ln(target / start)), ln(1 + ramped_value.step) * greatest(0, hours) / 24
            ))
    END
    FROM lever_table() AS l WHERE l.name = ramped_value.name
$$;
