"""Coverage page: how many of the most recently reported actions can be learned from, dimension by dimension."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse

from overrides.core.engine.definitions.coefficients import dimensions_weighed
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.universe import UNIVERSE
from overrides.versions.load_version import current_parameters
from telemetry.models import MODULES

WINDOW = 25_000  # newest actions of a module
LOOKED_THROUGH = 200_000  # newest actions of all modules that are searched, which keeps the page fast
LEARNED_BY_COEFFICIENT = "learned by a coefficient only"
PERMISSION = "telemetry.view_trade"

_NEWEST = """
FROM unnest(%(modules)s::text[]) AS listed (module), LATERAL (
    SELECT pattern_key, action_category, scope, at, trade_id, index, decision_ids
    FROM (SELECT * FROM telemetry_action ORDER BY id DESC LIMIT %(looked_through)s) AS newest
    WHERE newest.module = listed.module AND EXISTS (
        SELECT FROM telemetry_trade AS trade
        WHERE trade.id = newest.trade_id
            AND trade.book = ANY(CASE listed.module WHEN 'pm' THEN %(pm_books)s::text[] ELSE %(dm_books)s::text[] END)
    ) LIMIT %(window)s
) AS action
"""
_TOTALS = f"""
SELECT listed.module, count(*), count(*) FILTER (WHERE pattern_key <> ''),
       count(*) FILTER (WHERE action_category <> ''),
       count(*) FILTER (WHERE scope ?& CASE listed.module WHEN 'pm' THEN %(pm)s::text[] ELSE %(dm)s::text[] END),
       min(at), max(at)
{_NEWEST} GROUP BY listed.module
"""
_DIMENSIONS = f"""
SELECT listed.module, dimension, count(*)
{_NEWEST}, jsonb_object_keys(action.scope) AS dimension GROUP BY listed.module, dimension
"""

_ASKED_OTHERWISE = f"""
SELECT listed.module, count(*)
{_NEWEST}
JOIN telemetry_outcome AS outcome ON outcome.trade_id = action.trade_id AND outcome.action_index = action.index
WHERE action.decision_ids <> '{{}}' AND outcome.scope <> action.scope GROUP BY listed.module
"""


@dataclass(frozen=True)
class Share:
    """A bar: how many of `n` actions have a property."""

    name: str
    count: int
    n: int
    note: str = ""

    @property
    def percent(self) -> float:
        """The share in per cent."""
        return 100.0 * self.count / self.n if self.n else 0.0

    @property
    def width(self) -> str:
        """The width of a bar that is 200 units long; text, because a template might localise the decimal point."""
        return f"{2.0 * self.percent:.1f}"


@dataclass(frozen=True)
class Coverage:
    """One module's actions in the window: shares of whole actions, then of each dimension, known dimensions first.

    `books` are those that the module learns from; the actions of other books are not counted.
    `asked_otherwise` counts those that were sent with another scope than their decision was asked for.
    """

    module: str
    books: tuple[str, ...]
    n: int
    first: datetime | None
    last: datetime | None
    wholes: tuple[Share, ...]
    dimensions: tuple[Share, ...]
    asked_otherwise: int


def coverage(window: int = WINDOW, looked_through: int = LOOKED_THROUGH) -> list[Coverage]:
    """Return the coverage of every module in its newest `window` actions, among the newest `looked_through` of all.

    Only actions of the books that the module learns from count.
    """
    parameters = {module: current_parameters(module) for module, _ in MODULES}
    learned = {module: list(each.learned_dimensions) for module, each in parameters.items()}
    books = {f"{module}_books": list(each.lessons.books) for module, each in parameters.items()}
    values: dict[str, int | list[str]] = {"window": window, "looked_through": looked_through, **learned, **books}
    values["modules"] = list(parameters)
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, values)
        totals = {module: counted for module, *counted in cursor.fetchall()}
        cursor.execute(_DIMENSIONS, values)
        present: dict[str, dict[str, int]] = {}
        for module, dimension, count in cursor.fetchall():
            present.setdefault(module, {})[dimension] = count
        cursor.execute(_ASKED_OTHERWISE, values)
        otherwise = dict(cursor.fetchall())
    return [
        _coverage(each, totals.get(module), present.get(module, {}), otherwise.get(module, 0))
        for module, each in parameters.items()
    ]


def coverage_page(request: HttpRequest) -> HttpResponseBase:
    """Show the coverage of all modules."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    context: dict[str, Any] = admin.site.each_context(request) | {
        "title": "Coverage",
        "modules": coverage(),
        "window": WINDOW,
        "looked_through": LOOKED_THROUGH,
        "as_of": datetime.now(UTC),
    }
    return TemplateResponse(request, "desk/coverage.html", context)


def _coverage(
    parameters: ModuleParameters, totals: Iterable[Any] | None, present: dict[str, int], asked_otherwise: int
) -> Coverage:
    """Return one module's coverage."""
    n, keyed, categorized, complete, first, last = totals or (0, 0, 0, 0, None, None)
    learned, known = parameters.learned_dimensions, parameters.known_dimensions
    wholes = (
        Share("pattern key", keyed, n),
        Share("action category", categorized, n),
        Share(f"all {len(learned)} learned dimensions", complete, n),
    )
    weighed = dimensions_weighed(parameters.module)
    recorded = {name: LEARNED_BY_COEFFICIENT if name in weighed else "recorded only" for name in known}
    own = {each.name: each.meaning for each in parameters.own_dimensions}
    notes = recorded | dict.fromkeys(learned, "") | {name: _own_note(name in learned, own[name]) for name in own}
    notes[UNIVERSE] = "the universe that a scope was computed over: compared with the parameters, not learned from"
    shares = [Share(name, present.get(name, 0), n, notes[name]) for name in known]
    strangers = sorted(set(present) - set(known) - {UNIVERSE})
    shares += [Share(UNIVERSE, present[UNIVERSE], n, notes[UNIVERSE])] if UNIVERSE in present else []
    shares += [Share(name, present[name], n, "not known to the module: ignored") for name in strangers]
    return Coverage(parameters.module, parameters.lessons.books, n, first, last, wholes, tuple(shares), asked_otherwise)


def _own_note(is_learned: bool, meaning: str) -> str:
    return f"own dimension, {'learned from' if is_learned else 'recorded only'}: {meaning}"
