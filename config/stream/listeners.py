"""Who listens, and what each has still to be sent: at most one state for each module, however slowly it reads.

Everything here runs in the thread of the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress

from config.stream.events import FORMS, HEARTBEAT
from overrides.serving.clients.module_states import ModuleState
from overrides.serving.clients.stream_address import REFETCH

HEARTBEAT_SECONDS = 15.0


class Listener:
    """One connection: the states that were sent, and those that wait to be sent."""

    def __init__(self, caller: str, modules: Collection[str], form: str, known: Mapping[str, str]) -> None:
        self.caller, self.form = caller, form
        self._modules = modules
        self._tags = {module: tag for module, tag in known.items() if module in modules}
        self._waiting: dict[str, ModuleState] = {}
        self._news = asyncio.Event()
        self.is_closed = False

    def offer(self, states: Iterable[ModuleState], *, again: bool = False) -> None:
        """Let the listener know states that it does not know; with `again` also those that it knows."""
        for state in states:
            if state.module in self._modules and (again or self._tags.get(state.module) != state.tag):
                self._waiting[state.module] = state
                self._news.set()

    def close(self) -> None:
        """End the stream after what is being sent."""
        self.is_closed = True
        self._news.set()

    async def next(self) -> bytes:
        """Wait for something to send and return it: events, or a comment after a time without any."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await self._news.wait()
        self._news.clear()
        if self.is_closed or not self._waiting:
            return HEARTBEAT
        events = []
        for module in sorted(self._waiting):
            state = self._waiting.pop(module)
            self._tags[module] = state.tag
            events.append(FORMS[self.form](state, self._tags))
        return b"".join(events)


class Listeners:
    """All connections of the process, of which there are never more than the bound."""

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self._open: set[Listener] = set()
        self._states: Mapping[str, ModuleState] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Listener]:
        return iter(list(self._open))

    @property
    def is_full(self) -> bool:
        """Whether no further listener is taken."""
        return len(self._open) >= self.bound

    def add(self, listener: Listener) -> None:
        """Take a listener; it is offered the states as they are."""
        self._open.add(listener)
        listener.offer(self._states.values())

    def remove(self, listener: Listener) -> None:
        """Forget a listener whose connection has ended."""
        self._open.discard(listener)

    def publish(self, states: Mapping[str, ModuleState]) -> list[ModuleState]:
        """Offer the states to all listeners; return those of modules that had another one before."""
        news = [state for module, state in states.items() if self._states.get(module, state) != state]
        self._states = states
        for listener in self._open:
            listener.offer(states.values())
        return news

    def repeat(self, states: Iterable[ModuleState]) -> None:
        """Offer states once more to those who evaluate at the web process, unless they have changed again.

        The web processes take up a version on their own, perhaps only after a listener has evaluated again.
        """
        current = [state for state in states if self._states.get(state.module) == state]
        for listener in self._open:
            if listener.form == REFETCH:
                listener.offer(current, again=True)

    def close(self) -> None:
        """End all streams."""
        for listener in self._open:
            listener.close()
