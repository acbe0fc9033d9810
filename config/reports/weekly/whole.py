"""What the whole earned by exact size replay: the week's sum, and the mean since the beginning with its verdict."""

from __future__ import annotations

from config.reports.weekly.shape import Figure, Period, address
from overrides.core.monitoring.days.day_sequence import FEWEST_DAYS
from overrides.core.monitoring.earning.earned import Verdict
from overrides.models import EarnedDay
from overrides.models.earned import WHOLE
from overrides.monitoring.earning.earned import Earned, earned
from telemetry.foundation.core.number_text import decimals_for, signed_fixed
from telemetry.foundation.core.words import count_of

ONE_WEEK = "one week, without a verdict"


def whole_figures(week: Period) -> list[Figure]:
    """Return the figures of all modules together, then of each module and book: two queries each, and one for them."""
    until = week.until.date()
    rows = EarnedDay.objects.filter(day__lt=until, positions__gt=0).exclude(module=WHOLE)
    pairs = rows.order_by("module", "book").values_list("module", "book").distinct()
    return [
        figure
        for module, book in [(None, None), *pairs]
        for figure in _figures(earned(module, book, week.since.date(), until), earned(module, book, None, until))
    ]


def _figures(lately: Earned, all_along: Earned) -> list[Figure]:
    """Return the sum of the week, and the mean of all days up to its end."""
    name = f"{lately.module or 'All modules'}, {f'book {lately.book}' if lately.book else 'all books'}"
    page = address("earned_page")
    if not lately.trades:
        week = Figure(f"{name}: size replay of the week", None, "R", "not shown: no position closed in the week", page)
    else:
        moved = f"{count_of(lately.trades, 'position')}, {lately.moved:,} with a moved size; {ONE_WEEK}"
        week = Figure(f"{name}: size replay of the week", lately.total, "R", moved, page)
    interval = all_along.interval
    mean = None if interval is None else interval.mean
    return [week, Figure(f"{name}: mean per position until the week's end", mean, "R", _verdict(all_along), page)]


def _verdict(found: Earned) -> str:
    """Return what the interval shows, in words.

    >>> from overrides.core.monitoring.earning.earned import whole
    >>> _verdict(Earned("pm", None, whole([]), None, None, {}, 0, None))
    'not shown: too few days, an interval needs 30 with closed positions and there are 0'
    """
    interval = found.interval
    if interval is None:
        needed = f"an interval needs {FEWEST_DAYS} with closed positions"
        return f"not shown: too few days, {needed} and there {'is' if found.days == 1 else 'are'} {found.days}"
    if not found.moved:
        return "not shown: no size was moved, so nothing was earned or lost"
    words = {Verdict.EARNS: "the levers earn", Verdict.LOSES: "the levers lose"}
    shown = words.get(found.verdict, "not shown whether the levers earn, as the interval includes zero")
    decimals = decimals_for(interval.low, interval.high)
    ends = f"{signed_fixed(interval.low, decimals)} to {signed_fixed(interval.high, decimals)} R"
    return f"{shown}: {ends}, over {count_of(interval.trades, 'position')} on {count_of(interval.days, 'day')}"
