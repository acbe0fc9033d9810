"""Attempts written by hand: several statements, orders, early checks, rows before their parents, other types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from tests.bench.attacks.world import World

Work = Callable[[Any], object]
MINE = 900_001
LAST = "(SELECT max(number) FROM learning_configs WHERE module = 'pm')"
ACTIVE = "SELECT * FROM learning_configs WHERE module = 'pm' AND is_active"


def request(
    kind: str = "lines", route: str = "at_once", content: str = "{}", *, id: int = MINE, module: str = "pm",
    movement: str = "0", base: str = "", state: str = "draft", expires: str = "now() + interval '9 days'",
) -> str:  # fmt: skip
    return (
        "INSERT INTO overrides_changerequest (id, module, kind, state, health, title, reason, author_name, content, "
        "content_hash, hash_format, base_parameters, base_version, edition, movement, route, created_at, expires_at, "
        "acknowledged_by, failure, transaction, epoch, edited_transaction, edited_epoch) "
        f"VALUES ({id}, '{module}', '{kind}', '{state}', 'valid', 't', 'r', 'm', '{content}', repeat('c', 64), 2, "
        f"'{base}', (SELECT max(number) FROM learning_configs WHERE module = '{module}' AND is_active), 0, {movement}, "
        f"'{route}', now(), {expires}, '', '', 0, 0, 0, 0)"
    )


def line(line_id: str, before: str | None, after: str | None, id: int = MINE) -> str:
    action = "add" if before is None else "withdraw" if after is None else "change"
    sides = ["NULL" if each is None else f"'{each}'" for each in (before, after)]
    return (
        "INSERT INTO overrides_changeline (request_id, line_id, action, before_id, after_id, differences) "
        f"VALUES ({id}, '{line_id}', '{action}', {sides[0]}, {sides[1]}, '[]')"
    )


def applied(id: int = MINE, more: str = "") -> str:
    return f"UPDATE overrides_changerequest SET state = 'applied', closed_at = now(){more} WHERE id = {id}"


RETIRE = "UPDATE learning_configs SET is_active = false WHERE module = 'pm' AND is_active"


def version(
    id: int = MINE, *, kind: str = "lines", active: str = "true", module: str = "pm", parameters: str = "parameters_id",
    weights: str = "coefficients", number: str = f"{LAST} + 1", like: str = "is_active",
) -> str:  # fmt: skip
    """Insert a version like another; the one in force is taken out first where the new one is active."""
    source = "(SELECT * FROM learning_configs WHERE module = 'pm' ORDER BY is_active DESC, number DESC LIMIT 1) AS v"
    return (
        "INSERT INTO learning_configs (module, number, is_active, kind, parameters_id, coefficients, n_overrides, "
        "content_hash, config_data, request_id, published_at, published_by, transaction, epoch) "
        f"SELECT '{module}', {number}, {active}, '{kind}', {parameters}, {weights}, n_overrides, content_hash, "
        f"config_data, {id}, now(), 'm', 0, 0 FROM {source}"
    )


def opens(line_id: str, override: str, number: str = LAST, module: str = "pm") -> str:
    return (
        "INSERT INTO overrides_membership (module, line_id, override_id, from_version) "
        f"VALUES ('{module}', '{line_id}', '{override}', {number})"
    )


def closes(line_id: str, number: str = LAST) -> str:
    return f"UPDATE overrides_membership SET to_version = {number} WHERE line_id = '{line_id}' AND to_version IS NULL"


def vote(id: int, voter: str = "second", decision: str = "approve", content: str | None = None) -> str:
    hashed = content or f"(SELECT content_hash FROM overrides_changerequest WHERE id = {id})"
    return (
        "INSERT INTO overrides_vote (request_id, voter_id, decision, content_hash, reason, voted_at) "
        f"SELECT {id}, u.id, '{decision}', {hashed}, 'x', now() FROM auth_user u WHERE username = '{voter}'"
    )


def mode(values: str, module: str = "pm") -> str:
    return (
        f"UPDATE overrides_modulemode SET revision = revision + 1, changed_at = now(), {values} "
        f"WHERE module = '{module}'"
    )


def policy(id: int, document: str, active: str = "true", number: int = 3, module: str = "pm") -> str:
    return (
        "INSERT INTO overrides_modulepolicy (module, number, is_active, document, request_id, created_at, created_by) "
        f"VALUES ('{module}', {number}, {active}, '{document}', {id}, now(), 'm')"
    )


def mandate(
    id: int, line_id: str, reach: str = '{"size_mult": [1.0, 1.1]}', floor: str = '{"least_n": 999, "least_edge": 999}',
    until: str = "now() + interval '1 day'",
) -> str:  # fmt: skip
    return (
        "INSERT INTO overrides_mandate (line_id, request_id, direction, reach, evidence_floor, edge_sign, "
        "approvals_needed, voter_groups, review_by, granted_at) "
        f"VALUES ('{line_id}', {id}, 1, '{reach}', '{floor}', 1, 1, '[]', {until}, now())"
    )


SET = "UPDATE overrides_changerequest SET"
OFF_POLICY = "UPDATE overrides_modulepolicy SET is_active = false WHERE module = 'pm' AND is_active"
NOW = "SET CONSTRAINTS ALL IMMEDIATE"
LATER = "SET CONSTRAINTS ALL DEFERRED"
PARAMETERS = (
    "INSERT INTO overrides_parameterset (id, module, document, created_at, created_by, reason) "
    "VALUES (repeat('d', 64), '{module}', '{document}', now(), 'm', 'x')"
)
SHARP = '{"channels": {"pm_strength": {"weights": {"max_steps": {"size_mult": 5}}}}}'


def statements(world: World) -> Iterator[tuple[str, Work]]:
    for name, run in _all(world).items():
        yield name, partial(_execute, run)


def _execute(run: list[str], cursor: Any) -> None:
    for each in run:
        cursor.execute(each)


def _all(world: World) -> dict[str, list[str]]:
    dip, flat, good = (world.lines[name] for name in ("dip", "flat", "good"))
    of, asked = world.overrides, world.requests
    low, high = of["dip"], of["dip high"]
    change = [line(dip, low, high), applied(), RETIRE, version(), closes(dip), opens(dip, high)]
    add = [line(good, None, of["good high"]), applied(), RETIRE, version(), opens(good, of["good high"])]
    lines, pars, polled, moded, back, tried = (
        asked[name] for name in ("lines", "parameters", "policy", "mode", "rollback", "trial")
    )
    found: dict[str, list[str]] = {}
    for route in ("foo", "", "Review", "REVIEW", "review ", "at_onc", "mandates"):
        found[f"A1 route {route!r}: change a line"] = [request(route=route, movement="99"), *change]
        found[f"A1 route {route!r}: add a line"] = [request(route=route, movement="99"), *add]
    for route in ("at_once", "mandate", "foo"):
        for kind in ("parameters", "rollback", "Lines", "lines ", "trial", "foo"):
            found[f"A2 {route} {kind}: change a line"] = [request(kind=kind, route=route, movement="99"), *change]
        found[f"A2 {route} parameters not yet there"] = [
            request(route=route), applied(), RETIRE, version(parameters="repeat('d', 64)"), NOW, LATER,
            PARAMETERS.format(module="pm", document=SHARP),
        ]  # fmt: skip
        for content in ('{"approvals": 1}', '{"approvals": 0, "groups": []}', "{}"):
            found[f"C1 policy by route {route}: {content}"] = [
                request("policy", route, content), applied(), OFF_POLICY, policy(MINE, content),
            ]  # fmt: skip
            found[f"C1 inactive policy by route {route}: {content}"] = [
                request("policy", route, content), applied(), policy(MINE, content, "false"),
            ]  # fmt: skip
            found[f"C1 dm policy by route {route}: {content}"] = [
                request("policy", route, content, module="dm"), applied(), policy(MINE, content, number=1, module="dm"),
            ]  # fmt: skip
        for content in ('{"mode": "on"}', '{"rollout_percent": 100}', '{"allow": {}}'):
            found[f"A5 mode by route {route}: {content}"] = [
                request("mode", route, content), applied(), mode("mode = 'on', rollout_percent = 100, allow = '{}'"),
            ]  # fmt: skip
    steps = '{"mode": "on"}'
    found |= {
        "A5 mode by a review without votes": [
            request("mode", "review", steps, state="in_review"),
            f"{SET} state = 'approved' WHERE id = {MINE}", applied(), mode("mode = 'on'"),
        ],
        "A5 dm mode on by insert": ["INSERT INTO overrides_modulemode (module, mode, rollout_percent, allow, revision, "
            "changed_at, changed_by, reason) VALUES ('dm', 'on', 100, '{}', 1, now(), 'm', 'x')"],
        "A5 dm mode shadow by upsert": ["INSERT INTO overrides_modulemode (module, mode, rollout_percent, allow, "
            "revision, changed_at, changed_by, reason) VALUES ('dm', 'off', 100, '{}', 1, now(), 'm', 'x') "
            "ON CONFLICT (module) DO NOTHING", mode("mode = 'shadow'", "dm")],
        "A5 mode by merge": ["MERGE INTO overrides_modulemode AS m USING (VALUES (1)) AS v(x) ON m.module = 'pm' WHEN "
            "MATCHED THEN UPDATE SET mode = 'on', revision = m.revision + 1, changed_at = now()"],
        "A5 allow another dimension instead": [mode("""allow = '{"bucket": ["micro"]}'""")],
        "A5 allow a list in a list": [mode("""allow = '{"macro_phase": [["Good"]]}'""")],
        "A5 off and on again in one transaction": [mode("mode = 'off', rollout_percent = 0"), NOW, LATER,
            mode("mode = 'shadow', rollout_percent = 20")],
        "A5 off and on again in a savepoint": [
            "SAVEPOINT a", mode("mode = 'off'"), "ROLLBACK TO a", mode("mode = 'on'")],
        "A5 challenger of another module": [mode("challenger_id = (SELECT max(id) FROM learning_configs)")],
        "A5 mode by a signed request, and more": [applied(moded), mode("mode = 'on', rollout_percent = 100")],
        "A5 mode by a signed request, and wider": [applied(moded), mode("""mode = 'on', allow = '{}'""")],
        "A5 mode of dm by pm's signed request": [applied(moded),
            "INSERT INTO overrides_modulemode (module, mode, rollout_percent, allow, revision, changed_at, changed_by, "
            "reason) VALUES ('dm', 'on', 100, '{}', 1, now(), 'm', 'x')"],
        "A5 twice by a signed request": [applied(moded), mode("mode = 'on'"), mode("mode = 'off'"), mode("mode = 'on'"),
            mode("rollout_percent = 100")],
        "A1 at once: swap under one line": [request(), *change],
        "A1 mandate: change": [request(route="mandate"), *change],
        "A1 mandate: add": [request(route="mandate"), *add],
        "A1 withdraw one, open another": [request(), line(dip, low, None), applied(), RETIRE, version(), closes(dip),
            opens(flat, of["flat high"])],
        "A1 open without a change line": [request(), applied(), RETIRE, version(), opens(good, of["good high"])],
        "A1 check early, open later": [
            request(), applied(), RETIRE, version(), NOW, LATER, opens(good, of["good high"])],
        "A1 check early, close later": [request(), applied(), RETIRE, version(), NOW, LATER, closes(flat)],
        "A1 close without a version": [closes(dip, "99")],
        "A1 membership of an old version": [opens(good, of["good high"], "1")],
        "A1 membership of a future version": [opens(good, of["good high"], f"{LAST} + 1")],
        "A1 membership by data-modifying CTE": ["WITH r AS (" + request() + " RETURNING id), m AS ("
            + opens(good, of["good high"], f"{LAST} + 1") + " RETURNING id) SELECT * FROM r, m"],
        "A1 line before its request": [line(dip, low, high), request(), applied(), RETIRE, version(), closes(dip),
            opens(dip, high)],
        "A1 line before a review request": [line(dip, low, high), request(route="review"), applied()],
        "A1 restored without a trial": [request("trial"), applied(), RETIRE, version(kind="restored")],
        "A1 restored by a lines request": [request(), applied(), RETIRE, version(kind="restored"),
            opens(good, of["good high"])],
        "A1 kind of the version unknown": [request(), line(dip, low, high), applied(), RETIRE, version(kind="zz"),
            closes(dip), opens(dip, high)],
        "A1 trial version of a lines request": [request(), applied(), version(kind="trial", active="false"),
            opens(good, of["good high"])],
        "A1 inactive version opens": [request(), line(good, None, of["good high"]), applied(),
            version(active="false"), opens(good, of["good high"])],
        "A1 inactive at once version": [request(), line(dip, low, None), applied(), version(active="false"),
            closes(dip)],
        "A1 no version active afterwards": [request(), applied(), RETIRE, version(active="false")],
        "A2 weights at once": [request(content='{"coefficients": {"chain=base": 2}}'), applied(), RETIRE,
            version(weights="""'{"chain=base": 2}'""")],
        "A2 weights of pm": [request(), applied(), RETIRE, version(weights="""'{"chain=base": 2}'""")],
        "A2 other hash and number of overrides": [request(), applied(), RETIRE, version().replace(
            "n_overrides, content_hash, config_data, " + str(MINE), f"0, repeat('e', 64), '{{}}', {MINE}")],
        "A3 version yesterday": [request(), applied(), RETIRE, version().replace("now(), 'm'",
            "now() - interval '1 day', 'm'")],
        "A3 request closed yesterday": [request(), applied(more=", submitted_at = now() - interval '1 day'")],
        "A3 closed in the future": [request(), f"{SET} state = 'applied', "
            f"closed_at = now() + interval '4 days' WHERE id = {MINE}"],
        "A6 path on a plan line": [request(), line(dip, low, None), applied(), RETIRE, version(), closes(dip),
            opens(dip, low).replace("from_version)", "from_version, path_from, path_since)").replace(
            LAST + ")", LAST + """, '{"size_mult": 1.3}', now())""")],
        "A7 first version of dm at once": [request(module="dm"), applied(), version(module="dm", number="1")],
        "A7 first version of dm, reviewed, without votes": [request(module="dm", route="review", state="in_review"),
            f"{SET} state = 'approved' WHERE id = {MINE}", applied(),
            version(module="dm", number="1")],
        "A10 version number far ahead": [request(), applied(), RETIRE, version(number="2147483647")],
        "A10 version number zero": [request(), applied(), RETIRE, version(number="0")],
        "A11 signed lines, another size": [applied(lines), RETIRE, version(lines), closes(flat),
            opens(flat, of["flat high"]), opens(good, of["good high"])],
        "A11 signed lines, one missing": [applied(lines), RETIRE, version(lines), closes(flat),
            f"INSERT INTO overrides_membership (module, line_id, override_id, from_version) SELECT 'pm', line_id, "
            f"after_id, {LAST} FROM overrides_changeline WHERE request_id = {lines} AND line_id = '{flat}'"],
        "A11 signed parameters, others not yet there": [applied(pars), RETIRE,
            version(pars, kind="parameters", parameters="repeat('d', 64)"), NOW, LATER,
            PARAMETERS.format(module="pm", document=SHARP)],
        "A11 signed parameters, others of that module": [applied(pars), PARAMETERS.format(module="pm", document=SHARP),
            RETIRE, version(pars, kind="parameters", parameters="repeat('d', 64)")],
        "A11 signed parameters, and those that stood": [applied(pars), RETIRE, version(pars, kind="parameters")],
        "A11 signed lines, new parameters not yet there": [applied(lines), RETIRE,
            version(lines, parameters="repeat('d', 64)"), NOW, LATER, PARAMETERS.format(module="pm", document=SHARP)],
        "A11 signed rollback, to another": [applied(back), RETIRE, version(back, kind="rollback"), closes(dip)],
        "A11 signed rollback, nothing moved": [applied(back), RETIRE, version(back, kind="rollback")],
        "A11 signed policy, another document": [applied(polled), OFF_POLICY, policy(polled, '{"approvals": 0}')],
        "A11 signed policy, of dm": [applied(polled), policy(polled, '{"approvals": 2, "large_movement": 20, '
            '"large_approvals": 2}', number=1, module="dm")],
        "A11 signed policy, twice": [applied(polled), OFF_POLICY, *(policy(polled, '{"approvals": 2, "large_movement": '
            '20, "large_approvals": 2}', active, number) for active, number in (("false", 3), ("true", 4)))],
        "A11 signed lines, inactive version": [applied(lines), version(lines, active="false"), closes(flat),
            "INSERT INTO overrides_membership (module, line_id, override_id, from_version) SELECT 'pm', line_id, "
            f"after_id, {LAST} FROM overrides_changeline WHERE request_id = {lines}"],
        "A11 signed lines, mandate of the whole registry": [applied(lines), mandate(lines, good,
            '{"size_mult": [0.7, 1.3]}')],
        "A11 signed lines, mandate on another lever": [
            applied(lines), mandate(lines, good, '{"alloc_mult": [1.0, 1.3]}')],
        "A11 signed lines, mandate on another line": [applied(lines), mandate(lines, dip)],
        "A11 signed lines, mandate without a floor": [applied(lines), mandate(lines, good, '{"size_mult": [1.0, 1.05]}',
            '{"least_n": 0, "least_edge": 0}')],
        "A11 signed lines, mandate with a floor of text": [applied(lines), mandate(lines, good,
            '{"size_mult": [1.0, 1.05]}', '{"least_n": "NaN", "least_edge": "NaN"}')],
        "A11 signed lines, mandate with one end": [applied(lines), mandate(lines, good, '{"size_mult": [1.05]}',
            '{"least_n": 10, "least_edge": 50}')],
        "A11 signed lines, mandate without reach": [applied(lines), mandate(lines, good, "{}",
            '{"least_n": 10, "least_edge": 50}')],
        "A11 signed lines, mandate that ended": [applied(lines), mandate(lines, good, '{"size_mult": [1.0, 1.05]}',
            '{"least_n": 10, "least_edge": 50}', "'-infinity'")],
        "A11 signed lines, mandate of a century": [applied(lines), mandate(lines, good, '{"size_mult": [1.0, 1.05]}',
            '{"least_n": 10, "least_edge": 50}', "now() + interval '100 years'")],
        "A11 mandate before the request is applied": [mandate(lines, good, '{"size_mult": [1.0, 1.05]}',
            '{"least_n": 10, "least_edge": 50}'), applied(lines)],
        "A11 applied without a version": [applied(lines)],
        "A11 unsigned request applied": [f"{SET} state = 'approved' WHERE id = "
            f"{asked['unsigned']}", applied(asked["unsigned"])],
        "A11 unsigned request approved": [f"{SET} state = 'approved' WHERE id = "
            f"{asked['unsigned']}"],
        "A11 unsigned request scheduled": [*(f"{SET} state = '{state}', scheduled_for = "
            f"now() WHERE id = {asked['unsigned']}" for state in ("approved", "scheduled"))],
        "A11 signed trial, in force": [applied(tried), RETIRE, version(tried, kind="lines")],
        "A11 vote before its request": [
            vote(MINE, content="repeat('c', 64)"), request(route="review", state="in_review"),
            f"{SET} state = 'approved' WHERE id = {MINE}"],
        "A12 a line under votes": [line(dip, low, high, lines)],
        "A12 lines without votes taken away": [f"DELETE FROM overrides_changeline WHERE request_id = {lines}"],
        "A12 content under votes": [f"{SET} content = '{{}}', edition = edition WHERE id = {pars}"],
        "A12 movement under votes": [f"{SET} movement = 0 WHERE id = {lines}"],
        "A12 edition up and down": [f"{SET} edition = edition + 1, content_hash = repeat('f', 64) "
            f"WHERE id = {pars}", f"{SET} edition = edition - 1 WHERE id = {pars}"],
        "A12 another edition under an old hash": [f"{SET} edition = edition + 1, content_hash = "
            f"repeat('f', 64), content = '{SHARP}' WHERE id = {pars}",
            f"{SET} edition = edition + 1, content_hash = (SELECT content_hash FROM "
            f"overrides_vote WHERE request_id = {pars} LIMIT 1) WHERE id = {pars}"],
        "A12 hash of another request's vote": [f"{SET} edition = edition + 1, content_hash = "
            f"(SELECT content_hash FROM overrides_vote WHERE request_id = {lines} LIMIT 1) WHERE id = {pars}"],
        "A12 author away": [f"{SET} author_id = NULL WHERE id = {lines}"],
        "A12 votes moved": [f"UPDATE overrides_vote SET request_id = {asked['unsigned']}"],
        "A12 copied votes": ["COPY overrides_vote FROM '/dev/null'"],
        "A12 request in another's place": [request(id=lines)],
        "A12 request by upsert": [request(id=lines, kind="mode") + " ON CONFLICT (id) DO UPDATE SET content = "
            "excluded.content, state = 'applied', closed_at = now()"],
        "B1 a person by temporary table": ["CREATE TEMPORARY TABLE auth_user (id integer, is_active boolean, "
            "is_superuser boolean)", "INSERT INTO pg_temp.auth_user VALUES (1, true, true)",
            "SET search_path = pg_temp, public", f"{SET} state = 'approved' WHERE id = {asked['unsigned']}"],
        "B1 an audit table of one's own": ["CREATE TEMPORARY TABLE telemetry_auditentry AS SELECT * FROM "
            "public.telemetry_auditentry", "SET search_path = pg_temp, public", mode("mode = 'on'")],
        "B1 simulated time of one's own": ["CREATE TEMPORARY TABLE simulated_time AS SELECT now() AS since",
            "SET search_path = pg_temp, public", request(), applied(more=", submitted_at = '2020-01-01'")],
        "B1 now of one's own": ["CREATE FUNCTION pg_temp.now() RETURNS timestamptz LANGUAGE sql AS $$SELECT "
            "'2020-01-01'::timestamptz$$", "SET search_path = pg_temp, pg_catalog, public", request(), applied()],
        "B1 operators of one's own": [
            "CREATE FUNCTION pg_temp.never(text, text) RETURNS boolean LANGUAGE sql AS $$SELECT "
            "false$$", "CREATE OPERATOR pg_temp.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.never)",
            "SET search_path = pg_temp, public", request(route="foo"), *change],
        "B1 no row security, no triggers": ["SET session_replication_role = replica"],
        "B3 key for the writer": ["UPDATE access_apikey SET owner_id = NULL"],
        "B7 delete modes": ["DELETE FROM overrides_modulemode"],
        "B8 locked for ever": ["SELECT setval('overrides_changerequest_id_seq', 9223372036854775807)"],
        "B8 ids of requests taken": [*(request(id=each) for each in range(40, 47))],
    }  # fmt: skip
    nexts = {
        "overrides_linehold": "INSERT INTO overrides_linehold (id, line_id, kind, reason, placed_by_id, placed_at) "
        "SELECT "
        "(SELECT last_value FROM overrides_linehold_id_seq) + s, id, 'pin', 'x', 1, now() FROM overrides_line, "
        "generate_series(1, 3) s WHERE s + 0 = 1 AND id NOT IN (SELECT line_id FROM overrides_linehold)",
        "learning_configs": version(active="false").replace("(module,", "(id, module,").replace("SELECT 'pm',",
        "SELECT (SELECT max(id) FROM learning_configs) + 1, 'pm',"),
        "overrides_changerequest": request(id=0).replace("VALUES (0,",
        "VALUES ((SELECT last_value FROM overrides_changerequest_id_seq) + 1,"),
    }  # fmt: skip
    found["B8 ids of holds taken in advance"] = [nexts["overrides_linehold"]]
    found["B8 ids of versions taken in advance"] = [request(), applied(), nexts["learning_configs"]]
    found["B8 ids of requests taken in advance"] = ["SET LOCAL x.y = ''", nexts["overrides_changerequest"]]
    for when in ("'infinity'", "'-infinity'", "'20000-01-01'", "'0044-03-15 BC'"):
        found[f"B8 request that expires {when}"] = [request(expires=when, state="in_review", route="review")]
        found[f"B8 pin until {when}"] = [
            "INSERT INTO overrides_linehold (line_id, kind, reason, placed_by_id, placed_at, "
            f"expires_at) VALUES ('{flat}', 'pin', 'x', 1, now(), {when})"]  # fmt: skip
        found[f"B8 line made {when}"] = ["INSERT INTO overrides_line (id, module, channel, policy, pattern_key, "
            f"action_category, scope, created_at) VALUES (repeat('b', 64), 'pm', 'pm_strength', 'plan', "
            f"'a.long.b', 'entry', "
            f"'{{}}', {when})"]  # fmt: skip
    for kind in ("foo", "Lines", ""):
        found[f"B8 request of kind {kind!r}"] = [request(kind=kind, state="in_review", route="review")]
    for module in ("zz", "", "PM"):
        found[f"B8 request of module {module!r}"] = [request(module=module, state="in_review", route="review")]
    for kind, content in (("policy", "5"), ("mode", "[]"), ("parameters", "null"), ("rollback", '{"to": 99}'),
        ("rollback", '{"to": "x"}'), ("rollback", "{}"), ("trial", "{}"), ("mode", '{"mode": "zz"}'),
        ("policy", '{"approvals": "x"}'), ("lines", "[]"), ("lines", '{"coefficients": 5}'), ("lines", '"x"'),
        ("parameters", '{"channels": 5}')):  # fmt: skip
        found[f"B8 {kind} request of content {content}"] = [request(kind, "review", content, state="in_review")]
    return found
