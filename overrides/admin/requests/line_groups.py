"""The lines of a request grouped by pattern, action and scope: both channels of a scope stand in one row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from django.utils.safestring import SafeString

from overrides.admin.requests.stored_evidence import LineKnown
from overrides.core.governance.overlaps import Opposition
from overrides.models import ChangeLine, Comment, Override
from overrides.requests.learned import CONTRADICTS

CHANNEL_WORDS: Mapping[str, str] = MappingProxyType(
    {"dm_alloc": "allocation", "pm_strength": "strength", "pm_tuning": "tuning"}
)
MOST_PATTERNS = 8


@dataclass(frozen=True)
class LineRow:
    """One changed line as the page shows it: `steps` is how far it moves in largest steps."""

    change: ChangeLine
    levers: SafeString
    weight: SafeString | None
    steps: float
    comments: Sequence[Comment]
    known: LineKnown | None
    opposing: Sequence[Opposition] = ()

    @property
    def contradiction(self) -> str:
        """What was measured, if the line's judgement has the other sign."""
        marked = (each for each in self.change.differences if each.startswith(CONTRADICTS))
        found = next(marked, "")
        return found[:1].upper() + found[1:]

    @property
    def channel(self) -> str:
        """The channel in a plain word."""
        return CHANNEL_WORDS[self.change.line.channel]

    @property
    def override_id(self) -> str:
        """The override whose page tells about the line: the new one, or the one that is withdrawn."""
        return str(self.change.after_id or self.change.before_id)

    @property
    def reason(self) -> str:
        """Why the line is withdrawn, as known when the request was drafted."""
        known = "" if self.known is None else self.known.reason
        return known or ", ".join(self.change.differences)


@dataclass(frozen=True)
class LineGroup:
    """The changes of one pattern, action and scope, the largest move first."""

    rows: tuple[LineRow, ...]

    @property
    def change(self) -> ChangeLine:
        """The change that moves most."""
        return self.rows[0].change

    @property
    def steps(self) -> float:
        """The largest move of the group."""
        return self.rows[0].steps

    @property
    def after(self) -> Override | None:
        """An override that the group brings; None if all its lines are withdrawn."""
        return next((row.change.after for row in self.rows if row.change.after is not None), None)

    @property
    def contradicts(self) -> LineKnown | None:
        """A judgement that contradicts what is measured and was not marked so when it was drafted, if there is one."""
        return next(
            (row.known for row in self.rows if row.known and row.known.contradicts and not row.contradiction), None
        )

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why its lines are withdrawn, each reason once."""
        return tuple(dict.fromkeys(row.reason for row in self.rows if row.change.after is None))

    @property
    def share(self) -> float:
        """What its lines had earned, in R per unit of size."""
        return sum(row.known.share or 0.0 for row in self.rows if row.known is not None)

    @property
    def answers(self) -> int:
        """The most answers that one of its lines had a share in."""
        return max((row.known.answers for row in self.rows if row.known is not None), default=0)


def grouped(rows: Sequence[LineRow]) -> list[LineGroup]:
    """Return the rows in groups of one pattern, action and scope, in the order of their largest moves."""
    groups: dict[tuple[object, ...], list[LineRow]] = {}
    for row in rows:
        groups.setdefault(scope_key(row.change), []).append(row)
    return [LineGroup(tuple(each)) for each in groups.values()]


def scope_key(change: ChangeLine) -> tuple[object, ...]:
    """Return what the channels of one scope have in common."""
    line = change.line
    return line.pattern_key, line.action_category, tuple(sorted(line.scope.items()))


@dataclass(frozen=True)
class PatternCount:
    """How many lines of a pattern and action are added, changed and withdrawn, and of how many scopes."""

    pattern_key: str
    category: str
    scopes: int
    actions: Mapping[str, int]


@dataclass(frozen=True)
class ChangeCounts:
    """The lines of a request, counted: all by action, and the patterns with most lines."""

    lines: int
    scopes: int
    actions: Mapping[str, int]
    patterns: tuple[PatternCount, ...]
    n_patterns: int


def counted(changes: Sequence[ChangeLine]) -> ChangeCounts:
    """Count lines by action, by scope, and by pattern."""
    of_pattern: dict[tuple[str, str], list[ChangeLine]] = {}
    for change in changes:
        of_pattern.setdefault((change.line.pattern_key, change.line.action_category), []).append(change)
    patterns = [
        PatternCount(key, category, len(set(map(scope_key, each))), Counter(change.action for change in each))
        for (key, category), each in sorted(of_pattern.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
    return ChangeCounts(
        lines=len(changes),
        scopes=sum(each.scopes for each in patterns),
        actions=Counter(change.action for change in changes),
        patterns=tuple(patterns[:MOST_PATTERNS]),
        n_patterns=len(patterns),
    )
