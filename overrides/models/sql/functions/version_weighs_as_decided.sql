-- Accepts coefficients of dm only, of known levers and within 0.5 to 2 (a copy of the table in
-- overrides/core/engine/definitions/coefficients.py), and only if those that the request was drafted against are still
-- in force.
CREATE OR REPLACE FUNCTION version_weighs_as_decided() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    asked overrides_changerequest;
    before jsonb;
    drafted jsonb;
    astray text;
BEGIN
    SELECT key INTO astray FROM jsonb_each(NEW.coefficients) WHERE NEW.module <> 'dm'
        OR NOT key ~ '^(curator|chain|cap|vol|age|intent|mapping_confidence|mcap_vol_ratio|timeframe)=.{1,64}$'
        OR NOT coalesce(jsonb_typeof(value) = 'number' AND value BETWEEN '0.5' AND '2', false) LIMIT 1;
    IF astray IS NOT NULL THEN
        RAISE EXCEPTION 'version %/%: coefficient % is no weight of dm', NEW.module, NEW.number, astray
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT * INTO asked FROM overrides_changerequest WHERE id = NEW.request_id;
    IF asked.kind <> 'lines' OR NOT asked.content ? 'coefficients' THEN
        RETURN NULL;
    END IF;
    SELECT coefficients INTO before FROM learning_configs
        WHERE module = NEW.module AND number < NEW.number ORDER BY number DESC LIMIT 1;
    SELECT coefficients INTO drafted FROM learning_configs
        WHERE module = NEW.module AND number = asked.base_version;
    IF coalesce(before, '{}') <> coalesce(drafted, '{}') THEN
        RAISE EXCEPTION 'version %/%: request % was drafted against other coefficients',
            NEW.module, NEW.number, asked.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
