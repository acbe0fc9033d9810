"""What an explored lever has shown, in sentences."""

from __future__ import annotations

from overrides.core.monitoring.days.day_sequence import FEWEST_DAYS, Interval
from overrides.core.monitoring.earning.earned import Verdict
from overrides.core.monitoring.exploring.arm_effect import WORTH_KNOWING, Effect
from telemetry.foundation.core.number_text import interval_text
from telemetry.foundation.core.words import count_of

SHOWN = {
    Verdict.EARNS: "The alternative is better",
    Verdict.LOSES: "The alternative is worse",
    Verdict.NOT_SHOWN: "No difference is shown",
}


def interval_words(interval: Interval | None) -> str:
    """Return a mean with its interval, in R per position.

    >>> interval_words(Interval(0.03, -0.01, 0.07, 40, 400))
    '+0.030 R (\N{MINUS SIGN}0.010 to +0.070 R)'
    """
    if interval is None:
        return "too few days"
    return interval_text(interval.mean, interval.low, interval.high)


def verdict_words(effect: Effect) -> str:
    """Return what the interval shows, and how many more days it needs, without a number in R before it is valid.

    >>> from overrides.core.monitoring.days.day_sequence import DaySums
    >>> nothing = DaySums()
    >>> verdict_words(Effect(nothing, nothing, nothing, 0, 0, 0.0, 0, 0, (), (), nothing, 0, 0))
    'No explored position has closed yet. An interval needs 30 days with closed positions.'
    """
    if not effect.positions:
        return f"No explored position has closed yet. An interval needs {FEWEST_DAYS} days with closed positions."
    days, interval = effect.doubly_robust.days, effect.interval
    if interval is None:
        missing = count_of(FEWEST_DAYS - days, "more day")
        return f"Too few days: {count_of(days, 'day')} with closed positions, and an interval needs {missing}."
    seen = f"{interval_words(interval)}, over {count_of(effect.positions, 'position')} on {count_of(days, 'day')}"
    return " ".join(filter(None, [f"{SHOWN[effect.verdict]}: {seen}.", _further(effect), _precise(effect)]))


def compliance_words(effect: Effect) -> str:
    """Return how often the bot took another value than the one drawn, and what that means; empty if it never did."""
    if not effect.left_out:
        return ""
    closed = count_of(effect.closed, "closed position")
    return (
        f"In {effect.left_out:,} of {closed} the bot took another value than the one drawn: in "
        f"{effect.other_than_alternative:,} that drew the alternative, in {effect.other_than_served:,} that drew the "
        "served value. They are left out. The estimate then holds only if what kept the bot from the drawn value has "
        "nothing to do with the outcome; what serving the alternative does holds in any case, and includes them."
    )


def _further(effect: Effect) -> str:
    if effect.verdict is not Verdict.NOT_SHOWN:
        return ""
    if effect.further_days is None:
        return "At this rate so small a mean would not be shown in a hundred years."
    return f"A mean of this size would be shown after about {count_of(effect.further_days, 'more day')}."


def _precise(effect: Effect) -> str:
    """Return how long it takes until the effect is known to within what is worth knowing."""
    further = effect.further_days_for()
    width = f"{WORTH_KNOWING:g} R"
    if further is None:
        return f"To within {width} it would not be known in a hundred years."
    if further == 0:
        return f"It is known to within {width}."
    return f"To within {width} it is known after about {count_of(further, 'more day')}."
