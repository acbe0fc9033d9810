-- Refuses a row whose transaction has not written an audit entry for the object it belongs to. Arguments: a format of
-- the object's name, then the one or two columns that fill it.
CREATE OR REPLACE FUNCTION require_audit() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    fields jsonb := to_jsonb(CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END);
    named text := format(TG_ARGV[0], fields ->> TG_ARGV[1], fields ->> TG_ARGV[2]);
BEGIN
    IF NOT is_audited(named) THEN
        RAISE EXCEPTION '% on % without an audit entry of "%" in its transaction', TG_OP, TG_TABLE_NAME, named
            USING ERRCODE = 'integrity_constraint_violation', HINT = 'write through the verbs of overrides';
    END IF;
    RETURN NULL;
END $$;
