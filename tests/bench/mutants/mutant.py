"""What is tried: a change, the statements that make and unmake it, and the functions whose callers may notice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Change(NamedTuple):
    """One changed condition of a text: its kind, its wording for people, and the whole text with it."""

    kind: str
    wording: str
    text: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of the database. `functions` names those that a test must call to notice it; empty: any test may."""

    where: str
    kind: str
    wording: str
    make: tuple[str, ...]
    unmake: tuple[str, ...]
    functions: frozenset[str]
    message: str = ""  # a part of the refusal that the condition decides

    @property
    def name(self) -> str:
        return f"{self.where}: {self.wording}"
