"""Synthetic outcomes: 200 groups of Zipf-distributed size, scopes over ten dimensions of 3 to 8 values, from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from learning.core.cells.rows import DAY, Rows
from learning.readers.group_columns import moment_from_microseconds
from overrides.core.engine.definitions.dimensions import known_dimensions
from telemetry.core.trades import Trade, parse_trade
from telemetry.core.vocabulary import CATEGORIES, SALES, Module

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GROUPS = 200
ZIPF = 1.3
DIMENSIONS = known_dimensions("pm")  # ten: eight learned and two recorded ones
CARDINALITIES = (3, 4, 5, 8, 6, 3, 7, 4, 5, 8)
DAYS = 90

_END = int(NOW.timestamp()) * 1_000_000


def group_name(number: int) -> tuple[str, str, str]:
    """Return (module, pattern_key, action_category) of a group, from 0 to 199."""
    categories = CATEGORIES[Module.PM]
    pattern, category = divmod(number, len(categories))
    return str(Module.PM), f"bench.pattern{pattern}.signal", str(categories[category])


@dataclass(frozen=True, eq=False)
class World:
    """One judged action per row: group (rows,), codes (rows, 10), outcomes (rows,) in R, closed_at (rows,) in µs."""

    group: NDArray[np.int64]
    codes: NDArray[np.int32]
    outcomes: NDArray[np.float64]
    closed_at: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.group)

    @cached_property
    def by_size(self) -> list[int]:
        """Return the groups, largest first."""
        return [int(each) for each in np.argsort(-np.bincount(self.group, minlength=GROUPS), kind="stable")]

    def rows(self) -> list[Rows]:
        """Return the rows of each group, every one a trade of its own."""
        trade = np.arange(len(self))
        everything = Rows(self.codes, self.outcomes, trade, trade, self.closed_at)
        return [everything.take(self.group == number) for number in range(GROUPS)]

    def scope(self, row: int) -> dict[str, str]:
        return {name: f"value{code}" for name, code in zip(DIMENSIONS, self.codes[row].tolist(), strict=True)}

    def payloads(self, prefix: str, actions: int = 1) -> list[dict[str, Any]]:
        """Yield the rows as trades of so many actions each, as a bot sends them; all actions close with the trade."""
        trades = range(0, len(self), actions)
        return [self._trade(f"{prefix}-{start}", range(start, min(start + actions, len(self)))) for start in trades]

    def trades(self, prefix: str, actions: int = 1) -> list[Trade]:
        return parsed(self.payloads(prefix, actions))

    def _trade(self, name: str, rows: range) -> dict[str, Any]:
        closed_at = moment_from_microseconds(int(self.closed_at[rows[0]]))
        return {
            "external_id": name,
            "source": "bench",
            "symbol": f"COIN{rows[0] % 97}/USDT",
            "side": "long",
            "timeframe": "1h",
            "opened_at": (closed_at - timedelta(hours=30)).isoformat(),
            "closed_at": closed_at.isoformat(),
            "rr": float(self.outcomes[rows[0]]),
            "actions": [self._action(row, closed_at - timedelta(hours=row % 24)) for row in rows],
        }

    def _action(self, row: int, at: datetime) -> dict[str, Any]:
        module, pattern_key, category = group_name(int(self.group[row]))
        judged = {"rr_after": -float(self.outcomes[row])} if category in SALES else {}
        return judged | {
            "module": module,
            "pattern_key": pattern_key,
            "action_category": category,
            "at": at.isoformat(),
            "scope": self.scope(row),
            "fraction": 0.5,
            "leg_rr": float(self.outcomes[row]),
            "decision_ids": [str(UUID(int=row + 1))],
            "controls": {"ts": 0.62, "ox": 0.31, "atr": float(abs(self.outcomes[row]))},
            "counterfactuals": {"entry_delay_bars": {"1": 0.1, "2": -0.2}},
        }


def world(rows: int, seed: int = 5, groups: Sequence[int] | None = None) -> World:
    """Return so many rows: spread evenly over `groups` if given, otherwise by Zipf's law over all 200."""
    random = np.random.default_rng(seed)
    if groups is None:
        group = random.zipf(ZIPF, rows) % GROUPS
    else:
        group = np.array(groups, dtype=np.int64)[np.arange(rows) % len(groups)]
    return World(
        group=group,
        codes=random.integers(0, CARDINALITIES, (rows, len(CARDINALITIES)), dtype=np.int32),
        outcomes=random.normal(0, 1, rows),
        closed_at=_END - random.integers(0, DAYS * DAY, rows),
    )


def parsed(payloads: Sequence[dict[str, Any]]) -> list[Trade]:
    return [parse_trade(payload, now=NOW) for payload in payloads]
