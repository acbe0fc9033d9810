-- Lets the serving mode go away from neutral only together with an applied, reviewed request that says so; towards
-- neutral it goes at once, and the audit entry suffices.
CREATE OR REPLACE FUNCTION mode_is_decided() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    was overrides_modulemode;
    decided bigint;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        was := OLD;
    ELSE
        was.mode := 'off'; was.rollout_percent := 100; was.allow := '{}'::jsonb;
    END IF;
    IF array_position(ARRAY['off', 'shadow', 'on'], NEW.mode::text)
            <= array_position(ARRAY['off', 'shadow', 'on'], was.mode::text)
        AND NEW.rollout_percent <= was.rollout_percent
        AND (NEW.challenger_id IS NULL OR NEW.challenger_id IS NOT DISTINCT FROM was.challenger_id)
        AND NOT EXISTS (
            SELECT FROM jsonb_each(was.allow) AS each
            WHERE NOT NEW.allow ? each.key OR NOT each.value @> (NEW.allow -> each.key)
        )
    THEN
        RETURN NULL;  -- towards neutral, or no challenger any more: the audit entry suffices
    END IF;
    SELECT r.id INTO decided FROM overrides_changerequest AS r
        LEFT JOIN learning_configs AS c ON c.id = NEW.challenger_id
        WHERE r.module = NEW.module AND r.state = 'applied' AND r.route = 'review'
        AND is_this_transaction(r.transaction, r.epoch)
        AND CASE r.kind
            WHEN 'mode' THEN
                NEW.mode = coalesce(r.content ->> 'mode', was.mode)
                AND NEW.rollout_percent = coalesce((r.content ->> 'rollout_percent')::float8, was.rollout_percent)
                AND NEW.allow = coalesce(r.content -> 'allow', was.allow)
                AND CASE WHEN r.content ? 'challenger'
                    THEN c.number IS NOT DISTINCT FROM (r.content ->> 'challenger')::integer
                    ELSE NEW.challenger_id IS NOT DISTINCT FROM was.challenger_id
                END
            WHEN 'trial' THEN
                (NEW.mode, NEW.rollout_percent, NEW.allow) = (was.mode, was.rollout_percent, was.allow)
                AND c.kind = 'trial' AND c.request_id = r.id
            ELSE false
        END
        ORDER BY r.id DESC LIMIT 1;
    IF decided IS NULL THEN
        RAISE EXCEPTION 'mode %: going away from neutral takes an applied request that says so', NEW.module
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    PERFORM refuse_undecided(decided, NEW.module, ARRAY['mode', 'trial']);
    RETURN NULL;
END $$;
