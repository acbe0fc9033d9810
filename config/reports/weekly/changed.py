"""What changed in the week: the requests that took effect, what they moved, and the holds that were placed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from config.reports.weekly.shape import Figure, Period, Section, Table, TableRow, address, moment

MOST = 100  # requests listed
KINDS = {
    "lines": "lines", "parameters": "parameters", "mode": "mode", "policy": "policy", "rollback": "roll-back",
    "trial": "trial of a challenger",
}  # fmt: skip
ROUTES = {"review": "after votes", "mandate": "under mandates", "at_once": "at once"}
_APPLIED = """
SELECT r.id, r.module, r.kind, r.route, r.title, r.author_name, r.author_id IS NULL, r.closed_at, moved.added,
    moved.changed, moved.withdrawn, moved.levers, ARRAY(
        SELECT DISTINCT u.username::text FROM overrides_vote AS v JOIN auth_user AS u ON u.id = v.voter_id
        WHERE v.request_id = r.id AND v.content_hash = r.content_hash AND v.decision = 'approve' ORDER BY 1
    )
FROM overrides_changerequest AS r
CROSS JOIN LATERAL (
    SELECT count(DISTINCT c.id) FILTER (WHERE c.action = 'add') AS added,
        count(DISTINCT c.id) FILTER (WHERE c.action = 'change') AS changed,
        count(DISTINCT c.id) FILTER (WHERE c.action = 'withdraw') AS withdrawn,
        coalesce(array_agg(DISTINCT lever.name) FILTER (WHERE lever.name IS NOT NULL), '{}') AS levers
    FROM overrides_changeline AS c
    LEFT JOIN overrides_override AS o ON o.id = coalesce(c.after_id, c.before_id)
    LEFT JOIN LATERAL jsonb_object_keys(o.levers) AS lever (name) ON true
    WHERE c.request_id = r.id
) AS moved
WHERE r.state = 'applied' AND r.closed_at >= %(since)s AND r.closed_at < %(until)s
ORDER BY r.author_id IS NULL, r.closed_at DESC, r.id DESC
"""
_HOLDS = """
SELECT kind, count(*) FILTER (WHERE placed_at >= %(since)s AND placed_at < %(until)s),
    count(*) FILTER (WHERE lifted_at >= %(since)s AND lifted_at < %(until)s)
FROM overrides_linehold GROUP BY kind
"""


def changed(week: Period) -> Section:
    """Return what changed; two queries."""
    with connection.cursor() as cursor:
        cursor.execute(_APPLIED, week.bounds)
        names = ("id", "module", "kind", "route", "title", "author", "is_machine", "at", "added", "changed",
                 "withdrawn", "levers", "approvers")  # fmt: skip
        applied = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        cursor.execute(_HOLDS, week.bounds)
        holds = {kind: (placed, lifted) for kind, placed, lifted in cursor.fetchall()}
    return Section(
        "changed",
        "What changed",
        "Requests that took effect in the week, and vetoes, pins and caps that were placed or lifted.",
        [*_figures(applied), *_hold_figures(holds)],
        [_table(applied)],
    )


def _figures(applied: Sequence[Mapping[str, Any]]) -> list[Figure]:
    everything = address("admin:overrides_changerequest_changelist", state="applied")
    found = [Figure("Requests that took effect", len(applied), link=everything)]
    by_kind = Counter(each["kind"] for each in applied)
    found += [Figure(f"of them about {KINDS[kind]}", by_kind[kind], link=everything) for kind in KINDS if by_kind[kind]]
    for name in ("added", "changed", "withdrawn"):
        found.append(Figure(f"Lines {name}", sum(each[name] for each in applied), link=everything))
    levers = Counter(lever for each in applied for lever in each["levers"])
    if levers:
        words = ", ".join(f"{lever} in {count}" for lever, count in levers.most_common())
        found.append(Figure("Levers moved", len(levers), note=f"by the number of requests: {words}", link=everything))
    return found


def _hold_figures(holds: Mapping[str, tuple[int, int]]) -> list[Figure]:
    page = address("admin:overrides_linehold_changelist")
    words = {"veto": "Vetoes", "pin": "Pins", "cap": "Caps"}
    return [
        Figure(
            f"{words[kind]} placed", holds.get(kind, (0, 0))[0], note=f"{holds.get(kind, (0, 0))[1]} lifted", link=page
        )
        for kind in words
    ]


def _table(applied: Sequence[Mapping[str, Any]]) -> Table:
    columns = ("request", "module", "about", "took effect", "at", "by", "approved by", "lines", "levers")
    return Table("Requests that took effect", columns, [_row(each) for each in applied[:MOST]], (7,),
                 max(0, len(applied) - MOST), "No request took effect.")  # fmt: skip


def _row(each: Mapping[str, Any]) -> TableRow:
    lines = each["added"] + each["changed"] + each["withdrawn"]
    cells = (
        f"{each['id']}: {each['title']}", each["module"], KINDS[each["kind"]], ROUTES[each["route"]],
        moment(each["at"]), f"{each['author']}{' (a machine)' if each['is_machine'] else ''}",
        ", ".join(each["approvers"]), lines, ", ".join(each["levers"]),
    )  # fmt: skip
    return TableRow(cells, address("admin:overrides_changerequest_change", each["id"]))
