-- Numbers, links and hashes each audit entry, one transaction at a time, so that the chain cannot fork. The same hash
-- in Python: telemetry/core/hash_chain.py.
CREATE OR REPLACE FUNCTION link_audit_entry() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    head record;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('telemetry_auditentry', 0));
    SELECT seq, hash INTO head FROM telemetry_auditentry ORDER BY seq DESC LIMIT 1;
    NEW.seq := coalesce(head.seq, 0) + 1;
    NEW.previous_hash := coalesce(head.hash, repeat('0', 64));
    NEW.hash := encode(sha256(convert_to(NEW.seq || '|' || NEW.previous_hash || '|' || NEW.content, 'UTF8')), 'hex');
    NEW.transaction := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END $$;
