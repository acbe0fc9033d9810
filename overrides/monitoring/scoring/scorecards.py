"""Keep the scorecards of every line, pattern, learning method, author, reviewer and module, and of the coefficients.

All are computed from the trades that lines touched. They are computed again when a trade was attributed, corrected or
taken back, or when a request was decided, and are left alone otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from math import nan
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.db.models import Count, Max

from overrides.core.engine.definitions.content_hash import content_hash
from overrides.core.engine.position_scaling import COEFFICIENTS
from overrides.core.monitoring.days.day_bootstrap import Ints
from overrides.core.monitoring.scoring.scorecard import Scorecard as Figures
from overrides.core.monitoring.scoring.scorecard import TouchedColumns, scorecard
from overrides.models import ChangeRequest, Scorecard, Vote
from overrides.monitoring.scoring.score_groups import Group, Grouped, Key, Place, grouped, places_of
from overrides.monitoring.scoring.touched_trades import touched_trades
from telemetry.foundation.job_runs import Done
from telemetry.foundation.models import JobRun
from telemetry.models import Attribution

JOB = "score"
CODE = "scorecards 1"  # increase it whenever the figures change, so that what is stored is computed again
FEWEST_DECIDED = 20  # lines; nothing is said of a reviewer who decided fewer
CHUNK = 500
WITH_BINS = (Group.MODULE, Group.METHOD, Group.PATTERN, Group.AUTHOR, Group.REVIEWER)

OF_COEFFICIENTS = """
SELECT trade.closed_at, count(*), sum(share.share), sum(abs(share.part))
FROM telemetry_attributionshare AS share JOIN telemetry_trade AS trade ON trade.id = share.attribution_id
WHERE share.line_id = '' AND share.override_id = %s GROUP BY trade.id ORDER BY trade.id
"""


@dataclass(frozen=True)
class _Card:
    """A scorecard to be written: `movement` is its share of what the module's scaling levers were moved."""

    key: Key
    lines: int
    figures: Figures
    movement: float | None
    method: str = ""

    @property
    def is_shown(self) -> bool:
        """Whether its figures are: not those of a reviewer who decided too few lines."""
        return self.key.group != Group.REVIEWER or self.lines >= FEWEST_DECIDED


def score(*, now: datetime) -> Done:
    """Compute the scorecards again if anything they rest on has changed; return how many were written."""
    basis = _basis()
    last = JobRun.objects.filter(job=JOB, status="done").order_by("-started_at").first()
    if last is not None and last.detail.get("basis") == basis:
        return Done(0, {"basis": basis})
    return Done(_write(list(_cards()), now), {"basis": basis})


def card_id(key: Key) -> str:
    """Return the id of a scorecard, which stays the same when it is computed again."""
    return content_hash([key.group, key.module, key.name])


def _basis() -> str:
    """Return the hash of what the scorecards rest on: attributed trades, requests and votes."""
    trades = Attribution.objects.aggregate(Count("pk"), Max("attributed_at"))
    votes = Vote.objects.aggregate(Max("pk"))
    closed = ChangeRequest.objects.aggregate(Max("closed_at"))
    return content_hash([CODE, *(str(each) for found in (trades, votes, closed) for each in found.values())])


def _cards() -> Iterator[_Card]:
    lines: dict[str, int] = {}
    overrides: dict[str, int] = {}
    columns = TouchedColumns.of(
        touched_trades(),
        lambda name: lines.setdefault(name, len(lines)),
        lambda name: overrides.setdefault(name, len(overrides)),
    )
    coefficients = _of_coefficients()
    places = places_of(list(overrides))
    groups = grouped(places)
    rows_of = _rows_of(columns.override, len(overrides))
    figures = {
        key: scorecard(
            columns.at(np.concatenate([rows_of[overrides[each]] for each in named])), with_bins=key.group in WITH_BINS
        )
        for key, named in groups.overrides.items()
    }
    if len(coefficients):
        figures[Key(Group.COEFFICIENTS, "dm", COEFFICIENTS)] = scorecard(coefficients)
    moved = _moved_by_module(figures)
    for key, found in figures.items():
        yield _card(key, found, groups, places, moved[key.module])


def _card(key: Key, figures: Figures, groups: Grouped, places: Mapping[str, Place], of_module: float) -> _Card:
    named = groups.overrides.get(key, ())
    lines = groups.decided.get(key, len({places[each].line for each in named}))
    share = None if figures.moved is None or of_module == 0 else figures.moved / of_module
    has_method = key.group in (Group.LINE, Group.METHOD)
    return _Card(key, lines, figures, share, places[[*named][-1]].method if has_method else "")


def _rows_of(override: Ints, overrides: int) -> list[Ints]:
    """Return the row numbers of each override."""
    order = np.argsort(override, kind="stable")
    return np.split(order, np.searchsorted(override[order], np.arange(1, overrides)))


def _moved_by_module(figures: Mapping[Key, Figures]) -> dict[str, float]:
    """Return what the scaling levers of each module were moved by lines and coefficients, in log units."""
    moved = {"dm": 0.0, "pm": 0.0}
    for key, found in figures.items():
        if key.group in (Group.MODULE, Group.COEFFICIENTS):
            moved[key.module] += found.moved or 0.0
    return moved


def _of_coefficients() -> TouchedColumns:
    """Return what the product of the coefficients earned, one row per trade; coefficients carry no promise."""
    with connection.cursor() as cursor:
        cursor.execute(OF_COEFFICIENTS, [COEFFICIENTS])
        found = cursor.fetchall()
    numbers = np.arange(len(found), dtype=np.int64)
    unknown = np.full(len(found), nan)
    return TouchedColumns(
        line=np.zeros(len(found), np.int64),
        override=np.zeros(len(found), np.int64),
        trade=numbers,
        day=np.array([closed_at.toordinal() for closed_at, *_ in found], np.int64),
        decisions=np.array([row[1] for row in found], np.int64),
        promised=unknown,
        realised=unknown,
        earned=np.array([row[2] for row in found], np.float64),
        moved=np.array([row[3] for row in found], np.float64),
    )


@transaction.atomic
def _write(cards: list[_Card], now: datetime) -> int:
    """Replace the stored scorecards by these, and return their number."""
    rows = [_row(card, now) for card in cards]
    fields = [field.name for field in Scorecard._meta.concrete_fields if field.name != "id"]
    Scorecard.objects.exclude(pk__in=[row.pk for row in rows]).delete()
    Scorecard.objects.bulk_create(
        rows, batch_size=CHUNK, update_conflicts=True, update_fields=fields, unique_fields=["id"]
    )
    return len(rows)


def _row(card: _Card, now: datetime) -> Scorecard:
    key, found = card.key, card.figures
    shown: dict[str, Any] = {
        "trades": found.trades,
        "decisions": found.decisions,
        "movement": card.movement,
        "judged": found.judged,
        "judged_days": found.judged_days,
        "promised": found.promised,
        **_ends("realised", found.realised),
        **_ends("slope", found.slope),
        "bins": [asdict(each) for each in found.bins],
        "earning_days": found.earning_days,
        "earned": found.earned,
        **{name.replace("each_", ""): value for name, value in _ends("earned_each", found.earned_each).items()},
    }
    return Scorecard(
        id=card_id(key),
        group=key.group,
        module=key.module,
        name=key.name,
        line_id=key.name if key.group == Group.LINE else None,
        method=card.method,
        lines=card.lines,
        is_shown=card.is_shown,
        computed_at=now,
        **(shown if card.is_shown else dict.fromkeys(COUNTS, 0)),
    )


COUNTS = ("trades", "decisions", "judged", "judged_days", "earning_days")


def _ends(name: str, interval: Any) -> dict[str, float | None]:
    """Return an interval as the three fields of a scorecard."""
    if interval is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
