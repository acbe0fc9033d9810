-- Whether a request moves more than the policy's large_movement, by itself or together with what was applied by the
-- same route in the window before it.
CREATE OR REPLACE FUNCTION is_large(asked overrides_changerequest) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
    policy jsonb := policy_for(asked);
    moved double precision;
BEGIN
    SELECT coalesce(sum(movement), 0) INTO moved FROM overrides_changerequest
        WHERE module = asked.module AND route = asked.route AND state = 'applied' AND id <> asked.id
        AND closed_at > asked.closed_at - make_interval(secs => 86400 * (policy ->> 'window_days')::float8)
        AND closed_at <= asked.closed_at;
    RETURN coalesce(asked.movement + moved > (policy ->> 'large_movement')::float8, false);
END $$;
