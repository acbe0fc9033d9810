-- Number, link and hash an entry. One advisory lock serialises the writers, so that the chain cannot fork.
-- Format 2 signs everything that an entry says, its time and transaction included; see telemetry.core.hash_chain.
CREATE OR REPLACE FUNCTION link_audit_entry() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    head record;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('telemetry_auditentry', 0));
    PERFORM refuse_other_time(NEW.written_at, 'telemetry_auditentry.written_at');
    SELECT seq, hash INTO head FROM telemetry_auditentry ORDER BY seq DESC LIMIT 1;
    NEW.seq := coalesce(head.seq, 0) + 1;
    NEW.previous_hash := coalesce(head.hash, repeat('0', 64));
    NEW.format := 2;
    NEW.transaction := pg_current_xact_id()::text::bigint;
    NEW.epoch := current_epoch();
    NEW.hash := encode(sha256(convert_to(concat_ws(
        '|', NEW.format, NEW.seq, NEW.previous_hash,
        to_char(NEW.written_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        NEW.transaction, NEW.epoch, NEW.content
    ), 'UTF8')), 'hex');
    RETURN NEW;
END $$;
