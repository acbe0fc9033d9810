"""What the pages say of scorecards: intervals, what is missing for a figure, and how many would look good by chance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString

from overrides.admin.line_lists import CHANNEL_WORDS
from overrides.core.engine.definitions.vocabulary import Channel
from overrides.core.monitoring.days.confidence_sequence import ALPHA
from overrides.core.monitoring.days.day_sequence import FEWEST_DAYS
from overrides.models import ChangeLine, Line, Scorecard
from overrides.monitoring.scoring.scorecards import FEWEST_DECIDED
from telemetry.foundation.admin.formatting import MISSING, number
from telemetry.foundation.core.number_text import decimals_for

Group = Scorecard.Group
GROUP_WORDS = {
    Group.LINE: "line", Group.PATTERN: "pattern", Group.METHOD: "learning method", Group.MODULE: "module",
    Group.AUTHOR: "author", Group.REVIEWER: "reviewer", Group.COEFFICIENTS: "coefficients",
}  # fmt: skip
NOT_IDENTIFIED = (
    "What it earned is not shown: none of its levers has an identified effect on the outcome. Only the size of entries "
    "and adds, and the allocation, have one."
)
NO_PROMISE = "What came of it is not compared with a promise: no promise was stored when it was approved."
NO_COEFFICIENT_PROMISE = (
    "Nothing is promised of a single weight or of their product, so the product of all weights is scored by what it "
    "earned alone."
)
MOST_OF_A_REQUEST = 60


@dataclass(frozen=True)
class Counted:
    """How many scorecards of a group were looked at, and how many intervals exclude zero."""

    group: str
    looked_at: int
    with_interval: int
    above: int
    below: int

    @property
    def words(self) -> str:
        """The scorecards in words."""
        if self.group == Group.COEFFICIENTS:
            return "the coefficients"
        plural = "" if self.looked_at == 1 else "s"
        return f"{self.looked_at:,} {GROUP_WORDS[Group(self.group)]}{plural}"

    @property
    def by_chance(self) -> float:
        """How many would exclude zero on average, at most, if all were zero."""
        return self.with_interval * ALPHA


def shown_interval(
    mean: float | None, low: float | None, high: float | None, decimals: int = 3, unit: str = "R"
) -> SafeString:
    """Format a mean with the ends of its interval; a mean without an interval is not shown."""
    if mean is None or low is None or high is None:
        return quiet("not shown")
    return format_html(
        '{} <div class="cw-quiet cw-small cw-ends">{} to {}</div>',
        number(mean, decimals, signed=True, unit=unit),
        number(low, decimals, signed=True),
        number(high, decimals, signed=True),
    )


def missing(card: Scorecard) -> list[str]:
    """Return, in whole sentences, which figures of a scorecard are not shown, and what they lack."""
    if not card.is_shown:
        lines = "line" if card.lines == 1 else "lines"
        return [f"{card.lines} {lines} decided: too few to say. Figures are shown from {FEWEST_DECIDED} lines on."]
    found = []
    if card.group == Group.COEFFICIENTS:
        found.append(NO_COEFFICIENT_PROMISE)
    elif card.judged == 0:
        found.append(NO_PROMISE if card.promised is None else "No outcome of its trades can be judged yet.")
    elif card.realised is None:
        found.append(_too_few_days("Outcomes", card.judged_days))
    if card.earned is None:
        found.append(NOT_IDENTIFIED)
    elif card.earned_each is None:
        found.append(_too_few_days("Earnings", card.earning_days))
    return found


def _too_few_days(what: str, days: int) -> str:
    return f"{what} lie on {days} day{'' if days == 1 else 's'}: too few days. An interval takes {FEWEST_DAYS}."


def counted(cards: QuerySet[Any]) -> list[Counted]:
    """Return, for each group among these scorecards, how many realised outcomes have an interval that excludes zero."""
    rows = (
        cards.order_by()
        .values("group")
        .annotate(
            looked_at=Count("pk"),
            with_interval=Count("realised"),
            above=Count("pk", filter=Q(realised_low__gt=0)),
            below=Count("pk", filter=Q(realised_high__lt=0)),
        )
    )
    return sorted((Counted(**row) for row in rows), key=lambda each: -each.looked_at)


@dataclass(frozen=True)
class Shown:
    """A scorecard with its figures as pages show them, and the sentences on what is missing."""

    card: Scorecard

    @property
    def about(self) -> str:
        """Whose scorecard it is, in words."""
        if self.card.line is not None:
            return str(self.card.line)
        return "product of all weights" if self.card.group == Group.COEFFICIENTS else self.card.name

    @property
    def levers(self) -> str:
        """Which levers its line moves; empty for a group."""
        return "" if self.card.line is None else CHANNEL_WORDS[Channel(self.card.line.channel)]

    @property
    def movement(self) -> SafeString:
        """The share of the module's movement in percent."""
        return percent(self.card.movement)

    @property
    def realised(self) -> SafeString:
        """The mean outcome per trade and its interval."""
        return shown_interval(self.card.realised, self.card.realised_low, self.card.realised_high)

    @property
    def slope(self) -> SafeString:
        """The R realised per R promised and their interval."""
        return shown_interval(self.card.slope, self.card.slope_low, self.card.slope_high, 2, "")

    @property
    def earned(self) -> SafeString:
        """The sum of what was earned."""
        if self.card.earned is None:
            return quiet("not identified" if self.card.is_shown else "not shown")
        return number(self.card.earned, decimals_for(self.card.earned, least=2), signed=True, unit="R")

    @property
    def earned_each(self) -> SafeString:
        """What was earned per trade and its interval."""
        figures = (self.card.earned_each, self.card.earned_low, self.card.earned_high)
        return shown_interval(*figures, decimals_for(*(each or 0.0 for each in figures)))

    @property
    def lacks(self) -> list[str]:
        """What is missing, in sentences."""
        return missing(self.card)


def percent(share: float | None) -> SafeString:
    """Format a share in percent; None as a dash."""
    return MISSING if share is None else format_html("{}\N{NO-BREAK SPACE}%", number(100 * share, 1))


def quiet(text: str) -> SafeString:
    """Format a text that stands in for a figure."""
    return format_html('<span class="cw-quiet">{}</span>', text)


def card_of_line(line: Line) -> Shown | None:
    """Return the scorecard of a line, which was read with it; None before it is scored."""
    card: Scorecard | None = getattr(line, "scorecard", None)
    return None if card is None else Shown(card)


def cards_of_request(changes: Iterable[ChangeLine]) -> list[Shown]:
    """Return the scorecards of the lines that a request changed, those with most trades first."""
    lines = [change.line_id for change in changes]
    if not lines:
        return []
    rows = Scorecard.objects.filter(line__in=lines).select_related("line")
    return [Shown(card) for card in rows.order_by("-trades", "id")[:MOST_OF_A_REQUEST]]
