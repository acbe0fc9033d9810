"""What the whole earned by the replay of sizes, and what the holdback says of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from config.demo.planted.stage import Calendar
from config.demo.planted.statements.statement import MODULE, Statement, signed
from config.demo.planted.truth import FLIPS_AT
from overrides.core.monitoring.days.day_sequence import Interval
from overrides.core.monitoring.earning.earned import Verdict
from overrides.core.monitoring.earning.holdback_effect import Check
from overrides.monitoring.earning.earned import Earned, earned
from overrides.monitoring.earning.holdback import holdback_contrast


def whole(calendar: Calendar) -> Iterator[Statement]:
    """Yield when the whole first earned, what it states at the flip and at the end, and what the holdback says."""
    yield _first_earned(calendar)
    for name, at in (("before the flip", calendar.day(FLIPS_AT)), ("at the end", calendar.end)):
        found = earned(MODULE, until=at.date())
        planted = "the levers earn" if at < calendar.end else "two edges ended; what they earned before stays earned"
        yield Statement(f"the whole {name}", planted, _stated(found), found.verdict is Verdict.EARNS)
    yield _holdback()


def _first_earned(calendar: Calendar) -> Statement:
    planted = "from the first served week on, the levers earn"
    first = next((found for found in _weekly(calendar) if found[1].verdict is Verdict.EARNS), None)
    if first is None:
        return Statement("the whole earns", planted, "not shown in any week", False)
    at, found = first
    return Statement("the whole earns", planted, f"shown since {at:%Y-%m-%d}: {_stated(found)}", True)


def _weekly(calendar: Calendar) -> Iterator[tuple[datetime, Earned]]:
    for since in calendar.weeks():
        yield since, earned(MODULE, until=since.date())


def _stated(found: Earned) -> str:
    return f"{found.verdict}, {_interval(found.interval)} over {found.trades:,} positions, {signed(found.total, 0)} R"


def _interval(interval: Interval | None) -> str:
    if interval is None:
        return "too few days"
    low, high = signed(interval.low, 3), signed(interval.high, 3)
    return f"{signed(interval.mean, 3)} R a position (always-valid {low} to {high})"


def _holdback() -> Statement:
    name, planted = "holdback", "size changes nothing but the result, so the replay of sizes is exact"
    found = holdback_contrast()
    if found is None:
        return Statement(name, planted, "no position was held back", False)
    mean = found.replayed.mean
    months = None if mean is None else found.months_needed(mean)
    wait = "" if months is None else f", {months:.1f} further months to show what the replay states"
    stated = (
        f"{found.held_back:,} of {found.held_back + found.served:,} positions held back; served against held back: "
        f"{found.verdict}, {_interval(found.whole.interval())}; beside the replay: {found.check}{wait}"
    )
    return Statement(name, planted, stated, found.check is Check.NO_DIFFERENCE)
