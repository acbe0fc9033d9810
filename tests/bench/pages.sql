-- A large world for the admin's pages: every table that a page reads, about as wide as the real thing.
-- Placeholders: overrides, decisions, trades, audited. Days run back from now(); one line (number 1) moves every tenth decision.
SELECT setseed(0.5);
SELECT extend_decision_partitions(now() - interval '190 days', 7);

CREATE TEMP TABLE lines AS
SELECT i, line, override, 'strategy' || mod(i, 40) || '.' || (ARRAY['long', 'short'])[1 + mod(i / 40, 2)] || '.entry' AS pattern_key,
    (ARRAY['entry', 'add', 'trim', 'exit'])[1 + mod(i / 80, 4)] AS action_category,
    jsonb_build_object('macro_phase', 'm' || mod(i, 9), 'bucket', 'b' || mod(i, 7), 'bucket_leader', 'l' || mod(i, 11),
        'timeframe', mod(i, 13) || 'h') AS scope,
    jsonb_build_object('size_mult', 1 + (random() - 0.5) / 4, 'entry_aggression_mult', 1 + (random() - 0.5) / 4) AS levers,
    jsonb_build_object('id', override, 'line', line, 'parts', '{"size_mult": 0.0075}'::jsonb, 'targets',
        '{"size_mult": 1.03}'::jsonb, 'w_edge', 0.76, 'w_n', 0.35, 'w_var', 0.92, 'w_spec', 0.125, 'w_decay', 0.68,
        'w_total', 0.0216, 'ramping', '[]'::jsonb) AS contribution,
    jsonb_build_object('size_mult', jsonb_build_object('m', 1.0119, 'm0', 1.0, 'parts', jsonb_build_object(override, 0.0119),
        'lines', jsonb_build_object(override, line))) AS effect
FROM generate_series(1, %(overrides)s) i
CROSS JOIN LATERAL (SELECT encode(sha256(('line ' || i)::bytea), 'hex') AS line,
    encode(sha256(('override ' || i)::bytea), 'hex') AS override) named;
CREATE UNIQUE INDEX ON lines (i);
ANALYZE lines;

INSERT INTO overrides_line (id, module, channel, policy, pattern_key, action_category, scope, created_at)
SELECT line, 'pm', 'pm_strength', 'plan', pattern_key, action_category, scope, now() - interval '30 days' FROM lines;

INSERT INTO overrides_override
    (id, line_id, edge_raw, n, variance, half_life_days, updated_at, levers, promise, source, created_at)
SELECT override, line, random() * 4 - 2, 10 + mod(i, 300), random() * 3, 90, now() - i * interval '20 seconds', levers,
    '{"predicted": 0.5, "sd": 0.2, "mu0": 0.1, "s_p": 0.1}', 'lesson', now() - interval '29 days' + i * interval '1 second'
FROM lines;
-- Every twentieth line had another override before.
INSERT INTO overrides_override
    (id, line_id, edge_raw, n, variance, half_life_days, updated_at, levers, promise, source, created_at)
SELECT encode(sha256(('before ' || i)::bytea), 'hex'), line, 1, 20, 1, 90, now() - interval '40 days', '{"size_mult": 1.05}',
    NULL, 'lesson', now() - interval '30 days'
FROM lines WHERE mod(i, 20) = 0;

INSERT INTO overrides_parameterset (id, module, document, created_at, created_by, reason)
SELECT encode(sha256(('parameters ' || module)::bytea), 'hex'), module, document::jsonb, now() - interval '30 days', 'bench', 'bench'
FROM (VALUES ('dm', %(dm)s), ('pm', %(pm)s)) given (module, document);
-- Five hundred requests wait for a decision: the newest touches a twentieth of all lines, the second 500; more are decided.
-- Facts that no verb brought about: the triggers that look for votes behind them rest until they are all there.
SET session_replication_role = replica;
INSERT INTO overrides_changerequest (module, kind, state, health, title, reason, author_name, content, content_hash,
    base_version, base_parameters, edition, movement, route, created_at, submitted_at, expires_at, acknowledged_by, failure,
    transaction, epoch, edited_transaction, edited_epoch, hash_format)
SELECT module, 'lines', CASE WHEN module = 'pm' AND i <= 500 THEN 'in_review' ELSE 'applied' END, 'valid', 'Lessons of run ' || i,
    'what changed', 'materializer', '{}', repeat('0', 64), 40, encode(sha256(('parameters ' || module)::bytea), 'hex'), 0, 0,
    'review', now() - i * interval '5 hours', now(), now() + interval '10 days', '', '', 0, 0, 0, 0, 2
FROM (VALUES ('dm', 40), ('pm', 2000)) asked (module, most), generate_series(1, most) i;
INSERT INTO learning_configs (module, number, is_active, kind, parameters_id, coefficients, n_overrides, content_hash,
    config_data, request_id, published_at, published_by, transaction,
    epoch)
SELECT module, number, number = 40, 'lines', encode(sha256(('parameters ' || module)::bytea), 'hex'), '{}',
    CASE module WHEN 'pm' THEN %(overrides)s ELSE 0 END, repeat('0', 64), NULL, request_id,
    now() - (41 - number) * interval '12 hours', 'bench', 0, 0
FROM (SELECT id AS request_id, module, 41 - row_number() OVER (PARTITION BY module ORDER BY created_at DESC) AS number
    FROM overrides_changerequest WHERE state = 'applied') decided WHERE number > 0;
INSERT INTO overrides_membership (module, line_id, override_id, from_version, to_version)
SELECT 'pm', line, encode(sha256(('before ' || i)::bytea), 'hex'), 1, 40 FROM lines WHERE mod(i, 20) = 0;
INSERT INTO overrides_membership (module, line_id, override_id, from_version, to_version)
SELECT 'pm', line, override, CASE mod(i, 20) WHEN 0 THEN 40 ELSE 1 END, NULL FROM lines;
INSERT INTO overrides_modulemode (module, mode, rollout_percent, rollout_salt, holdback_percent, allow, revision, changed_at, changed_by, reason)
SELECT module, 'on', 100, '', 0, '{}', 1, now() - interval '9 days', 'bench', 'bench' FROM unnest(ARRAY['dm', 'pm']) module;

INSERT INTO overrides_changeline (request_id, line_id, action, before_id, after_id, differences)
SELECT (SELECT id FROM overrides_changerequest WHERE module = 'pm' ORDER BY created_at DESC LIMIT 1), line, 'add', NULL, override, '["new line"]'
FROM lines WHERE mod(i, 20) = 1;
INSERT INTO overrides_changeline (request_id, line_id, action, before_id, after_id, differences)
SELECT request.id, line, 'add', NULL, override, '["new line"]'
FROM (SELECT id, row_number() OVER (ORDER BY created_at DESC) AS place FROM overrides_changerequest
    WHERE module = 'pm') request, generate_series(1, 10) n
JOIN lines ON lines.i = 1 + n WHERE request.place > 2;
INSERT INTO overrides_changeline (request_id, line_id, action, before_id, after_id, differences)
SELECT (SELECT id FROM overrides_changerequest WHERE module = 'pm' ORDER BY created_at DESC LIMIT 1 OFFSET 1), line, 'add', NULL,
    override, '["new line"]'
FROM lines WHERE mod(i, 20) = 3 ORDER BY i LIMIT 500;
-- Mandates on 2,000 lines, signed by the newest request that was applied.
INSERT INTO overrides_mandate (line_id, request_id, direction, reach, evidence_floor, edge_sign, approvals_needed, voter_groups,
    review_by, granted_at)
SELECT line, request.id, 1, '{"size_mult": [1.0, 1.2]}', '{"least_n": 5, "least_edge": 0.1}', 1, 1, '[]',
    now() + (mod(i, 90) - 5) * interval '1 day', now() - interval '20 days'
FROM lines, (SELECT id FROM overrides_changerequest WHERE state = 'applied' AND module = 'pm' ORDER BY created_at DESC LIMIT 1) request
WHERE i <= 2000;

SET session_replication_role = origin;

-- Decisions: of one override or two, over half a year.
INSERT INTO telemetry_decision (decision_id, module, pattern_key, action_category, scope, at, version, combiner, mode, reason,
    flags, request, levers, contributions, excluded, effect, numeric_build, latency_us)
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(mixed, 1, 3) || '8'
        || substr(mixed, 4, 15))::uuid,
    'pm', first.pattern_key, first.action_category, first.scope, at, 40, 'pm_strength=plan,pm_tuning=plan', 'on',
    CASE WHEN second.i IS NULL THEN 'SINGLE' ELSE 'COMBINED' END, '{STEP_LIMITED}',
    '{"current": {}, "rollout_key": null, "base_allocation": null}',
    '{"size_mult": {"served": 1.0119, "value": 1.0119, "target": 1.0151, "stepped": 1.0119, "current": 1.0, "neutral": 1.0, "combiner": "plan",
        "support": 0.05, "prior_weight": 0.0, "cut": -0.0031, "step_limited": true, "bounded": false,
        "flags": ["STEP_LIMITED"]}, "entry_aggression_mult": {"served": 1.0}}',
    CASE WHEN second.i IS NULL THEN jsonb_build_array(first.contribution)
        ELSE jsonb_build_array(first.contribution, second.contribution) END,
    '[]', first.effect, 'x86_64 python-3.11 numpy-2', 60
FROM (SELECT n, md5(n::text) AS mixed, now() - (180.0 * n / %(decisions)s) * interval '1 day' AS at,
    CASE WHEN mod(n, 10) = 0 THEN 1 ELSE 1 + mod(n::bigint * 7919, %(overrides)s) END AS drawn
    FROM generate_series(1, %(decisions)s) n) asked
JOIN lines first ON first.i = drawn
LEFT JOIN lines second ON second.i = 1 + mod(drawn - 1 + 320 * mod(n, 3), %(overrides)s) AND mod(n, 3) > 0;

-- Trades of three actions; every tenth decision went into a trade that has closed.
INSERT INTO telemetry_trade (id, external_id, revision, correction_reason, is_current, excluded_reason, book, source, symbol, side,
    timeframe, cluster_id, opened_at, closed_at, rr, digest, recorded_at)
SELECT md5('trade ' || i)::uuid, 'trade-' || i, 1, '', true, '', 'paper', 'bench', 'COIN' || mod(i, 50) || '/USDT', 'long', '1h', '',
    now() - (30.0 * i / %(trades)s + 1) * interval '1 day', now() - (30.0 * i / %(trades)s) * interval '1 day',
    random() * 6 - 2, '', now()
FROM generate_series(1, %(trades)s) i;
INSERT INTO telemetry_action (trade_id, index, module, pattern_key, action_category, at, scope, decision_ids, controls,
    counterfactuals, buckets, replays, taken_arms)
SELECT md5('trade ' || mod(n, %(trades)s) + 1)::uuid, n / %(trades)s, 'pm', lines.pattern_key, lines.action_category, now(),
    CASE WHEN mod(n, 4) = 0 THEN lines.scope - 'bucket' ELSE lines.scope END, '{}', '{}', '{}', '{}', '{}', '{}'
FROM generate_series(0, 3 * %(trades)s - 1) n JOIN lines ON lines.i = 1 + mod(n, %(overrides)s);
INSERT INTO telemetry_attribution (trade_id, rr, total, carried, residual, attributed_at)
SELECT id, rr, 0.0119 * rr, 0, 0, recorded_at FROM telemetry_trade;
CREATE TEMP TABLE named AS
SELECT decision_id, effect, md5('trade ' || 1 + mod(row_number() OVER (ORDER BY decision_id DESC), %(trades)s))::uuid AS trade_id
FROM telemetry_decision WHERE get_byte(uuid_send(decision_id), 15) < 26;
INSERT INTO telemetry_decisionoutcome (decision_id, trade_id, action_index, rr, unattributed)
SELECT decision_id, trade_id, 0, 1.5, '' FROM named;
INSERT INTO telemetry_attributionshare (attribution_id, decision_id, lever, override_id, line_id, part, share)
SELECT trade_id, decision_id, 'size_mult', key, effect #>> ARRAY['size_mult', 'lines', key], value::float8, value::float8 * 1.5
FROM named, jsonb_each_text(effect -> 'size_mult' -> 'parts');

INSERT INTO learning_builder_runs (module, policy, as_of, parameters, baseline, n_cells, n_candidates, n_active, n_withdrawn,
    code_version, inputs)
SELECT 'pm', 'plan', now() - i * interval '1 hour', '{}', '{}', 200000, 900, 400, 3, 'bench', '' FROM generate_series(1, 700) i;
WITH sized AS MATERIALIZED (SELECT floor(exp(3 + 6 * random())) AS n, random() + random() - 1 AS z FROM generate_series(1, 20000)),
    cells AS (SELECT n, 3 * z / sqrt(n) AS raw, 1.4 / sqrt(n) AS se, (random() < 0.02)::int AS emitted FROM sized)
UPDATE learning_builder_runs SET tested = (
    SELECT jsonb_build_object('n', jsonb_agg(n), 'raw', jsonb_agg(round(raw::numeric, 6)), 'se', jsonb_agg(round(se::numeric, 6)),
        'shrunk', jsonb_agg(round(raw::numeric, 6)), 'emitted', jsonb_agg(emitted), 'total', 200000) FROM cells
) WHERE as_of = (SELECT max(as_of) FROM learning_builder_runs);
INSERT INTO learning_lessons (line_id, type, policy, module, pattern_key, action_category, scope, n_dims, status, stats, edge_raw,
    weight, targets, first_run_id, run_id)
SELECT line, 'pm_strength', 'plan', 'pm', pattern_key, action_category, scope, 4,
    CASE WHEN mod(i, 3) = 0 THEN 'too_light' ELSE 'active' END,
    '{"edge_raw": 0.8, "n": 40, "variance": 0.5, "half_life_days": 90, "updated_at": "2026-03-02T12:00:00Z", "updates": 9}',
    random() * 2 - 1, random() / 10, levers, run.id, run.id
FROM lines, (SELECT max(id) AS id FROM learning_builder_runs) run WHERE mod(i, 5) = 0;
INSERT INTO learning_cellgroup (module, pattern_key, action_category, cut, n_outcomes, n_cells, aggregated_at)
SELECT DISTINCT 'pm', pattern_key, action_category, '{"dimensions": []}'::jsonb, 1000, 600, now() FROM lines;
INSERT INTO pattern_scope_stats (group_id, scope, n_dims, n, mean, variance, first_closed_at, last_closed_at)
SELECT known.id, lines.scope, 4, 10 + mod(lines.i, 90), random(), random(), now() - interval '30 days', now()
FROM lines JOIN learning_cellgroup known USING (pattern_key, action_category), generate_series(1, 3);

INSERT INTO telemetry_jobrun (job, period, status, started_at, finished_at, rows, error, detail)
SELECT (ARRAY['aggregate', 'build pm', 'attribute'])[1 + mod(i, 3)], i::text, 'done', now() - i * interval '1 minute',
    now() - i * interval '1 minute', 5, '', '{}' FROM generate_series(1, 40000) i;
INSERT INTO telemetry_auditentry (content, written_at)
SELECT jsonb_build_object('at', now(), 'actor', 'bench', 'action', 'publish', 'object', 'version pm/' || i, 'reason', 'bench',
    'before', NULL, 'after', NULL, 'request_id', NULL)::text, now() FROM generate_series(1, %(audited)s) i;
DROP TABLE lines, named;
