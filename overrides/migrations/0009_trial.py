"""A version that is never served: a trial, put in and taken out again by two versions of one transaction.

Version N (trial) is what its request says and never active; N+1 (restored) is active and is what was in force before N,
with ramps where they were. So the newest version is the one in force, and N can be named as a challenger.
"""

from __future__ import annotations

from importlib import import_module

from django.db import migrations, models
from django.db.models import Q

VERSION_KINDS = [(each, each.title()) for each in ("lines", "parameters", "rollback", "trial", "restored")]
REQUEST_KINDS = [(each, each.title()) for each in ("lines", "parameters", "mode", "policy", "rollback", "trial")]

FUNCTIONS = """
CREATE FUNCTION trial_is_decided() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    asked overrides_changerequest;
    before learning_configs;
    astray text;
BEGIN
    PERFORM refuse_undecided(NEW.request_id, NEW.module, ARRAY['trial']);
    SELECT * INTO asked FROM overrides_changerequest WHERE id = NEW.request_id;
    IF asked.route <> 'review' THEN
        RAISE EXCEPTION 'request % was not reviewed and may move lines alone', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT * INTO before FROM learning_configs WHERE module = NEW.module AND number = NEW.number - 1;
    IF before.id IS NULL OR NOT EXISTS (
        SELECT FROM learning_configs WHERE module = NEW.module AND number = NEW.number + 1
        AND kind = 'restored' AND request_id = asked.id AND transaction = NEW.transaction
    ) THEN
        RAISE EXCEPTION 'trial %/% stands between a version and its restoration', NEW.module, NEW.number
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;

    WITH opened AS (
        SELECT line_id, override_id, to_version FROM overrides_membership
        WHERE module = NEW.module AND from_version = NEW.number
    ), closed AS (
        SELECT line_id FROM overrides_membership WHERE module = NEW.module AND to_version = NEW.number
    ), brought AS (
        SELECT line_id, after_id, NEW.number + 1 FROM overrides_changeline
        WHERE request_id = asked.id AND after_id IS NOT NULL
    ), replaced AS (
        SELECT line_id FROM overrides_changeline WHERE request_id = asked.id AND before_id IS NOT NULL
    )
    SELECT line_id INTO astray FROM (
        (TABLE opened EXCEPT TABLE brought) UNION ALL (TABLE brought EXCEPT TABLE opened)
        UNION ALL ((SELECT line_id, '', 0 FROM closed) EXCEPT (SELECT line_id, '', 0 FROM replaced))
        UNION ALL ((SELECT line_id, '', 0 FROM replaced) EXCEPT (SELECT line_id, '', 0 FROM closed))
    ) AS differences LIMIT 1;
    IF astray IS NOT NULL THEN
        RAISE EXCEPTION 'trial %/% differs from request % at line %', NEW.module, NEW.number, asked.id, astray
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.coefficients <> before.coefficients
        OR (SELECT document FROM overrides_parameterset WHERE id = NEW.parameters_id) <> asked.content
        OR before.parameters_id <> asked.base_parameters
    THEN
        RAISE EXCEPTION 'trial %/% has constants that request % does not hold', NEW.module, NEW.number, asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

-- Only what the trial moved is looked at: whoever else opens or closes a membership names a version of their own.
CREATE FUNCTION restored_is_what_was() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    trial learning_configs;
    before learning_configs;
    astray text;
BEGIN
    PERFORM refuse_undecided(NEW.request_id, NEW.module, ARRAY['trial']);
    SELECT * INTO trial FROM learning_configs WHERE module = NEW.module AND number = NEW.number - 1;
    SELECT * INTO before FROM learning_configs WHERE module = NEW.module AND number = NEW.number - 2;
    IF trial.kind IS DISTINCT FROM 'trial' OR trial.request_id <> NEW.request_id
        OR trial.transaction <> NEW.transaction OR NOT NEW.is_active
    THEN
        RAISE EXCEPTION 'version %/% restores nothing: no trial came before it, or it is not in force',
            NEW.module, NEW.number USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.parameters_id, NEW.coefficients, NEW.n_overrides, NEW.content_hash) IS DISTINCT FROM
        (before.parameters_id, before.coefficients, before.n_overrides, before.content_hash)
    THEN
        RAISE EXCEPTION 'version %/% has other constants than the one it restores', NEW.module, NEW.number
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    WITH was AS (
        SELECT line_id, override_id, path_from, path_since FROM overrides_membership
        WHERE module = NEW.module AND to_version = trial.number
    ), again AS (
        SELECT line_id, override_id, path_from, path_since FROM overrides_membership
        WHERE module = NEW.module AND from_version = NEW.number
    ), tried AS (
        SELECT line_id, to_version FROM overrides_membership
        WHERE module = NEW.module AND from_version = trial.number
    )
    SELECT line_id INTO astray FROM (
        SELECT line_id FROM ((TABLE was EXCEPT TABLE again) UNION ALL (TABLE again EXCEPT TABLE was)) AS differences
        UNION ALL SELECT line_id FROM tried WHERE to_version IS DISTINCT FROM NEW.number
    ) AS strays LIMIT 1;
    IF astray IS NOT NULL THEN
        RAISE EXCEPTION 'version %/% differs from the one it restores at line %', NEW.module, NEW.number, astray
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION membership_is_of_its_version() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
DECLARE
    of_number constant integer := CASE TG_OP WHEN 'INSERT' THEN NEW.from_version ELSE NEW.to_version END;
    opener learning_configs;
    is_meant boolean;
BEGIN
    SELECT * INTO opener FROM learning_configs
        WHERE module = NEW.module AND number = of_number AND transaction = pg_current_xact_id()::text::bigint;
    IF opener.id IS NULL THEN
        RAISE EXCEPTION 'a membership of % is opened or closed only by the version that does it', NEW.module
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF opener.kind = 'restored' AND TG_OP = 'INSERT' THEN
        is_meant := EXISTS (
            SELECT FROM overrides_membership AS was
            WHERE was.module = NEW.module AND was.to_version = of_number - 1
            AND (was.line_id, was.override_id, was.path_from, was.path_since)
                IS NOT DISTINCT FROM (NEW.line_id, NEW.override_id, NEW.path_from, NEW.path_since)
        );
    ELSIF opener.kind = 'restored' THEN
        is_meant := NEW.from_version = of_number - 1;
    ELSE
        is_meant := EXISTS (
            SELECT FROM overrides_changeline WHERE request_id = opener.request_id AND line_id = NEW.line_id
            AND CASE TG_OP WHEN 'INSERT' THEN after_id = NEW.override_id ELSE before_id IS NOT NULL END
        );
    END IF;
    IF NOT is_meant THEN
        RAISE EXCEPTION 'version %/% differs from request % at line %',
            NEW.module, of_number, opener.request_id, NEW.line_id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION mode_is_decided() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
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
        AND r.transaction = pg_current_xact_id()::text::bigint
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

"""
TRIGGERS = """
DROP TRIGGER version_is_decided ON learning_configs;
CREATE CONSTRAINT TRIGGER version_is_decided AFTER INSERT ON learning_configs DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.kind NOT IN ('trial', 'restored')) EXECUTE FUNCTION version_is_decided();
CREATE CONSTRAINT TRIGGER version_is_replaced AFTER UPDATE ON learning_configs DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION version_is_decided();
CREATE CONSTRAINT TRIGGER trial_is_decided AFTER INSERT ON learning_configs DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.kind = 'trial') EXECUTE FUNCTION trial_is_decided();
CREATE CONSTRAINT TRIGGER restored_is_what_was AFTER INSERT ON learning_configs DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.kind = 'restored') EXECUTE FUNCTION restored_is_what_was();
"""
UNDONE = """
DROP TRIGGER version_is_decided ON learning_configs;
DROP TRIGGER version_is_replaced ON learning_configs;
DROP TRIGGER trial_is_decided ON learning_configs;
DROP TRIGGER restored_is_what_was ON learning_configs;
DROP FUNCTION trial_is_decided();
DROP FUNCTION restored_is_what_was();
CREATE CONSTRAINT TRIGGER version_is_decided AFTER INSERT OR UPDATE ON learning_configs DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION version_is_decided();
"""


def replaced_before() -> str:
    """The two functions as they were."""
    facts = import_module("overrides.migrations.0005_facts_govern")
    texts = (facts.VERSIONS, facts.OTHERS)
    names = ("membership_is_of_its_version", "mode_is_decided")
    ends = (text.partition(f"CREATE FUNCTION {name}()")[2] for text, name in zip(texts, names, strict=True))
    bodies = (end.partition("END $$;")[0] for end in ends)
    pairs = zip(names, bodies, strict=True)
    return "".join(f"CREATE OR REPLACE FUNCTION {name}(){body}END $$;\n" for name, body in pairs)


class Migration(migrations.Migration):
    dependencies = [("overrides", "0008_coefficients_govern")]
    operations = [
        migrations.AlterField("version", "kind", models.CharField(max_length=10, choices=VERSION_KINDS)),
        migrations.AlterField("changerequest", "kind", models.CharField(max_length=10, choices=REQUEST_KINDS)),
        migrations.RemoveConstraint("version", "one_version_per_request"),
        migrations.AddConstraint(
            "version",
            models.UniqueConstraint(fields=["request"], condition=~Q(kind="restored"), name="one_version_per_request"),
        ),
        migrations.AddConstraint(
            "version",
            models.UniqueConstraint(
                fields=["request"], condition=Q(kind="restored"), name="one_restored_version_per_request"
            ),
        ),
        migrations.AddConstraint(
            "version",
            models.CheckConstraint(condition=~Q(kind="trial", is_active=True), name="trial_is_never_active"),
        ),
        migrations.RunSQL(FUNCTIONS + TRIGGERS, UNDONE + replaced_before()),
    ]
