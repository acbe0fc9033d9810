-- The steps that an applied request moved what is served, recomputed from its lines and the version it became.
CREATE OR REPLACE FUNCTION steps_of_request(asked overrides_changerequest) RETURNS float8
    LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
    published learning_configs;
    before jsonb;
    document jsonb;
    moved float8;
BEGIN
    SELECT * INTO published FROM learning_configs WHERE request_id = asked.id AND kind <> 'trial';
    IF published.id IS NULL OR published.kind = 'restored' THEN
        RETURN 0;  -- a mode or a policy moves no line, and a trial is not served
    END IF;
    SELECT p.document INTO document FROM overrides_parameterset AS p WHERE p.id = published.parameters_id;
    SELECT coalesce(sum(steps_of_line(document, l.channel, c.before_id, c.after_id)), 0) INTO moved
        FROM overrides_changeline AS c JOIN overrides_line AS l ON l.id = c.line_id WHERE c.request_id = asked.id;
    SELECT coefficients INTO before FROM learning_configs
        WHERE module = asked.module AND number < published.number ORDER BY number DESC LIMIT 1;
    RETURN moved + steps_of_weights(coalesce(before, '{}'), published.coefficients);
END $$;
