"""How calm a call is: how often control passes from one of our modules into another, counted by a profiler.

A stay is an uninterrupted stretch within one module (one file). Each time control enters another module, by a call or
by a return, a stay begins; so a function that calls into three other modules makes seven. Frames of Django and of the
standard library belong to nobody and interrupt nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
APPS = ("config", "learning", "overrides", "telemetry")

Counts = Callable[[str], bool]


class Stays:
    """The modules that control was in, in order; a module that `counts` refuses belongs to nobody."""

    def __init__(self, counts: Counts) -> None:
        self.visited: list[str] = []
        self._counts = counts
        self._modules: dict[str, str | None] = {}

    def trace(self, frame: FrameType, event: str, argument: object) -> None:
        """What `sys.setprofile` calls at every call and return."""
        if event not in ("call", "return") or self._module(frame) is None:
            return
        now: FrameType | None = frame if event == "call" else frame.f_back
        while now is not None:
            module = self._module(now)
            if module is not None:
                self._visit(module)
                return
            now = now.f_back

    def _visit(self, module: str) -> None:
        if self.visited[-1:] != [module]:
            self.visited.append(module)

    def _module(self, frame: FrameType) -> str | None:
        path = frame.f_code.co_filename
        if path not in self._modules:
            self._modules[path] = self._named(path)
        return self._modules[path]

    def _named(self, path: str) -> str | None:
        if not path.startswith(f"{ROOT}/"):
            return None
        parts = Path(path).relative_to(ROOT).with_suffix("").parts
        module = ".".join(parts)
        return module if parts[0] in APPS and self._counts(module) else None


@contextmanager
def counted(counts: Counts) -> Iterator[Stays]:
    """Count the stays of what runs inside the block."""
    stays = Stays(counts)
    sys.setprofile(stays.trace)
    try:
        yield stays
    finally:
        sys.setprofile(None)
