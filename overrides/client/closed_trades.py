"""Closed trades that name their decisions by themselves, and are sent in the background."""

from __future__ import annotations

import logging
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from .answers import Question
from .client import UNSENT, Receipt
from .forks import renewed_after_fork

logger = logging.getLogger(__name__)

LONGEST = timedelta(hours=24)  # from a decision to its action, as servers accept it unless configured otherwise
SLACK = timedelta(seconds=1)  # by which the clocks of a bot's parts may differ
MOST_PLACES, MOST_DECISIONS = 10_000, 100  # positions and kinds of action that are remembered; decisions of each
MOST_TRADES, BATCH = 1000, 100
PAUSE = 5.0  # seconds before a trade is sent again that could not be sent

Place = tuple[str, str, str, str]  # position, module, pattern key, action category


class Records(Protocol):
    """What sends trades: a client."""

    def record(self, trades: Sequence[Mapping[str, Any]], /) -> list[Receipt]:
        """Send closed trades and return a receipt for each; never raises because of the server or the network."""


class Decisions:
    """The newest decisions of this process, by position and kind of action, in bounded memory."""

    def __init__(self) -> None:
        self._made: OrderedDict[Place, deque[tuple[datetime, str]]] = OrderedDict()
        self.after_fork()
        renewed_after_fork(self)

    def after_fork(self) -> None:
        """Go on in a child process with what was decided: another thread of the parent may have held the lock."""
        self._lock = threading.Lock()

    def remember(self, position: str, question: Question, decision_id: str) -> None:
        """Keep a decision for the trade of its position."""
        at = _moment(question.get("at")) or datetime.now(UTC)
        with self._lock:
            made = self._made.setdefault(_place(position, question), deque(maxlen=MOST_DECISIONS))
            made.append((at, decision_id))
            self._made.move_to_end(_place(position, question))
            while len(self._made) > MOST_PLACES:
                self._made.popitem(last=False)

    def join(self, position: str, trade: Mapping[str, Any]) -> dict[str, Any]:
        """Return the trade with a decision in each action that names none: the last one made before the action.

        A decision is used once, with those that were made before it for the same kind of action.
        """
        actions = trade.get("actions")
        if not isinstance(actions, Sequence) or isinstance(actions, str):
            return dict(trade)
        return {**trade, "actions": [self._joined(position, action) for action in actions]}

    def _joined(self, position: str, action: Any) -> Any:
        if not isinstance(action, Mapping) or action.get("decision_ids"):
            return action
        at = _moment(action.get("at"))
        decision = None if at is None else self._take(_place(position, action), at)
        return action if decision is None else {**action, "decision_ids": [decision]}

    def _take(self, place: Place, at: datetime) -> str | None:
        found = None
        with self._lock:
            made = self._made.get(place, deque())
            while made and made[0][0] <= at + SLACK:
                made_at, decision = made.popleft()
                found = decision if at - made_at <= LONGEST else None
        return found


class Sender:
    """Sends trades in a thread of its own; what cannot be sent waits, up to a bound, and is sent again."""

    def __init__(self, client: Records, *, pause: float = PAUSE) -> None:
        self._client, self._pause = client, pause
        self.after_fork()
        renewed_after_fork(self)

    def after_fork(self) -> None:
        """Begin anew in a child process: what waits belongs to the parent, which sends it."""
        self._waiting: deque[Mapping[str, Any]] = deque()
        self._counters: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._news, self._closing = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def counters(self) -> dict[str, int]:
        """How many trades had which status on their receipts, and how many were `dropped` because too many waited."""
        with self._lock:
            return dict(self._counters)

    def put(self, trade: Mapping[str, Any]) -> None:
        """Send a trade soon. Raises nothing."""
        with self._lock:
            if len(self._waiting) >= MOST_TRADES:
                self._counters["dropped"] += 1
                return
            self._waiting.append(trade)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._send_on, name="counterweight-trades", daemon=True)
                self._thread.start()
        self._news.set()

    def close(self, seconds: float) -> int:
        """Send what waits, once and for at most `seconds`; return how many trades are still unsent."""
        self._closing.set()
        self._news.set()
        if self._thread is not None:
            self._thread.join(seconds)
        return len(self._waiting)

    def _send_on(self) -> None:
        while not self._closing.is_set():
            self._news.wait()
            self._news.clear()
            while self._waiting and not self._closing.is_set():
                if not self._send():
                    self._closing.wait(self._pause)
        while self._waiting and self._send():
            pass

    def _send(self) -> bool:
        """Send the trades that have waited longest; return whether all of them were received."""
        trades = [self._waiting[index] for index in range(min(BATCH, len(self._waiting)))]
        receipts = self._client.record(trades)
        unsent = [trade for trade, receipt in zip(trades, receipts, strict=True) if receipt.status == UNSENT]
        with self._lock:
            for _ in trades:
                self._waiting.popleft()
            self._waiting.extendleft(reversed(unsent))
            self._counters.update(receipt.status for receipt in receipts)
        for receipt in receipts:
            if receipt.status == "refused":
                logger.error("trade %s was refused: %s", receipt.external_id, receipt.errors)
        return not unsent


def _place(position: str, named: Mapping[str, Any]) -> Place:
    return position, str(named.get("module")), str(named.get("pattern_key")), str(named.get("action_category"))


def _moment(value: object) -> datetime | None:
    """Return an aware time, given as such or as ISO text; None for anything else."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return None
    return at if isinstance(at, datetime) and at.utcoffset() is not None else None
