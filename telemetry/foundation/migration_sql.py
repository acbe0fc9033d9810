"""Steps of migrations that change functions and triggers of the database, each with its way back.

The current text of every function and trigger stands in an app's `models/sql/`. A migration does not read it there,
because that text changes later; it carries a frozen copy in a folder of its own name, `migrations/sql/<migration>/`:
`<function>.sql` as the migration leaves the function, `<function>.before.sql` as it found it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from django.db.migrations import RunSQL


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger and the function it calls, with that function's arguments.

    `events` are joined by OR. A deferred trigger looks at rows when the transaction commits; any other one runs before
    a row is written, or before the statement for TRUNCATE. `when` is a condition on the row.
    """

    name: str
    events: str
    function: str
    deferred: bool = False
    when: str = ""

    def create_on(self, table: str) -> str:
        """The statement that creates the trigger on a table. Applied migrations rely on it staying as it is.

        >>> Trigger("note_is_kept", "UPDATE OR DELETE", "refuse_change()").create_on("note")
        'CREATE TRIGGER note_is_kept BEFORE UPDATE OR DELETE ON note FOR EACH ROW EXECUTE FUNCTION refuse_change()'
        """
        condition = f" WHEN ({self.when})" if self.when else ""
        level = "STATEMENT" if self.events == "TRUNCATE" else "ROW"
        action = f"FOR EACH {level}{condition} EXECUTE FUNCTION {self.function}"
        if self.deferred:
            head = f"CREATE CONSTRAINT TRIGGER {self.name} AFTER {self.events} ON {table}"
            return f"{head} DEFERRABLE INITIALLY DEFERRED {action}"
        return f"CREATE TRIGGER {self.name} BEFORE {self.events} ON {table} {action}"

    def drop_from(self, table: str) -> str:
        """The statement that removes the trigger from a table.

        >>> Trigger("note_is_kept", "UPDATE OR DELETE", "refuse_change()").drop_from("note")
        'DROP TRIGGER note_is_kept ON note'
        """
        return f"DROP TRIGGER {self.name} ON {table}"


def create_function(migration: str, name: str) -> RunSQL:
    """Create a function from the migration's frozen copy; the way back drops it.

    `migration` is the migration's `__file__`. The name must be that of one function only, whatever its arguments.
    Raises FileNotFoundError without the copy, ValueError if the copy does not define the function.
    """
    return RunSQL(_frozen(migration, name, f"{name}.sql"), f"DROP FUNCTION {name}")


def replace_function(migration: str, name: str) -> RunSQL:
    """Replace a function by the migration's frozen copy; the way back restores the copy of the text before it.

    `migration` is the migration's `__file__`. Arguments and result stay what they were. Raises FileNotFoundError
    without the two copies, ValueError if one of them does not define the function.
    """
    return RunSQL(_frozen(migration, name, f"{name}.sql"), _frozen(migration, name, f"{name}.before.sql"))


def create_trigger(table: str, trigger: Trigger) -> RunSQL:
    """Create a trigger on a table; the way back drops it."""
    return RunSQL(trigger.create_on(table), trigger.drop_from(table))


def replace_trigger(table: str, trigger: Trigger, before: Trigger) -> RunSQL:
    """Put a trigger in the place of another one on the same table; the way back restores the one before it."""
    return RunSQL(
        [before.drop_from(table), trigger.create_on(table)],
        [trigger.drop_from(table), before.create_on(table)],
    )


def _frozen(migration: str, name: str, file: str) -> str:
    path = Path(migration)
    text = (path.parent / "sql" / path.stem / file).read_text(encoding="utf-8")
    if re.findall(r"^(CREATE\b.*?)\(", text, flags=re.MULTILINE) != [f"CREATE OR REPLACE FUNCTION {name}"]:
        raise ValueError(f"{path.stem}/{file}: must hold CREATE OR REPLACE FUNCTION {name}(...) and no other one")
    return text
