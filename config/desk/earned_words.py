"""What the whole earned, and what the holdback shows, in sentences."""

from __future__ import annotations

from overrides.core.monitoring.days.day_sequence import FEWEST_DAYS, Interval
from overrides.core.monitoring.earning.earned import Verdict
from overrides.core.monitoring.earning.holdback_effect import FEWEST_HELD_BACK, Check, HoldbackEffect
from overrides.monitoring.earning.earned import Earned
from telemetry.foundation.core.number_text import decimals_for, interval_text, signed_fixed
from telemetry.foundation.core.words import count_of

ALL_MODULES, ALL_BOOKS = "all modules", "all books"
NOTHING_COUNTED = (
    "No closed position is counted yet that was opened since a module was first switched on. Positions are counted "
    "every quarter of an hour, up to yesterday."
)
NEVER = "At this rate it would take more than a hundred years to show so small a mean."


def scope_words(each: Earned) -> str:
    """Return which module and book this is about.

    >>> from overrides.core.monitoring.earning.earned import whole
    >>> scope_words(Earned("pm", None, whole([]), None, None, {}, 0, None))
    'pm, all books'
    """
    return f"{each.module or ALL_MODULES}, {each.book or ALL_BOOKS}"


def interval_words(interval: Interval) -> str:
    """Return a mean with its interval, in R per position, with the decimals that tell its ends from zero.

    >>> interval_words(Interval(0.03, -0.01, 0.07, 40, 400))
    '+0.030 R per position (\N{MINUS SIGN}0.010 to +0.070 R)'
    >>> interval_words(Interval(0.00001, -0.0002, 0.00022, 40, 400))
    '+0.00001 R per position (\N{MINUS SIGN}0.00020 to +0.00022 R)'
    """
    return interval_text(interval.mean, interval.low, interval.high, per=" per position")


def decimals_of(interval: Interval) -> int:
    """Return how many decimals a mean and the ends of its interval are shown with."""
    return decimals_for(interval.mean, interval.low, interval.high)


def verdict_words(each: Earned) -> str:
    """Return what the replay of sizes shows, in one or more sentences; without enough days, without a number in R."""
    interval, found = each.interval, each.verdict
    if not each.trades:
        return NOTHING_COUNTED
    if interval is None:
        missing = each.further_days or FEWEST_DAYS
        return (
            f"Too few days: an interval needs {FEWEST_DAYS} days with closed positions, there "
            f"{'is' if each.days == 1 else 'are'} {each.days}, and {missing} {'is' if missing == 1 else 'are'} missing."
        )
    seen = f"{interval_words(interval)}, over {count_of(each.trades, 'position')} on {count_of(each.days, 'day')}"
    if not each.moved:
        return f"Not shown: no size of {count_of(each.trades, 'position')} was moved, so nothing was earned or lost."
    if found is Verdict.EARNS:
        return f"The levers earn: {seen}."
    if found is Verdict.LOSES:
        return f"The levers lose: {seen}."
    return f"Not shown: {seen}; the interval includes zero. {_further(each)}"


def neutral_words(each: Earned) -> str:
    """Return what remains at equal exposure, in a sentence."""
    interval = each.exposure_neutral
    if interval is None:
        return "At equal exposure: too few days."
    shown = "above zero" if interval.is_above_zero else "below zero" if interval.is_below_zero else "not shown"
    return f"At equal exposure: {interval_words(interval)}, {shown}."


def unseen_words(found: HoldbackEffect) -> str:
    """Return whether the held-back positions bear out what the replay assumes."""
    interval = found.unseen.interval()
    if found.check is Check.TOO_FEW_DAYS or interval is None:
        return too_few_words(found)
    if found.check is Check.DIFFERENCE:
        return (
            "The replay's assumptions do not hold: served positions had other outcomes per unit of size than held-back "
            f"ones, by {interval_words(interval)}. What the replay states has to be corrected by that."
        )
    return (
        f"No difference is shown between the outcomes per unit of size of served and held-back positions: "
        f"{interval_words(interval)}."
    )


def contrast_words(found: HoldbackEffect) -> str:
    """Return what the contrast by itself shows about what serving earned."""
    interval = found.whole.interval()
    if not found.is_enough or interval is None:
        return too_few_words(found)
    words = {Verdict.EARNS: "Serving earns", Verdict.LOSES: "Serving loses"}.get(found.verdict, "Not shown")
    return f"{words}: {interval_words(interval)} more than holding back."


def months_words(found: HoldbackEffect, replayed: Interval | None) -> str:
    """Return how long the contrast still needs to show an effect of the size that the replay states."""
    if replayed is None or not (replayed.is_above_zero or replayed.is_below_zero):
        return (
            "How long the contrast still needs is not known: the replay shows no effect yet whose size it could look "
            "for."
        )
    if not found.is_enough:
        return too_few_words(found)
    months = found.months_needed(replayed.mean)
    mean = signed_fixed(replayed.mean, decimals_of(replayed))
    size = f"an effect of the size that the replay states ({mean} R per position)"
    if months is None:
        return f"At this rate and share the contrast would need more than a hundred years to show {size}."
    if months == 0:
        return f"The contrast is exact enough to show {size}."
    return f"At this rate and share the contrast needs about {months_text(months)} more to show {size}."


def months_text(months: float) -> str:
    """Return a number of months as it is meant: to the month below two years, to the year above.

    >>> months_text(0.4), months_text(7.6), months_text(31.0)
    ('1 month', '8 months', '3 years')
    """
    if months <= 24:
        return count_of(max(1, round(months)), "month")
    return count_of(round(months / 12), "year")


def too_few_words(found: HoldbackEffect) -> str:
    """Return what is missing until the contrast has an interval."""
    return (
        f"Too few days or positions: the contrast needs {FEWEST_DAYS} days and {FEWEST_HELD_BACK} held-back positions; "
        f"there are {found.whole.days} and {found.held_back:,}."
    )


def _further(each: Earned) -> str:
    further = each.further_days
    if further is None:
        return NEVER
    return (
        f"At this rate about {count_of(further, 'further day')} with closed positions would show a mean of this size."
    )
