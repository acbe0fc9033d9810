"""How often a call passes from one of our modules into another, counted by a profiler.

A stay is an uninterrupted stretch within one module. Each time control enters another module, by a call or by a
return, a stay begins: a function that calls into three other modules makes seven stays and three entries. Frames of
Django and of the standard library belong to nobody and interrupt nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
APPS = ("config", "learning", "overrides", "telemetry")

Names = Callable[[str], str | None]  # a module's dotted name -> the name it is counted under, None to leave it out


class Stays:
    """The modules that control was in, in order, and how often a call led into another one."""

    def __init__(self, names: Names) -> None:
        self.visited: list[str] = []
        self.entries = 0
        self._names = names
        self._modules: dict[str, str | None] = {}

    def trace(self, frame: FrameType, event: str, argument: object) -> None:
        """Count one event of `sys.setprofile`."""
        if event not in ("call", "return") or self._module(frame) is None:
            return
        now: FrameType | None = frame if event == "call" else frame.f_back
        while now is not None:
            module = self._module(now)
            if module is not None:
                self._visit(module, event)
                return
            now = now.f_back

    def _visit(self, module: str, event: str) -> None:
        if self.visited[-1:] != [module]:
            self.visited.append(module)
            self.entries += event == "call"

    def _module(self, frame: FrameType) -> str | None:
        path = frame.f_code.co_filename
        if path not in self._modules:
            self._modules[path] = self._named(path)
        return self._modules[path]

    def _named(self, path: str) -> str | None:
        if not path.startswith(f"{ROOT}/"):
            return None
        parts = Path(path).relative_to(ROOT).with_suffix("").parts
        return self._names(".".join(parts)) if parts[0] in APPS else None


@contextmanager
def counted(names: Names) -> Iterator[Stays]:
    """Count the stays of what runs inside the block."""
    stays = Stays(names)
    sys.setprofile(stays.trace)
    try:
        yield stays
    finally:
        sys.setprofile(None)
