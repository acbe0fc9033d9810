"""The audit trail's hash chain: the database numbers, links and hashes each entry, and lets none be changed.

One advisory lock serialises writers, so the chain cannot fork; hash = sha256(seq | previous hash | content), the same
as `telemetry.core.chain.link`.
"""

from __future__ import annotations

from django.db import migrations

CHAIN = """
CREATE FUNCTION link_audit_entry() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
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
CREATE TRIGGER link_audit_entry BEFORE INSERT ON telemetry_auditentry
    FOR EACH ROW EXECUTE FUNCTION link_audit_entry();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON telemetry_auditentry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_is_not_truncated BEFORE TRUNCATE ON telemetry_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

UNCHAIN = """
DROP TRIGGER audit_is_not_truncated ON telemetry_auditentry;
DROP TRIGGER audit_is_append_only ON telemetry_auditentry;
DROP TRIGGER link_audit_entry ON telemetry_auditentry;
DROP FUNCTION refuse_change();
DROP FUNCTION link_audit_entry();
"""


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0003_decision_partitions")]
    operations = [migrations.RunSQL(CHAIN, UNCHAIN)]
