"""What the week earned: by exact size replay as a whole, and by shares of attribution by book, line and day."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.db import connection

from config.reports.weekly.shape import Daily, Figure, Period, Section, Table, TableRow, address
from config.reports.weekly.whole import ONE_WEEK, whole_figures
from telemetry.core.scopes import scope_text
from telemetry.foundation.core.words import count_of

ENDS = 5  # lines listed at either end
ABOUT = (
    "In R per unit of size: by exact replay of the sizes of all positions, and by shares of attribution in trades that "
    "closed in the week. A sum over one week is within the reach of luck, so it carries no verdict; the mean over all "
    "days up to the end of the week has an interval that holds at all looks at once. Corrections that came after the "
    "report was made are not in it."
)
_BY_BOOK = """
SELECT action.module, t.book, count(DISTINCT t.id), sum(s.share) FILTER (WHERE s.line_id <> ''),
    sum(s.share) FILTER (WHERE s.line_id = '' AND s.override_id = 'coefficients')
FROM telemetry_trade AS t JOIN telemetry_attributionshare AS s ON s.attribution_id = t.id
JOIN telemetry_decision AS action ON action.decision_id = s.decision_id
WHERE t.is_current AND t.closed_at >= %(since)s AND t.closed_at < %(until)s GROUP BY 1, 2 ORDER BY 1, 2
"""
_BY_LINE = """
WITH summed AS (
    SELECT s.line_id, sum(s.share) AS share, count(DISTINCT s.attribution_id) AS trades
    FROM telemetry_trade AS t JOIN telemetry_attributionshare AS s ON s.attribution_id = t.id
    WHERE t.is_current AND t.closed_at >= %(since)s AND t.closed_at < %(until)s AND s.line_id <> '' GROUP BY 1
), ranked AS (
    SELECT *, row_number() OVER (ORDER BY share DESC, line_id) AS best,
        row_number() OVER (ORDER BY share, line_id) AS worst, count(*) OVER () AS lines
    FROM summed
)
SELECT ranked.line_id, l.module, l.pattern_key, l.action_category, l.scope, share, trades,
    best <= %(ends)s AND share > 0, worst <= %(ends)s AND share < 0, lines
FROM ranked LEFT JOIN overrides_line AS l ON l.id = ranked.line_id
WHERE best <= %(ends)s OR worst <= %(ends)s ORDER BY share DESC
"""
_BY_DAY = """
SELECT (t.closed_at AT TIME ZONE 'UTC')::date, sum(s.share)
FROM telemetry_trade AS t JOIN telemetry_attributionshare AS s ON s.attribution_id = t.id
WHERE t.is_current AND t.closed_at >= %(since)s AND t.closed_at < %(until)s AND s.line_id <> '' GROUP BY 1
"""


def earned(week: Period) -> Section:
    """Return what the week earned: three queries beside those of the size replay."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_BOOK, week.bounds)
        books = cursor.fetchall()
        cursor.execute(_BY_LINE, week.bounds | {"ends": ENDS})
        lines = cursor.fetchall()
        cursor.execute(_BY_DAY, week.bounds)
        by_day = dict(cursor.fetchall())
    return Section(
        "earned",
        "What it earned",
        ABOUT,
        [*whole_figures(week), *_figures(books)],
        [_ends("Best lines", lines, 7), _ends("Worst lines", lines, 8)],
        Daily("Overrides, by UTC day of the close", "R", [day.isoformat() for day in week.days],
              [by_day.get(day) for day in week.days]),
    )  # fmt: skip


def _figures(books: Sequence[Any]) -> list[Figure]:
    page = address("admin:telemetry_attribution_changelist")
    if not books:
        missing = "no trade that closed in the week has been attributed to a lever with an identified effect"
        return [Figure("Earned by overrides", None, "R", f"not shown: {missing}", page)]
    found = []
    for module, book, trades, overrides, coefficients in books:
        note = f"{count_of(trades, 'trade')}; {ONE_WEEK}"
        said = (
            note if overrides is not None else f"not shown: no override has a share in the {count_of(trades, 'trade')}"
        )
        found.append(Figure(f"Overrides of {module} in book {book}", overrides, "R", said, page))
        if coefficients is not None:
            found.append(Figure(f"Coefficients of {module} in book {book}", coefficients, "R", note, page))
    return found


def _ends(title: str, lines: Sequence[Any], place: int) -> Table:
    rows = [each for each in lines if each[place]]
    rows = rows if place == 7 else rows[::-1]
    of_all = f" of {count_of(lines[0][9], 'line')} with a share" if lines else ""
    columns = ("line", "module", "scope", "share in R", "trades")
    return Table(f"{title}{of_all}", columns, [_line(each) for each in rows], (3, 4), nothing="No line.")


def _line(each: Sequence[Any]) -> TableRow:
    line, module, pattern_key, category, scope, share, trades, *_ = each
    if module is None:
        return TableRow((line[:12], "", "", share, trades))
    scope = json.loads(scope) if isinstance(scope, str) else scope
    return TableRow(
        (f"{pattern_key} {category}", module, scope_text(scope), share, trades),
        address("admin:overrides_line_change", line),
    )
