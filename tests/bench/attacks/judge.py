"""What is served, granted and approved, read from rows by plain queries; and which differences anybody may cause.

The judge shares nothing with the triggers: it compares what stood before an attempt with what stands after it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import connection

from overrides.core.engine.definitions.levers import LEVERS

State = dict[str, dict[str, Any]]
QUERIES = {
    "serves": "SELECT c.module || ' ' || m.line_id, jsonb_build_object('id', o.id, 'levers', o.levers, 'line', "
    "to_jsonb(l) - 'created_at', 'edge', o.edge_raw, 'n', o.n, 'path', m.path_from, 'since', m.path_since) "
    "FROM learning_configs c JOIN overrides_membership m ON m.module = c.module AND m.from_version <= c.number "
    "AND (m.to_version IS NULL OR m.to_version > c.number) JOIN overrides_override o ON o.id = m.override_id "
    "JOIN overrides_line l ON l.id = o.line_id WHERE c.is_active",
    "would serve": "SELECT m.module || ' ' || m.line_id, jsonb_build_object('id', o.id, 'levers', o.levers, 'path', "
    "m.path_from) FROM overrides_membership m JOIN overrides_override o ON o.id = m.override_id "
    "WHERE m.to_version IS NULL",
    "constants": "SELECT c.module, jsonb_build_object('parameters', p.document, 'of', p.module, 'weights', "
    "c.coefficients) FROM learning_configs c JOIN overrides_parameterset p ON p.id = c.parameters_id WHERE c.is_active",
    "modes": "SELECT m.module, to_jsonb(m) - '{revision,changed_at,changed_by,reason,challenger_id}'::text[] || "
    "jsonb_build_object('challenger', c.number) FROM overrides_modulemode m "
    "LEFT JOIN learning_configs c ON c.id = m.challenger_id",
    "challengers": "SELECT c.module, jsonb_build_object('number', c.number, 'parameters', p.document, 'lines', ("
    "SELECT jsonb_object_agg(m.line_id, o.levers) FROM overrides_membership m JOIN overrides_override o ON "
    "o.id = m.override_id WHERE m.module = c.module AND m.from_version <= c.number AND (m.to_version IS NULL OR "
    "m.to_version > c.number))) FROM overrides_modulemode d JOIN learning_configs c ON c.id = d.challenger_id "
    "JOIN overrides_parameterset p ON p.id = c.parameters_id",
    "policies": "SELECT module, document FROM overrides_modulepolicy WHERE is_active",
    "mandates": "SELECT line_id, to_jsonb(m) - '{id,request_id,granted_at,revoked_at,review_by}'::text[] || "
    "jsonb_build_object('until', date_trunc('hour', review_by + interval '30 minutes')) FROM overrides_mandate m "
    "WHERE revoked_at IS NULL AND review_by > now()",
    "holds": "SELECT kind || ' ' || line_id, coalesce(expires_at::text, 'open') FROM overrides_linehold "
    "WHERE lifted_at IS NULL AND (expires_at IS NULL OR expires_at > now())",
    "quarantines": "SELECT module, 1 FROM overrides_quarantine WHERE lifted_at IS NULL",
    "approvers": "SELECT DISTINCT u.username, jsonb_build_object('password', u.password, 'super', u.is_superuser, "
    "'groups', (SELECT jsonb_agg(g.name ORDER BY 1) FROM auth_user_groups m JOIN auth_group g ON g.id = m.group_id "
    "WHERE m.user_id = u.id)) FROM auth_user u LEFT JOIN auth_user_groups ug ON ug.user_id = u.id "
    "LEFT JOIN auth_group_permissions gp ON gp.group_id = ug.group_id "
    "LEFT JOIN auth_user_user_permissions up ON up.user_id = u.id "
    "LEFT JOIN auth_permission p ON p.id IN (gp.permission_id, up.permission_id) "
    "WHERE u.is_active AND (u.is_superuser OR p.codename = 'review_changerequest')",
    "keys": "SELECT prefix, to_jsonb(k) - 'last_used_at' FROM access_apikey k WHERE revoked_at IS NULL",
    "requests": "SELECT CASE WHEN created_at >= now() - interval '5 seconds' THEN 'new ' || title ELSE id::text END, "
    "jsonb_build_object('state', state, 'signed', jsonb_build_array(module, kind, route, title, reason, "
    "date_trunc('hour', expires_at + interval '30 minutes'), content, CASE WHEN created_at < now() - interval "
    "'5 seconds' THEN content_hash END, edition, movement, base_parameters, author_id), 'lines', "
    "(SELECT jsonb_object_agg(line_id, coalesce(before_id, '') || '>' || coalesce(after_id, '')) "
    "FROM overrides_changeline c WHERE c.request_id = r.id)) FROM overrides_changerequest r",
}
LESS = {"off": 0, "shadow": 1, "on": 2}
ENDED = ("rejected", "cancelled", "expired", "failed", "changes_requested", "in_review", "draft")


def snapshot() -> State:
    found: State = {}
    with connection.cursor() as cursor:
        for name, query in QUERIES.items():
            cursor.execute(query)
            found[name] = {
                key: json.loads(value) if isinstance(value, str) and value[:1] in "{[" else value
                for key, value in cursor.fetchall()
            }
    return found


def governs(before: State, after: State, *honest: State) -> list[str]:
    """Return what moved away from neutral, and is not what an honest flow would have brought either."""
    return [
        f"{name}: {key}"
        for name in QUERIES
        for key in sorted({*before[name], *after[name]})
        if after[name].get(key) not in [each[name].get(key) for each in (before, *honest)]
        and not _allowed(name, before[name].get(key), after[name].get(key))
        and not (name == "mandates" and any(_stricter(each[name].get(key), after[name][key]) for each in honest))
    ]


def _allowed(name: str, before: Any, after: Any) -> bool:
    if name in ("serves", "would serve", "mandates", "challengers", "keys"):
        return after is None
    if name == "approvers":
        return after is None
    if name == "modes":
        was = before or {"mode": "off", "rollout_percent": 100.0, "allow": {}, "challenger": None}
        return after is not None and _lower(was, after)
    if name in ("holds", "quarantines"):
        return before is None or (after is not None and name == "holds" and after > before)
    if name == "requests":
        return _request(before, after)
    return False


def _stricter(signed: Any, now: Any) -> bool:
    """A mandate that only needs more evidence than an honest one."""
    if signed is None:
        return False
    floors = signed["evidence_floor"], now["evidence_floor"]
    return bool(signed | {"evidence_floor": floors[1]} == now) and all(
        floors[1][name] >= floors[0][name] for name in floors[0]
    )


def _lower(was: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return (
        LESS[now["mode"]] <= LESS[was["mode"]]
        and now["rollout_percent"] <= was["rollout_percent"]
        and now["challenger"] in (None, was["challenger"])
        and all(key in now["allow"] and set(now["allow"][key]) <= set(kept) for key, kept in was["allow"].items())
    )


def _request(before: Any, after: Any) -> bool:
    """A new request may be a draft, in review or ended, or applied at once; an old one may only be ended."""
    if after is None:
        return False
    kept = before is not None and (after["signed"], after["lines"]) == (before["signed"], before["lines"])
    if kept and before["state"] in ("approved", "scheduled") and after["state"] in ("approved", "scheduled"):
        return True  # when it is due is not signed
    if after["state"] in ENDED:
        unsigned = before is None or after["signed"][8] > before["signed"][8]
        return unsigned or before["state"] == "draft" or (after["signed"], after["lines"]) == (
            before["signed"], before["lines"],
        )  # fmt: skip
    # applied without review: whatever it brought shows elsewhere
    return bool(after["state"] == "applied" and after["signed"][2] != "review")


def misplaced() -> Iterator[str]:
    """Yield levers in force that no registry knows or that lie outside its bounds, by the registry in Python."""
    for key, row in snapshot()["serves"].items():
        for name, value in row["levers"].items():
            lever = LEVERS.get(name)
            if lever is None or not lever.low <= value <= lever.high:
                yield f"{key} {name}={value}"
