-- Closed trades of two modules over two years, each action of which names its decision under a holdback of 5 percent.
CREATE TEMP TABLE made AS
SELECT i, md5('trade ' || i)::uuid AS id, (%(now)s::timestamptz - (730.0 * i / %(trades)s + 1) * interval '1 day') AS at,
    1.5 * (random() + random() + random() + random() - 2) AS rr, 100 * random() AS draw
FROM generate_series(1, %(trades)s) i;
CREATE TEMP TABLE asked AS
SELECT i, id, at, rr, draw, module, (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7'
    || substr(md5(module || i), 1, 3) || '8' || substr(md5(module || i), 4, 15))::uuid AS decision_id,
    CASE module WHEN 'dm' THEN 'alloc_mult' ELSE 'size_mult' END AS lever, CASE module WHEN 'dm' THEN 0 ELSE 1 END AS index
FROM made, unnest(ARRAY['dm', 'pm']) module;
INSERT INTO telemetry_decision (decision_id, module, pattern_key, action_category, scope, at, version, combiner, mode, reason,
    flags, request, levers, contributions, excluded, effect, numeric_build, latency_us)
SELECT decision_id, module, 'a.b.c', CASE module WHEN 'dm' THEN 'allocation' ELSE 'entry' END, '{}', at, 1, 'plan', 'on',
    CASE WHEN draw < 5 THEN 'HOLDBACK' ELSE 'SINGLE' END, '{}', jsonb_build_object('position_key', 'key ' || i, 'holdback',
    jsonb_build_object('percent', 5.0, 'draw', draw)), '{}', '[]', '[]', '{}', 'x86_64', 60 FROM asked;
INSERT INTO telemetry_trade (id, external_id, revision, correction_reason, is_current, excluded_reason, book, source, symbol,
    side, timeframe, cluster_id, opened_at, closed_at, rr, digest, recorded_at)
SELECT id, 'trade-' || i, 1, '', true, '', 'paper', 'bench', 'BTC/USDT', 'long', '1h', '', at, at + interval '6 hours', rr, '',
    at + interval '6 hours' FROM made;
INSERT INTO telemetry_action (trade_id, index, module, pattern_key, action_category, at, scope, decision_ids, controls,
    counterfactuals, buckets, replays, taken_arms)
SELECT id, index, module, 'a.b.c', CASE module WHEN 'dm' THEN 'allocation' ELSE 'entry' END, at, '{}', ARRAY[decision_id],
    '{}', '{}', '{}', '{}', '{}' FROM asked;
INSERT INTO telemetry_attribution (trade_id, rr, total, carried, residual, attributed_at)
SELECT id, rr, CASE WHEN draw < 5 THEN 0 ELSE 0.02 * rr END, 0, 0, at + interval '6 hours' FROM made;
INSERT INTO telemetry_decisionoutcome (decision_id, trade_id, action_index, rr, unattributed)
SELECT decision_id, id, index, rr, '' FROM asked;
INSERT INTO telemetry_attributionshare (attribution_id, decision_id, lever, override_id, line_id, part, share)
SELECT id, decision_id, lever, 'o', 'l', 0.01, 0.01 * rr FROM asked WHERE draw >= 5;
