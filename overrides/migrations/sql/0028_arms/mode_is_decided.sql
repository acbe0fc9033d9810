-- Lets the serving mode go away from neutral only together with an applied, reviewed request that says so; towards
-- neutral it goes at once, and the audit entry suffices. The share held back is part of what is measured, so it changes
-- by a request in both directions. Ending an arm is towards neutral; every other change of what is explored takes a
-- request. The salt of a roll-out stays while the roll-out serves some callers and not others.
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
        was.rollout_salt := ''; was.holdback_percent := 0; was.arms := '{}'::jsonb;
    END IF;
    IF array_position(ARRAY['off', 'shadow', 'on'], NEW.mode::text)
            <= array_position(ARRAY['off', 'shadow', 'on'], was.mode::text)
        AND NEW.rollout_percent <= was.rollout_percent
        AND NEW.holdback_percent = was.holdback_percent
        AND (NEW.rollout_salt = was.rollout_salt OR was.rollout_percent IN (0, 100))
        AND (NEW.challenger_id IS NULL OR NEW.challenger_id IS NOT DISTINCT FROM was.challenger_id)
        AND NOT EXISTS (
            SELECT FROM jsonb_each(was.allow) AS each
            WHERE NOT NEW.allow ? each.key OR NOT each.value @> (NEW.allow -> each.key)
        )
        AND NOT EXISTS (
            SELECT FROM jsonb_each(NEW.arms) AS each WHERE each.value IS DISTINCT FROM was.arms -> each.key
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
                AND NEW.holdback_percent = coalesce((r.content ->> 'holdback_percent')::float8, was.holdback_percent)
                AND NEW.arms = coalesce(r.content -> 'arms', was.arms)
                AND (NEW.rollout_salt = was.rollout_salt OR was.mode <> 'on' OR was.rollout_percent IN (0, 100))
                AND CASE WHEN r.content ? 'challenger'
                    THEN c.number IS NOT DISTINCT FROM (r.content ->> 'challenger')::integer
                    ELSE NEW.challenger_id IS NOT DISTINCT FROM was.challenger_id
                END
            WHEN 'trial' THEN
                (NEW.mode, NEW.rollout_percent, NEW.allow, NEW.rollout_salt, NEW.holdback_percent, NEW.arms)
                    = (was.mode, was.rollout_percent, was.allow, was.rollout_salt, was.holdback_percent, was.arms)
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
