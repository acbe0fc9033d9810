-- Evidence is written with its edition, in its transaction, and not larger than a page can read; the database numbers
-- and hashes it. Nobody adds afterwards what was known.
CREATE OR REPLACE FUNCTION guard_request_evidence() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    asked overrides_changerequest;
BEGIN
    NEW.id := nextval(pg_get_serial_sequence('overrides_requestevidence', 'id'));
    SELECT * INTO asked FROM overrides_changerequest WHERE id = NEW.request_id;
    IF asked.id IS NULL THEN
        RAISE EXCEPTION 'evidence is written after its request' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.edition <> asked.edition OR NOT is_this_transaction(asked.edited_transaction, asked.edited_epoch) THEN
        RAISE EXCEPTION 'request %: its evidence is written only with its edition, in one transaction', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF octet_length(NEW.document) > 1048576 OR jsonb_typeof(NEW.document::jsonb) <> 'object' THEN
        RAISE EXCEPTION 'request %: its evidence is a JSON object of at most 1 MiB', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NEW.document_hash := encode(sha256(convert_to(NEW.document, 'UTF8')), 'hex');
    RETURN NEW;
END $$;
