"""Operations for migrations that change functions and triggers of the database; each can be reversed.

The current text of every function and trigger is in an app's `models/sql/`. Migrations do not read it, because that
text changes later. A migration has a frozen copy in a folder of its own name, `migrations/sql/<migration>/`:
`<function>.sql` is the function after the migration, `<function>.before.sql` the one before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from django.db.migrations import RunSQL


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger and the call of its function.

    `events` are joined by OR. A deferred trigger checks rows when the transaction commits; any other one runs before a
    row is written, or before the statement for TRUNCATE. `when` is a condition on the row.
    """

    name: str
    events: str
    function: str
    deferred: bool = False
    when: str = ""

    def create_on(self, table: str) -> str:
        """Return the statement that creates the trigger on a table. Applied migrations rely on it not changing.

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
        """Return the statement that drops the trigger from a table.

        >>> Trigger("note_is_kept", "UPDATE OR DELETE", "refuse_change()").drop_from("note")
        'DROP TRIGGER note_is_kept ON note'
        """
        return f"DROP TRIGGER {self.name} ON {table}"


def create_function(migration: str, name: str) -> RunSQL:
    """Return the operation that creates a function from the migration's frozen copy; reversed, it drops the function.

    `migration` is the migration's `__file__`. The name must belong to one function only, whatever its arguments. Raises
    FileNotFoundError without the copy, ValueError if the copy does not define the function.
    """
    return RunSQL(_frozen(migration, name, f"{name}.sql"), f"DROP FUNCTION {name}")


def replace_function(migration: str, name: str) -> RunSQL:
    """Return the operation that replaces a function by the frozen copy; reversed, it restores the earlier text.

    `migration` is the migration's `__file__`. Arguments and result type do not change. Raises FileNotFoundError without
    the two copies, ValueError if one of them does not define the function.
    """
    return RunSQL(_frozen(migration, name, f"{name}.sql"), _frozen(migration, name, f"{name}.before.sql"))


def create_trigger(table: str, trigger: Trigger) -> RunSQL:
    """Return the operation that creates a trigger on a table; reversed, it drops the trigger."""
    return RunSQL(trigger.create_on(table), trigger.drop_from(table))


def replace_trigger(table: str, trigger: Trigger, before: Trigger) -> RunSQL:
    """Return the operation that replaces a trigger of a table by another one; reversed, it restores the earlier one."""
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
