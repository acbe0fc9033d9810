-- Whether a line was last taken out of force at once, by a person or by the monitor, before version `number`. Only a
-- reviewed request brings it back: without this, a policy that lets lowering changes apply themselves would undo it.
-- A trial, which is never served, takes nothing out of force.
CREATE OR REPLACE FUNCTION went_at_once(line text, number bigint) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce((
        SELECT r.route = 'at_once' FROM overrides_membership AS m
        JOIN learning_configs AS v ON v.module = m.module AND v.number = m.to_version
            AND v.kind NOT IN ('trial', 'restored')
        JOIN overrides_changerequest AS r ON r.id = v.request_id
        WHERE m.line_id = line AND m.from_version < went_at_once.number
        ORDER BY m.to_version DESC LIMIT 1
    ), false)
$$;
