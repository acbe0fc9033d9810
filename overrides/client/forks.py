"""What a process that was forked has to do: its threads are gone, and a lock may have been held by one of them."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forked(Protocol):
    """What keeps locks, threads or work that belongs to one process."""

    def after_fork(self) -> None:
        """Make locks anew in the child, and forget the parent's threads and work."""


_KEPT: WeakSet[Forked] = WeakSet()


def renewed_after_fork(each: Forked) -> None:
    """Call `after_fork` in every child that is forked from now on, as long as the object lives."""
    _KEPT.add(each)


def _renew() -> None:
    for each in list(_KEPT):
        each.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_renew)
