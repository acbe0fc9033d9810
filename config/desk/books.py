"""Books: what each module learns from, and how many of the recorded trades of every book can teach it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse

from learning.readers.trades_by_book import NEWEST, BookOfModule, trades_by_book
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.governance.permissions import DRAFT, PROPOSE_PARAMETERS
from overrides.versions.load_version import current_parameters
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.csv_cells import csv_lines
from telemetry.foundation.core.words import count_of
from telemetry.models import MODULES

PERMISSION = "telemetry.view_trade"
BOOKS_PATH = "lessons.books"  # of the parameter that the form for other parameters asks for
COLUMNS = ("module", "book", "is_learned", "trades", "entries", "teaching", "not_teaching", "reasons", "last_close")
COUNTED = 20_000  # newest actions that the start page counts
# The trades of each module and book among the newest actions, as a column of the start page's one query: how many
# actions were looked at, then the counts.
RECORDED = """(
    WITH action AS MATERIALIZED (SELECT module, trade_id FROM telemetry_action ORDER BY id DESC LIMIT %s),
    counted AS (
        SELECT action.module, trade.book, count(DISTINCT trade.id) AS trades
        FROM action JOIN telemetry_trade AS trade ON trade.id = action.trade_id
        WHERE trade.is_current GROUP BY action.module, trade.book
    )
    SELECT jsonb_build_array(
        (SELECT count(*) FROM action),
        (SELECT coalesce(jsonb_agg(jsonb_build_array(module, book, trades) ORDER BY module, book), '[]') FROM counted)
    )
)"""


@dataclass(frozen=True)
class Recorded:
    """The trades of each module and book among the newest `n_actions` actions."""

    n_actions: int
    trades: Sequence[tuple[str, str, int]]

    @property
    def is_part(self) -> bool:
        """Whether there may be older trades, which are not counted."""
        return self.n_actions >= COUNTED


@dataclass(frozen=True)
class Books:
    """One module: the books it learns from, and all books with trades of it."""

    module: str
    learned: tuple[str, ...]
    books: Sequence[BookOfModule]
    proposals: Mapping[str, str]  # book -> address of the form that asks to learn from it too

    @property
    def rows(self) -> list[tuple[BookOfModule, str]]:
        """Each book with the address of its proposal, empty where it is learned from."""
        return [(each, self.proposals.get(each.book, "")) for each in self.books]


def books() -> list[Books]:
    """Return the books of every module under its parameters in force."""
    return [_books(current_parameters(module)) for module, _ in MODULES]


def books_page(request: HttpRequest) -> HttpResponse:
    """Show the trades of every book, and what each module learns from."""
    _require(request)
    may_propose = all(request.user.has_perm(each) for each in (DRAFT, PROPOSE_PARAMETERS))
    context: dict[str, Any] = admin.site.each_context(request) | {
        "title": "Trades by book",
        "modules": books(),
        "newest": NEWEST,
        "may_propose": may_propose,
    }
    return TemplateResponse(request, "desk/books.html", context)


def books_csv(request: HttpRequest) -> HttpResponseBase:
    """Stream the table as CSV."""
    _require(request)
    rows = [_csv_row(each) for module in books() for each in module.books]
    response = StreamingHttpResponse(csv_lines(COLUMNS, iter(rows)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="books.csv"'
    return response


def told(learned: Mapping[str, Sequence[str]], recorded: Recorded) -> Iterator[tuple[str, str]]:
    """Yield each module with what it learns from and what is recorded beside, in a sentence.

    `learned` has the books of each module.

    >>> list(told({"pm": ("paper",)}, Recorded(3892, [("pm", "backtest", 1906), ("pm", "paper", 40)])))
    [('pm', 'learns from paper (40 trades); 1,906 trades of backtest are recorded and not learned from')]
    >>> list(told({"pm": ("paper", "live")}, Recorded(0, [])))
    [('pm', 'learns from paper (no trade) and live (no trade)')]
    >>> list(told({"pm": ("paper",)}, Recorded(COUNTED, [("pm", "paper", 5410)])))
    [('pm', 'learns from paper (5,410 trades), counted in the newest 20,000 actions')]
    """
    newest = f", counted in the newest {COUNTED:,} actions" if recorded.is_part else ""
    for module, own in learned.items():
        counts = {book: count for of, book, count in recorded.trades if of == module}
        learns = _listed([f"{book} ({_trades(counts.get(book, 0))})" for book in own])
        others = [f"{_trades(count)} of {book}" for book, count in counts.items() if book not in own]
        verb = "is" if len(others) == 1 and others[0].startswith("1 trade of") else "are"
        beside = f"; {_listed(others)} {verb} recorded and not learned from" if others else ""
        yield module, f"learns from {learns or 'no book'}{beside}{newest}"


def _books(parameters: ModuleParameters) -> Books:
    module, learned = parameters.module, parameters.lessons.books
    found = trades_by_book(parameters, parameters.universe_label or "")
    form = reverse("admin:overrides_parameterset_propose", args=[module])
    proposals = {
        each.book: f"{form}?{urlencode({BOOKS_PATH: ', '.join((*learned, each.book))})}"
        for each in found
        if not each.is_learned
    }
    return Books(module, learned, found, proposals)


def _require(request: HttpRequest) -> None:
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied


def _csv_row(each: BookOfModule) -> dict[str, Any]:
    return {
        "module": each.module,
        "book": each.book,
        "is_learned": each.is_learned,
        "trades": each.trades,
        "entries": each.entries,
        "teaching": each.teaching,
        "not_teaching": each.trades - each.teaching,
        "reasons": dict(each.reasons),
        "last_close": utc_text(each.last_close),
    }


def _trades(count: int) -> str:
    return count_of(count, "trade") if count else "no trade"


def _listed(words: Sequence[str]) -> str:
    *first, last = words or [""]
    return f"{', '.join(first)} and {last}" if first else last
