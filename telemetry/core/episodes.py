"""An episode: a course of states with the windows in which the bot might have acted; strictly parsed, then immutable.

`s1_entry` begins where a pair leaves S0 for S1 and ends as it reaches S3 or returns to S0; its windows are chances of
an entry. `s3_retest` begins on entering S3 and ends on the return to S0; its windows are chances to add or to trim.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Literal

from telemetry.core.gate_windows import Window, WindowOutcome
from telemetry.core.gates import Gates
from telemetry.core.read_gate_window import read_window
from telemetry.core.trades import CLOCK_SKEW, LAST_REVISION, read_side, refuse_revision
from telemetry.core.vocabulary import ActionCategory, read_book
from telemetry.foundation.core.canonical_json import fact_json, utc_text
from telemetry.foundation.core.fields import EARLIEST, integer, member, parse_moment, text
from telemetry.foundation.core.objects import Fields, items
from telemetry.foundation.core.refusal import Refused

KEYS = dict.fromkeys((
    "episode_id", "revision", "correction_reason", "episode_type", "book", "source", "symbol", "side", "timeframe",
    "cluster_id", "trade_id", "started_at", "ended_at", "ended_in", "excluded_reason", "windows",
))  # fmt: skip
MOST_WINDOWS = 100


class EpisodeType(StrEnum):
    """What the windows of an episode are chances of."""

    S1_ENTRY = "s1_entry"
    S3_RETEST = "s3_retest"


class State(StrEnum):
    """The states of a pair: S0 down or none, S1 a beginning, S2 between, S3 an established trend."""

    S0 = "s0"
    S1 = "s1"
    S2 = "s2"
    S3 = "s3"


OF_TYPE = {
    EpisodeType.S1_ENTRY: (ActionCategory.ENTRY,),
    EpisodeType.S3_RETEST: (ActionCategory.ADD, ActionCategory.TRIM),
}


@dataclass(frozen=True, slots=True)
class Episode:
    """One revision of an episode.

    - `cluster_id`: episodes of one cluster count as evidence once, as trades do; without one an episode counts itself.
    - `trade_id`: the external id of the trade that was made in it; None if none was.
    - `ended_in`: the state that ended it; None if it was only cut off. It is kept and judges nothing: whether acting
      was right is told by what it earned.
    """

    episode_id: str
    revision: int
    correction_reason: str | None
    episode_type: EpisodeType
    book: str
    source: str | None
    symbol: str
    side: Literal["long", "short"] | None
    timeframe: str | None
    cluster_id: str | None
    trade_id: str | None
    started_at: datetime
    ended_at: datetime
    ended_in: State | None
    excluded_reason: str | None
    windows: tuple[Window, ...]

    @property
    def outcome(self) -> WindowOutcome | None:
        """What became of it (`outcome_of`)."""
        return outcome_of(window.outcome for window in self.windows)

    @property
    def digest(self) -> bytes:
        """sha256 (32 bytes) of the canonical body: every field that was sent, except revision and correction_reason."""
        body = {name: getattr(self, name) for name in KEYS if name not in ("revision", "correction_reason", "windows")}
        return sha256(fact_json(body | {"windows": [each.document() for each in self.windows]}).encode()).digest()


def outcome_of(windows: Iterable[WindowOutcome | None]) -> WindowOutcome | None:
    """Return the outcome of an episode from those of its windows; None if none of them is known.

    Entered windows come first: one success makes it a success. Of an episode that was not entered, one missed window
    makes it missed.

    >>> str(outcome_of([WindowOutcome.CORRECT_SKIP, WindowOutcome.FAILURE, None]))
    'failure'
    """
    found = set(windows)
    return next((each for each in WindowOutcome if each in found), None)


def parse_episode(payload: object, *, gates: Gates, now: datetime, field: str = "") -> Episode:
    """Parse an episode from its JSON payload; `now` is an aware time. Nothing in it may be over five minutes later.

    `gates` are those of the registry: a threshold of any other lever is refused. Raises one Refused with every refusal,
    their paths below `field`. An explicit null equals a missing field.
    """
    try:
        return _read_episode(payload, gates, now + CLOCK_SKEW)
    except Refused as refused:
        raise refused.under(field) from None


def _read_episode(payload: object, gates: Gates, latest: datetime) -> Episode:
    fields = Fields(payload, KEYS)
    episode = Episode(
        episode_id=fields.need("episode_id", _name, ""),
        revision=fields.take("revision", _revision, 1),
        correction_reason=fields.take("correction_reason", _reason, None),
        episode_type=fields.need("episode_type", _type, EpisodeType.S1_ENTRY),
        book=fields.take("book", read_book, "paper"),
        source=fields.take("source", _name, None),
        symbol=fields.need("symbol", _symbol, ""),
        side=fields.take("side", read_side, None),
        timeframe=fields.take("timeframe", _timeframe, None),
        cluster_id=fields.take("cluster_id", _name, None),
        trade_id=fields.take("trade_id", _name, None),
        started_at=fields.need("started_at", parse_moment, EARLIEST),
        ended_at=fields.need("ended_at", parse_moment, EARLIEST),
        ended_in=fields.take("ended_in", _state, None),
        excluded_reason=fields.take("excluded_reason", _reason, None),
        windows=fields.need(
            "windows", items(lambda each: read_window(each, gates, latest), least=1, most=MOST_WINDOWS), ()
        ),
    )
    _refuse_contradictions(fields, episode, latest)
    fields.close()
    return episode


def _refuse_contradictions(fields: Fields, episode: Episode, latest: datetime) -> None:
    refuse_revision(fields, episode.revision, episode.correction_reason)
    if fields.sound("started_at", "ended_at"):
        if episode.ended_at < episode.started_at:
            message = f"lies before started_at ({utc_text(episode.started_at)}); correct one of them"
            fields.refuse("ended_at", message)
        if episode.ended_at > latest:
            fields.refuse("ended_at", f"lies in the future (latest {utc_text(latest)}); send episodes once they ended")
        _refuse_windows(fields, episode)


def _refuse_windows(fields: Fields, episode: Episode) -> None:
    seen: set[str] = set()
    suited = OF_TYPE[episode.episode_type]
    for index, window in enumerate(episode.windows):
        place = f"windows[{index}]"
        if window.window_id in seen:
            fields.refuse(f"{place}.window_id", f"{window.window_id} is an earlier window's; name each window once")
        seen.add(window.window_id)
        if fields.sound("episode_type") and window.action_category not in suited:
            message = f"{window.action_category} is no chance of {episode.episode_type}; send {' or '.join(suited)}"
            fields.refuse(f"{place}.action_category", message)
        if window.started_at < episode.started_at:
            fields.refuse(f"{place}.started_at", "lies before its episode; correct one of them")
        if window.ended_at > episode.ended_at:
            fields.refuse(f"{place}.ended_at", "lies after the end of its episode; correct one of them")


_name = text(200)
_reason = text(2000)
_symbol = text(60)
_timeframe = text(40)
_revision = integer(1, LAST_REVISION)
_type = member(EpisodeType)
_state = member(State)
