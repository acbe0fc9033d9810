"""What every chapter of the planted story gets: the bot, the people, and the week that it is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User

from config.demo.bot import Bot
from config.demo.planted.truth import DAYS

WEEK = timedelta(weeks=1)
RECORDED_FIRST = 13  # weeks of trades before anything is learned


@dataclass(frozen=True)
class Calendar:
    """The dates of the story: whole weeks, Monday to Monday, the last of which ended before the installation."""

    start: datetime

    @classmethod
    def before(cls, installed_at: datetime) -> Calendar:
        """Return the calendar of a demo that is installed at this time (aware, UTC)."""
        midnight = installed_at.replace(hour=0, minute=0, second=0, microsecond=0)
        return cls(midnight - timedelta(days=midnight.weekday() + DAYS))

    @property
    def end(self) -> datetime:
        """The midnight after the last trade."""
        return self.start + timedelta(days=DAYS)

    def day(self, number: int) -> datetime:
        """Return the midnight at which a day of the story begins."""
        return self.start + timedelta(days=number)

    def weeks(self) -> Iterator[datetime]:
        """Yield the Mondays of the weeks after those that are recorded first."""
        since = self.start + RECORDED_FIRST * WEEK
        while since < self.end:
            yield since
            since += WEEK


@dataclass(frozen=True)
class Stage:
    """One week of the story; `number` counts from 0 for the first after the weeks recorded first."""

    calendar: Calendar
    bot: Bot
    people: Mapping[str, User]
    number: int
    since: datetime

    @property
    def until(self) -> datetime:
        """The Monday at which the next week begins."""
        return self.since + WEEK
