"""The database's own check of governance: deferred triggers that look at facts, so that no path leads around it.

A governed write has an audit entry of its own transaction. A version holds what its request says and nothing else,
and the request has the votes of others than its author, or live mandates for every line, or only takes lines away.
A mode rises, and a policy or a mandate comes, only in the transaction that applies its request. What was signed cannot
be edited under its signature; what was closed is not opened again. Each row is looked at by itself too, because whoever
asks the triggers early (SET CONSTRAINTS) has them ask no second time. The moves between states are those of
`core.governance.request_states`, frozen here. What is in force now stands in `overrides/models/sql`: later migrations
replaced some functions and a trigger of this one.
"""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from telemetry.migrations._role import execute_for_role

AUDIT = """
CREATE FUNCTION is_audited(named text) RETURNS boolean LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM telemetry_auditentry
        WHERE object = named AND transaction = pg_current_xact_id()::text::bigint
    )
$$;

-- Arguments: a format for the object's name, then the columns that fill it.
CREATE FUNCTION require_audit() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
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

-- Whoever writes the audit trail holds its lock until commit, so its newest entry is this transaction's, or nobody's.
CREATE FUNCTION require_any_audit() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF (SELECT transaction FROM telemetry_auditentry ORDER BY seq DESC LIMIT 1)
        IS DISTINCT FROM pg_current_xact_id()::text::bigint
    THEN
        RAISE EXCEPTION '% on % without an audit entry in its transaction', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation', HINT = 'write through the verbs of overrides';
    END IF;
    RETURN NULL;
END $$;
"""

REQUESTS = """
CREATE FUNCTION guard_request() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    moves constant text[] := ARRAY[{moves}];
    afterwards constant text[] := ARRAY['acknowledged_at', 'acknowledged_by'];
BEGIN
    NEW.transaction := 0;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state NOT IN ('draft', 'in_review') THEN
            RAISE EXCEPTION 'a request begins as a draft or in review, not %', NEW.state
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    NEW.transaction := OLD.transaction;
    IF OLD.state IN ('applied', 'rejected', 'cancelled', 'expired', 'failed')
        AND (to_jsonb(NEW) - afterwards) IS DISTINCT FROM (to_jsonb(OLD) - afterwards)
    THEN
        RAISE EXCEPTION 'request % is closed: it is not changed any more', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state <> OLD.state AND NOT (OLD.state || ' ' || NEW.state) = ANY (moves) THEN
        RAISE EXCEPTION 'request %: no step leads from % to %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.state = 'draft' AND NEW.state = 'applied' AND NEW.route = 'review' THEN
        RAISE EXCEPTION 'request %: a draft is applied at once or under mandates, not by the route of reviews', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.module, NEW.kind, NEW.route, NEW.author_id, NEW.author_name, NEW.created_at, NEW.split_from_id)
        IS DISTINCT FROM
        (OLD.module, OLD.kind, OLD.route, OLD.author_id, OLD.author_name, OLD.created_at, OLD.split_from_id)
    THEN
        RAISE EXCEPTION 'request %: what kind it is, by which route and whose, is not changed', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state = 'applied' AND OLD.state <> 'applied' THEN
        IF NEW.closed_at IS NULL THEN
            RAISE EXCEPTION 'request %: was applied at some time; closed_at says when', OLD.id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        NEW.transaction := pg_current_xact_id()::text::bigint;
    END IF;
    IF NEW.content_hash = OLD.content_hash AND is_signed(OLD.id, OLD.content_hash) AND
        (NEW.content, NEW.base_parameters, NEW.edition, NEW.movement)
        IS DISTINCT FROM
        (OLD.content, OLD.base_parameters, OLD.edition, OLD.movement)
    THEN
        RAISE EXCEPTION 'request %: what was voted on is not changed under its votes', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.content_hash <> OLD.content_hash
        AND (NEW.edition <= OLD.edition OR is_signed(OLD.id, NEW.content_hash))
    THEN
        RAISE EXCEPTION 'request %: another content is another edition, without votes', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION is_signed(request bigint, content text) RETURNS boolean LANGUAGE sql STABLE
    SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM overrides_vote WHERE request_id = request AND content_hash = content)
$$;

CREATE FUNCTION guard_change_line() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    asked record;
BEGIN
    SELECT id, state, content_hash INTO asked FROM overrides_changerequest
        WHERE id = (CASE TG_OP WHEN 'DELETE' THEN OLD.request_id ELSE NEW.request_id END);
    IF asked.state NOT IN ('draft', 'in_review', 'changes_requested', 'approved', 'scheduled') THEN
        RAISE EXCEPTION 'request % is closed: its lines are not changed any more', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF is_signed(asked.id, asked.content_hash) THEN
        RAISE EXCEPTION 'request %: what was voted on is not changed under its votes', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE FUNCTION guard_vote() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    asked record;
BEGIN
    SELECT id, state, author_id, content_hash INTO asked FROM overrides_changerequest WHERE id = NEW.request_id;
    IF asked.author_id = NEW.voter_id THEN
        RAISE EXCEPTION 'request %: nobody votes on their own', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF asked.content_hash <> NEW.content_hash
        OR asked.state NOT IN ('in_review', 'changes_requested', 'approved', 'scheduled')
    THEN
        RAISE EXCEPTION 'request %: a vote is on the content as it stands, while it is open', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

-- The policy a request is judged by: the one in force before it, which for a policy request is the one it replaces.
CREATE FUNCTION policy_for(asked overrides_changerequest) RETURNS jsonb LANGUAGE sql STABLE
    SET search_path = public, pg_temp AS $$
    SELECT coalesce(
        (
            SELECT document FROM overrides_modulepolicy
            WHERE module = asked.module AND request_id <> asked.id
            ORDER BY is_active DESC, number DESC LIMIT 1
        ),
        '{"approvals": 1, "groups": [], "large_movement": null}'::jsonb
    )
$$;

-- Whether it moves much, by itself or together with what was applied in the window before it.
CREATE FUNCTION is_large(asked overrides_changerequest) RETURNS boolean LANGUAGE plpgsql STABLE
    SET search_path = public, pg_temp AS $$
DECLARE
    policy jsonb := policy_for(asked);
    moved double precision;
BEGIN
    SELECT coalesce(sum(movement), 0) INTO moved FROM overrides_changerequest
        WHERE module = asked.module AND route = asked.route AND state = 'applied' AND id <> asked.id
        AND closed_at > asked.closed_at - make_interval(secs => 86400 * (policy ->> 'window_days')::float8)
        AND closed_at <= asked.closed_at;
    RETURN coalesce(asked.movement + moved > (policy ->> 'large_movement')::float8, false);
END $$;

-- Whose members may approve it; empty: everybody. What is not of kind lines has no size and counts as large.
CREATE FUNCTION groups_for(asked overrides_changerequest) RETURNS jsonb LANGUAGE sql STABLE
    SET search_path = public, pg_temp AS $$
    SELECT CASE
        WHEN coalesce(policy -> 'large_groups', '[]') = '[]' OR (asked.kind = 'lines' AND NOT is_large(asked))
        THEN policy -> 'groups'
        ELSE policy -> 'large_groups'
    END FROM policy_for(asked) AS policy
$$;

CREATE FUNCTION approvals_of(asked overrides_changerequest) RETURNS bigint LANGUAGE sql STABLE
    SET search_path = public, pg_temp AS $$
    WITH latest AS (
        SELECT DISTINCT ON (voter_id) voter_id, decision FROM overrides_vote
        WHERE request_id = asked.id AND content_hash = asked.content_hash
        ORDER BY voter_id, id DESC
    )
    SELECT count(*) FROM latest, groups_for(asked) AS named
    WHERE decision = 'approve' AND voter_id IS DISTINCT FROM asked.author_id AND (
        named = '[]'
        OR EXISTS (
            SELECT FROM auth_user_groups AS m JOIN auth_group AS g ON g.id = m.group_id
            WHERE m.user_id = latest.voter_id AND named ? g.name
        )
    )
$$;

CREATE FUNCTION approvals_needed(asked overrides_changerequest) RETURNS integer LANGUAGE sql STABLE
    SET search_path = public, pg_temp AS $$
    SELECT greatest(  -- a policy that names none does not open the door
        1,
        (policy ->> 'approvals')::integer,
        CASE WHEN is_large(asked) THEN (policy ->> 'large_approvals')::integer END
    ) FROM policy_for(asked) AS policy
$$;

-- The applied request behind a governed row, agreed to by enough people; raises where it is not.
CREATE FUNCTION refuse_undecided(request bigint, of_module text, kinds text[]) RETURNS void LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
DECLARE
    asked overrides_changerequest;
BEGIN
    SELECT * INTO asked FROM overrides_changerequest WHERE id = request;
    IF asked.id IS NULL OR asked.state <> 'applied' OR asked.module <> of_module OR NOT asked.kind = ANY (kinds) THEN
        RAISE EXCEPTION 'request % of % is not applied, or of another kind', request, of_module
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF asked.transaction <> pg_current_xact_id()::text::bigint THEN  -- any comment would audit an old one again
        RAISE EXCEPTION 'request % was applied in another transaction', request
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF asked.route = 'review' AND approvals_of(asked) < approvals_needed(asked) THEN
        RAISE EXCEPTION 'request % has % of % approvals of its content by others than its author',
            request, approvals_of(asked), approvals_needed(asked)
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END $$;
"""

VERSIONS = """
CREATE FUNCTION guard_version() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.transaction := pg_current_xact_id()::text::bigint;
        RETURN NEW;
    END IF;
    IF (to_jsonb(NEW) - 'is_active') IS DISTINCT FROM (to_jsonb(OLD) - 'is_active') OR NEW.is_active THEN
        RAISE EXCEPTION 'version %/% is immutable; another one replaces it', OLD.module, OLD.number
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION version_is_decided() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    asked overrides_changerequest;
    before learning_configs;
    target learning_configs;
    astray text;
    may_lower constant boolean := coalesce(
        (SELECT (document ->> 'lowering_applies')::boolean FROM overrides_modulepolicy
         WHERE module = NEW.module AND is_active),
        false
    );
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NOT EXISTS (
            SELECT FROM learning_configs WHERE module = NEW.module AND number > NEW.number AND is_active
            AND transaction = pg_current_xact_id()::text::bigint
        ) THEN
            RAISE EXCEPTION 'version %/% was taken out of force without another in its place', NEW.module, NEW.number
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NULL;
    END IF;
    PERFORM refuse_undecided(NEW.request_id, NEW.module, ARRAY['lines', 'parameters', 'rollback']);
    SELECT * INTO asked FROM overrides_changerequest WHERE id = NEW.request_id;

    WITH opened AS (
        SELECT line_id, override_id FROM overrides_membership
        WHERE module = NEW.module AND from_version = NEW.number
    ), closed AS (
        SELECT line_id, override_id FROM overrides_membership WHERE module = NEW.module AND to_version = NEW.number
    ), brought AS (
        SELECT line_id, after_id FROM overrides_changeline WHERE request_id = asked.id AND after_id IS NOT NULL
    ), replaced AS (
        SELECT line_id FROM overrides_changeline WHERE request_id = asked.id AND before_id IS NOT NULL
    )
    SELECT line_id INTO astray FROM (
        (TABLE opened EXCEPT TABLE brought) UNION ALL (TABLE brought EXCEPT TABLE opened)
        UNION ALL ((SELECT line_id, '' FROM closed) EXCEPT (SELECT line_id, '' FROM replaced))
        UNION ALL ((SELECT line_id, '' FROM replaced) EXCEPT (SELECT line_id, '' FROM closed))
    ) AS differences LIMIT 1;
    IF astray IS NOT NULL THEN
        RAISE EXCEPTION 'version %/% differs from request % at line %', NEW.module, NEW.number, asked.id, astray
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;

    SELECT * INTO before FROM learning_configs
        WHERE module = NEW.module AND number < NEW.number ORDER BY number DESC LIMIT 1;
    IF asked.kind = 'rollback' THEN
        SELECT * INTO target FROM learning_configs
            WHERE module = NEW.module AND number = (asked.content ->> 'to')::integer;
        IF (NEW.parameters_id, NEW.coefficients) IS DISTINCT FROM (target.parameters_id, target.coefficients) THEN
            RAISE EXCEPTION 'version %/% is not what request % goes back to', NEW.module, NEW.number, asked.id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    ELSE
        IF NEW.coefficients <> coalesce(asked.content -> 'coefficients', before.coefficients, '{}'::jsonb)
            OR (CASE asked.kind
                WHEN 'parameters' THEN
                    (SELECT document FROM overrides_parameterset WHERE id = NEW.parameters_id) <> asked.content
                ELSE NEW.parameters_id <> coalesce(before.parameters_id, asked.base_parameters)
            END)
        THEN
            RAISE EXCEPTION 'version %/% has constants that request % does not hold', NEW.module, NEW.number, asked.id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;

    SELECT m.line_id INTO astray FROM overrides_membership AS m JOIN overrides_linehold AS h ON h.line_id = m.line_id
        WHERE m.module = NEW.module AND m.from_version = NEW.number AND m.to_version IS NULL
        AND h.kind = 'veto' AND h.lifted_at IS NULL
        AND (h.expires_at IS NULL OR h.expires_at > NEW.published_at) LIMIT 1;
    IF astray IS NOT NULL THEN
        RAISE EXCEPTION 'version %/%: a veto stands on line %', NEW.module, NEW.number, astray
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;

    IF asked.route <> 'review' AND (asked.kind <> 'lines' OR asked.content <> '{}'::jsonb) THEN
        RAISE EXCEPTION 'request % was not reviewed and may move lines alone', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF asked.route = 'at_once' AND EXISTS (
        SELECT FROM overrides_membership WHERE module = NEW.module AND from_version = NEW.number
    ) THEN
        RAISE EXCEPTION 'request % took effect at once and may only take lines away', asked.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF asked.route = 'mandate' THEN
        IF EXISTS (SELECT FROM overrides_quarantine WHERE module = NEW.module AND lifted_at IS NULL) THEN
            RAISE EXCEPTION 'request %: the builder of % is in quarantine', asked.id, NEW.module
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        SELECT c.line_id INTO astray FROM overrides_changeline AS c JOIN overrides_linehold AS h USING (line_id)
            WHERE c.request_id = asked.id AND h.kind = 'pin' AND h.lifted_at IS NULL
            AND (h.expires_at IS NULL OR h.expires_at > NEW.published_at) LIMIT 1;
        IF astray IS NOT NULL THEN
            RAISE EXCEPTION 'request %: line % is pinned', asked.id, astray
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        SELECT line_id INTO astray FROM overrides_changeline AS c
            WHERE c.request_id = asked.id AND NOT is_mandated(c.line_id, c.after_id, NEW.published_at)
            AND NOT (may_lower AND lowers_exposure(c.line_id, c.before_id, c.after_id)) LIMIT 1;
        IF astray IS NOT NULL OR asked.author_id IS NOT NULL OR asked.kind <> 'lines' THEN
            RAISE EXCEPTION 'request %: no mandate covers line %', asked.id, astray
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION is_mandated(line text, after text, at timestamptz) RETURNS boolean LANGUAGE sql STABLE
    SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM overrides_mandate AS m LEFT JOIN overrides_override AS o ON o.id = after
        WHERE m.line_id = line AND m.revoked_at IS NULL AND m.review_by > at AND (
            after IS NULL
            OR o.n >= (m.evidence_floor ->> 'least_n')::float8
            AND abs(o.edge_raw) >= (m.evidence_floor ->> 'least_edge')::float8
            AND NOT EXISTS (
                SELECT FROM jsonb_each_text(o.levers) AS lever WHERE NOT coalesce(
                    lever.value::float8 BETWEEN (m.reach -> lever.key ->> 0)::float8 - 1e-12
                    AND (m.reach -> lever.key ->> 1)::float8 + 1e-12,
                    false
                )
            )
        )
    )
$$;

CREATE FUNCTION lever_neutral(name text) RETURNS jsonb LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT to_jsonb(CASE name
        WHEN 'entry_delay_bars' THEN 0.0 WHEN 'min_ts_for_add' THEN 0.60 WHEN 'min_ox_for_trim' THEN 0.65 ELSE 1.0
    END)
$$;

-- +1 where a higher value of the lever means more exposure, -1 where less, 0 where it has no scale (core.levers).
CREATE FUNCTION lever_exposure(name text, category text) RETURNS integer LANGUAGE sql IMMUTABLE
    SET search_path = public, pg_temp AS $$
    SELECT CASE
        WHEN name IN ('entry_delay_bars', 'min_ts_for_add', 'min_ox_for_trim') THEN 0
        WHEN name = 'exit_aggression_mult' OR name = 'size_mult' AND category = 'trim' THEN -1
        ELSE 1
    END
$$;

CREATE FUNCTION lowers_exposure(line text, before text, after text) RETURNS boolean LANGUAGE sql STABLE
    SET search_path = public, pg_temp AS $$
    WITH moved AS (
        SELECT lever_exposure(name, l.action_category) AS sign,
            coalesce((a.levers ->> name)::float8, lever_neutral(name)::float8) AS later,
            coalesce((b.levers ->> name)::float8, lever_neutral(name)::float8) AS earlier
        FROM overrides_line AS l
        LEFT JOIN overrides_override AS b ON b.id = before
        LEFT JOIN overrides_override AS a ON a.id = after,
        LATERAL (SELECT DISTINCT jsonb_object_keys(coalesce(b.levers, '{}') || coalesce(a.levers, '{}')) AS name) AS n
        WHERE l.id = line
    )
    SELECT coalesce(
        bool_and(CASE sign WHEN 0 THEN later = earlier ELSE sign * (later - earlier) <= 0 END)
        AND bool_or(sign * (later - earlier) < 0),
        false
    ) FROM moved
$$;

CREATE FUNCTION membership_is_of_its_version() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
DECLARE
    of_number constant integer := CASE TG_OP WHEN 'INSERT' THEN NEW.from_version ELSE NEW.to_version END;
    asked bigint;
BEGIN
    SELECT request_id INTO asked FROM learning_configs
        WHERE module = NEW.module AND number = of_number AND transaction = pg_current_xact_id()::text::bigint;
    IF asked IS NULL THEN
        RAISE EXCEPTION 'a membership of % is opened or closed only by the version that does it', NEW.module
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT EXISTS (
        SELECT FROM overrides_changeline WHERE request_id = asked AND line_id = NEW.line_id
        AND CASE TG_OP WHEN 'INSERT' THEN after_id = NEW.override_id ELSE before_id IS NOT NULL END
    ) THEN
        RAISE EXCEPTION 'version %/% differs from request % at line %', NEW.module, of_number, asked, NEW.line_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
"""

OTHERS = """
-- Argument: the one column that may be set, once; what was lifted, revoked or replaced does not come back by itself.
CREATE FUNCTION only_closes() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    was constant jsonb := CASE TG_OP WHEN 'UPDATE' THEN to_jsonb(OLD) END;
BEGIN
    IF TG_OP = 'INSERT' AND to_jsonb(NEW) ->> TG_ARGV[0] IS NOT NULL
        OR TG_OP = 'UPDATE' AND (
            was ->> TG_ARGV[0] IS NOT NULL OR (to_jsonb(NEW) - TG_ARGV[0]) IS DISTINCT FROM (was - TG_ARGV[0])
        )
    THEN
        RAISE EXCEPTION '% is immutable: only % is set, once and later', TG_TABLE_NAME, TG_ARGV[0]
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION mode_is_decided() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
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
        AND NEW.challenger_id IS NOT DISTINCT FROM was.challenger_id
        AND NOT EXISTS (
            SELECT FROM jsonb_each(was.allow) AS each
            WHERE NOT NEW.allow ? each.key OR NOT each.value @> (NEW.allow -> each.key)
        )
    THEN
        RETURN NULL;  -- towards neutral: the audit entry suffices
    END IF;
    SELECT r.id INTO decided FROM overrides_changerequest AS r
        LEFT JOIN learning_configs AS c ON c.id = NEW.challenger_id
        WHERE r.module = NEW.module AND r.kind = 'mode' AND r.state = 'applied' AND r.route = 'review'
        AND r.transaction = pg_current_xact_id()::text::bigint
        AND NEW.mode = coalesce(r.content ->> 'mode', was.mode)
        AND NEW.rollout_percent = coalesce((r.content ->> 'rollout_percent')::float8, was.rollout_percent)
        AND NEW.allow = coalesce(r.content -> 'allow', was.allow)
        AND CASE WHEN r.content ? 'challenger'
            THEN c.number IS NOT DISTINCT FROM (r.content ->> 'challenger')::integer
            ELSE NEW.challenger_id IS NOT DISTINCT FROM was.challenger_id
        END
        ORDER BY r.id DESC LIMIT 1;
    IF decided IS NULL THEN
        RAISE EXCEPTION 'mode %: going away from neutral takes an applied request that says so', NEW.module
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    PERFORM refuse_undecided(decided, NEW.module, ARRAY['mode']);
    RETURN NULL;
END $$;

CREATE FUNCTION policy_is_decided() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.is_active OR (to_jsonb(NEW) - 'is_active') IS DISTINCT FROM (to_jsonb(OLD) - 'is_active')
            OR NOT EXISTS (
                SELECT FROM overrides_modulepolicy WHERE module = NEW.module AND number > NEW.number AND is_active
            )
        THEN
            RAISE EXCEPTION 'policy %/% is immutable; another one replaces it', NEW.module, NEW.number
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NULL;
    END IF;
    PERFORM refuse_undecided(NEW.request_id, NEW.module, ARRAY['policy']);
    IF NEW.document <> (SELECT content FROM overrides_changerequest WHERE id = NEW.request_id) THEN
        RAISE EXCEPTION 'policy %/% is not what request % holds', NEW.module, NEW.number, NEW.request_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION mandate_is_signed() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM refuse_undecided(
        NEW.request_id,
        (SELECT module FROM overrides_line WHERE id = NEW.line_id),
        ARRAY['lines', 'parameters', 'rollback']
    );
    IF NOT EXISTS (
        SELECT FROM overrides_changeline AS c
        JOIN overrides_changerequest AS r ON r.id = c.request_id AND r.route = 'review'
        JOIN overrides_override AS o ON o.id = c.after_id
        WHERE c.request_id = NEW.request_id AND c.line_id = NEW.line_id
        AND NOT EXISTS (
            SELECT FROM jsonb_each(NEW.reach) AS each
            WHERE NOT coalesce(each.value @> (o.levers -> each.key), false)
            OR NOT each.value <@ jsonb_build_array(o.levers -> each.key, lever_neutral(each.key))
        )
    ) THEN
        RAISE EXCEPTION 'a mandate on line % reaches beyond what request % brings', NEW.line_id, NEW.request_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
"""

AUDITED = {  # table -> operations, the object's name, its columns
    "overrides_changerequest": ("INSERT OR UPDATE OR DELETE", "request %s", ("id",)),
    "overrides_changeline": ("INSERT OR UPDATE OR DELETE", "request %s", ("request_id",)),
    "overrides_vote": ("INSERT", "request %s", ("request_id",)),
    "overrides_comment": ("INSERT", "request %s", ("request_id",)),
    "overrides_linehold": ("INSERT OR UPDATE OR DELETE", "line %s", ("line_id",)),
    "overrides_quarantine": ("INSERT OR UPDATE OR DELETE", "builder %s", ("module",)),
    "overrides_modulemode": ("INSERT OR UPDATE OR DELETE", "mode %s", ("module",)),
    "overrides_modulepolicy": ("INSERT", "policy %s/%s", ("module", "number")),
    "learning_configs": ("INSERT", "version %s/%s", ("module", "number")),
}
DEFERRED = {  # trigger -> table, operations, function
    "mandate_is_audited": ("overrides_mandate", "INSERT OR UPDATE", "require_any_audit"),
    "mandate_is_signed": ("overrides_mandate", "INSERT", "mandate_is_signed"),
    "version_is_decided": ("learning_configs", "INSERT OR UPDATE", "version_is_decided"),
    "membership_is_of_its_version": ("overrides_membership", "INSERT OR UPDATE", "membership_is_of_its_version"),
    "mode_is_decided": ("overrides_modulemode", "INSERT OR UPDATE", "mode_is_decided"),
    "policy_is_decided": ("overrides_modulepolicy", "INSERT OR UPDATE", "policy_is_decided"),
}
IMMEDIATE = {  # trigger -> table, operations, function
    "guard_request": ("overrides_changerequest", "INSERT OR UPDATE", "guard_request"),
    "guard_change_line": ("overrides_changeline", "INSERT OR UPDATE OR DELETE", "guard_change_line"),
    "guard_vote": ("overrides_vote", "INSERT", "guard_vote"),
    "guard_version": ("learning_configs", "INSERT OR UPDATE", "guard_version"),
    "request_is_not_deleted": ("overrides_changerequest", "DELETE", "refuse_change"),
    "vote_is_append_only": ("overrides_vote", "UPDATE OR DELETE", "refuse_change"),
    "comment_is_append_only": ("overrides_comment", "UPDATE OR DELETE", "refuse_change"),
    "override_is_immutable": ("overrides_override", "UPDATE OR DELETE", "refuse_change"),
    "line_is_immutable": ("overrides_line", "UPDATE OR DELETE", "refuse_change"),
    "parameters_are_immutable": ("overrides_parameterset", "UPDATE OR DELETE", "refuse_change"),
    "version_is_not_deleted": ("learning_configs", "DELETE", "refuse_change"),
    "membership_is_not_deleted": ("overrides_membership", "DELETE", "refuse_change"),
    "mandate_is_not_deleted": ("overrides_mandate", "DELETE", "refuse_change"),
    "policy_is_not_deleted": ("overrides_modulepolicy", "DELETE", "refuse_change"),
    "mode_is_not_deleted": ("overrides_modulemode", "DELETE", "refuse_change"),
    "hold_is_not_deleted": ("overrides_linehold", "DELETE", "refuse_change"),
    "quarantine_is_not_deleted": ("overrides_quarantine", "DELETE", "refuse_change"),
}
CLOSED_ONCE = {  # table -> the column that ends a row
    "overrides_membership": "to_version",
    "overrides_mandate": "revoked_at",
    "overrides_linehold": "lifted_at",
    "overrides_quarantine": "lifted_at",
}
GOVERNED = sorted({*AUDITED, *(table for table, *_ in (DEFERRED | IMMEDIATE).values())})
MOVES = """
approved applied|approved cancelled|approved changes_requested|approved expired|approved in_review|approved rejected
approved scheduled|changes_requested cancelled|changes_requested expired|changes_requested in_review
changes_requested rejected|draft applied|draft cancelled|draft draft|draft expired|draft in_review
in_review approved|in_review cancelled|in_review changes_requested|in_review expired|in_review in_review
in_review rejected|scheduled applied|scheduled approved|scheduled cancelled|scheduled changes_requested
scheduled expired|scheduled failed|scheduled in_review|scheduled rejected|scheduled scheduled
"""


def moves() -> list[str]:
    return sorted(move for line in MOVES.strip().splitlines() for move in line.split("|"))


def triggers() -> str:
    statements = []
    for table, (operations, named, columns) in AUDITED.items():
        arguments = ", ".join(f"'{each}'" for each in (named, *columns))
        statements.append(
            f"CREATE CONSTRAINT TRIGGER {table}_is_audited AFTER {operations} ON {table} DEFERRABLE INITIALLY DEFERRED "
            f"FOR EACH ROW EXECUTE FUNCTION require_audit({arguments});"
        )
    for name, (table, operations, function) in DEFERRED.items():
        statements.append(
            f"CREATE CONSTRAINT TRIGGER {name} AFTER {operations} ON {table} DEFERRABLE INITIALLY DEFERRED "
            f"FOR EACH ROW EXECUTE FUNCTION {function}();"
        )
    for name, (table, operations, function) in IMMEDIATE.items():
        statements.append(
            f"CREATE TRIGGER {name} BEFORE {operations} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}();"
        )
    for table, column in CLOSED_ONCE.items():
        statements.append(
            f"CREATE TRIGGER {table}_only_closes BEFORE INSERT OR UPDATE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION only_closes({column});"
        )
    for table in GOVERNED:
        statements.append(
            f"CREATE TRIGGER {table}_is_not_truncated BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();"
        )
    return "\n".join(statements)


def functions() -> str:
    quoted = ", ".join(f"'{move}'" for move in moves())
    return AUDIT + REQUESTS.replace("{moves}", quoted) + VERSIONS + OTHERS


def undone() -> str:
    drops = [f"DROP TRIGGER {table}_is_audited ON {table};" for table in AUDITED]
    drops += [f"DROP TRIGGER {table}_only_closes ON {table};" for table in CLOSED_ONCE]
    drops += [f"DROP TRIGGER {table}_is_not_truncated ON {table};" for table in GOVERNED]
    drops += [f"DROP TRIGGER {name} ON {table};" for name, (table, *_) in (DEFERRED | IMMEDIATE).items()]
    names = (
        "require_audit()", "require_any_audit()", "guard_request()", "guard_change_line()", "guard_vote()",
        "guard_version()", "version_is_decided()", "membership_is_of_its_version()", "mode_is_decided()",
        "policy_is_decided()", "mandate_is_signed()", "is_mandated(text, text, timestamptz)",
        "lowers_exposure(text, text, text)", "lever_exposure(text, text)", "lever_neutral(text)",
        "refuse_undecided(bigint, text, text[])", "approvals_of(overrides_changerequest)",
        "approvals_needed(overrides_changerequest)", "groups_for(overrides_changerequest)",
        "is_large(overrides_changerequest)", "policy_for(overrides_changerequest)",
        "is_signed(bigint, text)", "is_audited(text)", "only_closes()",
    )  # fmt: skip
    return "\n".join(drops + [f"DROP FUNCTION {name};" for name in names])


ADDED = "overrides_vote, overrides_comment"
CLOSABLE = {"overrides_modulepolicy": "is_active", "overrides_quarantine": "lifted_at"}
RESTRICT = (
    f"REVOKE UPDATE, DELETE ON {ADDED}, {', '.join(CLOSABLE)} FROM {{role}};"
    "REVOKE DELETE ON overrides_changerequest, overrides_modulemode FROM {role};"
    "REVOKE UPDATE ON overrides_changeline FROM {role};"
) + "".join(f"GRANT UPDATE ({column}) ON {table} TO {{role}};" for table, column in CLOSABLE.items())
RELAX = (
    f"GRANT UPDATE, DELETE ON {ADDED}, {', '.join(CLOSABLE)} TO {{role}};"
    "GRANT DELETE ON overrides_changerequest, overrides_modulemode TO {role};"
    "GRANT UPDATE ON overrides_changeline TO {role};"
)


def restrict(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    execute_for_role(editor, RESTRICT)


def relax(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    execute_for_role(editor, RELAX)


class Migration(migrations.Migration):
    dependencies = [
        ("overrides", "0004_governance"),
        ("telemetry", "0010_facts_in_the_order_of_their_lists"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]
    operations = [migrations.RunSQL(functions() + triggers(), undone()), migrations.RunPython(restrict, relax)]
