"""What the machine would notice: each of these faults lets one kind of change through, and the machine finds it.

The usual run tries the first of them; with STATEFUL_EXAMPLES all are tried, on so many and longer examples.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection

import overrides.models.sql
from overrides.core.governance import gates
from overrides.models.sql.keys import KEYS
from tests.stateful.product import prepare
from tests.stateful.test_machine import EXAMPLES, run

FUNCTIONS = Path(overrides.models.sql.__file__).parent / "functions"
QUICK = 1
NOTICED = r"refuses as|went through|by another name|differ"

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Mutant:
    """Words of a function of the database, and what stands in their place."""

    function: str
    words: str
    instead: str


MUTANTS = {
    "deactivated people vote": Mutant("may_review", "u.is_active AND", "true AND"),
    "nobody's own request is recognised": Mutant("guard_vote", "asked.author_id = NEW.voter_id", "false"),
    "a mandate lasts for ever": Mutant("mandate_stands", "given.review_by > at", "true"),
    "a veto is ignored": Mutant("version_is_decided", "h.kind = 'veto'", "h.kind = 'none'"),
    "a mandate outlives its signers": Mutant("mandate_stands", ">= given.approvals_needed", ">= 0"),
    "votes of demoted people count": Mutant("approvers_of", "may_review(voter_id)", "true"),
    "votes of an earlier edition count": Mutant("approvers_of", "AND content_hash = content", ""),
    "the first word of a voter counts": Mutant("approvers_of", "voter_id, id DESC", "voter_id, id"),
    "votes of all groups count": Mutant("is_of_groups", "named = '[]' OR", "true OR"),
    "nothing is large": Mutant("is_large", "coalesce(asked.movement + moved", "coalesce(0 + moved * 0"),
    "a mandate covers either sign": Mutant("is_covered", "sign(o.edge_raw) IN (0, m.edge_sign)", "true"),
    "a mandate covers invented trades": Mutant("is_covered", "o.n <= most_trades", "true"),
    "a pin is ignored": Mutant("version_is_decided", "h.kind = 'pin'", "h.kind = 'none'"),
    "a quarantine is ignored": Mutant("version_is_decided", "lifted_at IS NULL) THEN", "false) THEN"),
    "any levers may have stood": Mutant("version_is_decided", "drafted.levers <> stood.levers", "false"),
    "a rollback brings what it likes": Mutant("version_is_decided", "(TABLE held EXCEPT TABLE holds) UNION ALL", ""),
    "an expired request is applied": Mutant("guard_request", "NEW.closed_at >= NEW.expires_at", "false"),
    "a mode rises by itself": Mutant("mode_is_decided", "IF decided IS NULL", "IF false"),
}  # fmt: skip
KEY = "change_brings_its_line"


@pytest.fixture(autouse=True)
def prepared(transactional_db: None) -> None:
    prepare()


@contextmanager
def mutated(mutant: Mutant) -> Iterator[None]:
    text = (FUNCTIONS / f"{mutant.function}.sql").read_text()
    assert mutant.words in text
    try:
        _execute(text.replace(mutant.words, mutant.instead))
        yield
    finally:
        _execute(text)


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def noticed() -> None:
    with pytest.raises(AssertionError, match=NOTICED):
        run(*((EXAMPLES, 40) if EXAMPLES else (20, 15)))


@pytest.mark.parametrize("name", list(MUTANTS) if EXAMPLES else list(MUTANTS)[:QUICK])
def test_a_function_that_lets_too_much_through_is_noticed(name: str) -> None:
    with mutated(MUTANTS[name]):
        noticed()


def test_a_missing_key_is_noticed() -> None:
    table, definition = KEYS[KEY]
    _execute(f"ALTER TABLE {table} DROP CONSTRAINT {KEY}")
    try:
        noticed()
    finally:
        _execute(f"ALTER TABLE {table} ADD CONSTRAINT {KEY} {definition}")


def test_a_missing_gate_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database refuses in its place, but by another name than the page would give."""
    others = tuple(each for each in gates.RULES if each[1] is not gates._missing_approvals)
    monkeypatch.setattr(gates, "RULES", others)

    noticed()
