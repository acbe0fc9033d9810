-- A UUID that no UUIDv7 of a moment or later is below, and that every one of an earlier millisecond is: where the
-- partition of the decisions from that moment on begins.
CREATE OR REPLACE FUNCTION decision_id_floor(moment timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE AS $$
    SELECT rpad(lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;
