"""A section of a lever's page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from overrides.core.engine.definitions.levers import Lever


@dataclass(frozen=True)
class Asked:
    """The lever that a page is about, the time, and the page of a list that the address asks for ("" is the first)."""

    lever: Lever
    now: datetime
    page: str = ""


@dataclass(frozen=True)
class Section:
    """A heading, the template of what stands below it, and what that template shows as `shown`.

    `key` names it in the page's addresses.
    """

    key: str
    title: str
    template: str
    shown: Any


Provider = Callable[[Asked], Section | None]  # None: nothing is to be said of this lever
