"""What the tool tries: each condition of a text once, and a list of explanations that fits what was found."""

from __future__ import annotations

import ast

import pytest

from tests.bench.mutants import database_mutants, python_mutations, sql_mutations
from tests.bench.mutants.explained import DOCUMENT, read
from tests.bench.mutants.judge_python import ROOT, TARGETS, Target

FUNCTION = """-- A rule.
CREATE OR REPLACE FUNCTION rule() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    {}
END $$;
"""


def tried(statement: str) -> set[str]:
    return {change.wording for change in sql_mutations.changes(FUNCTION.format(statement))}


class TestSql:
    def test_operands_are_taken_out_as_their_connective_asks(self) -> None:
        found = tried("IF a.x AND (b.y OR f(c, d)) THEN RAISE EXCEPTION 'no AND no'; END IF;")

        assert found == {"IF [a.x] AND (b -> true", "[(b.y OR f(c, d))] -> true", "x AND ( [b.y] OR f( -> false",
                         "[f(c, d)] -> false"}  # fmt: skip

    def test_the_and_of_between_connects_nothing(self) -> None:
        assert tried("IF a BETWEEN 1 AND 2 THEN x := y; END IF;") >= {"[a BETWEEN 1 AND 2] -> false"}

    def test_a_condition_alone_holds_and_does_not(self) -> None:
        assert tried("IF NOT is_fine(NEW.id) THEN RETURN NULL; END IF;") >= {
            "[NOT is_fine(NEW.id)] -> true", "[NOT is_fine(NEW.id)] -> false", "IF [NOT] is_fine(NEW -> nothing",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("statement", "change"),
        [
            ("IF (a, b) IS DISTINCT FROM (c, d) THEN", "[(a, b) IS DISTINCT FROM (c, d)] -> (b) IS DISTINCT FROM (d)"),
            ("IF a IN ('x', 'y') THEN", "a IN ( ['x',] 'y') -> nothing"),
            ("x := coalesce(a, false);", "(a, [false] ) -> true"),
            ("IF a >= b THEN", "IF a [>=] b -> >"),
            ("IF a IS DISTINCT FROM b THEN", "IF a [IS DISTINCT FROM] b -> <>"),
            ("IF a < b + interval '5 seconds' THEN", "b + interval ['5 seconds'] -> '1 hour'"),
            ("NEW.epoch := current_epoch();", "[NEW.epoch := current_epoch()] -> NULL"),
            ("PERFORM refuse(NEW.id);", "[PERFORM refuse(NEW.id)] -> NULL"),
            ("SELECT a INTO b FROM c WHERE d = e FOR UPDATE;", "d = e [FOR UPDATE] -> nothing"),
        ],
    )
    def test_every_kind_of_condition_is_changed(self, statement: str, change: str) -> None:
        assert change in tried(statement)

    def test_a_change_knows_the_refusal_that_it_decides(self) -> None:
        text = FUNCTION.format("IF a = b THEN RAISE EXCEPTION 'request %: is closed for good', x; END IF;")

        assert {change.message for change in sql_mutations.changes(text)} == {"is closed for good"}

    def test_every_function_that_governs_is_changed_by_names_of_its_own(self) -> None:
        names = [each.name for each in database_mutants.function_mutants()]

        assert len(names) > 1000
        assert len(set(names)) == len(names)

    def test_triggers_lose_events_columns_arguments_and_conditions(self) -> None:
        names = {each.name for each in database_mutants.trigger_mutants()}

        assert names >= {
            "guard_vote on overrides_vote: dropped",
            "mode_is_decided on overrides_modulemode: not on UPDATE",
            "person_is_audited on auth_user: not for is_superuser",
            "overrides_mandate_keeps_time on overrides_mandate: without 'revoked_at'",
            "veto_takes_out on overrides_linehold: whatever the row",
        }


class TestPython:
    def test_conditions_are_changed_one_by_one(self) -> None:
        text = "def f(a, b):\n    if a < 1 and not b:\n        return min(a, b)\n"

        assert {change.wording for change in python_mutations.changes(text)} == {
            "f: a < 1 and (not b) -> True", "f: a < 1 and (not b) -> False",
            "f: a < 1 and (not b) -> True and (not b)", "f: a < 1 and (not b) -> a < 1 and True",
            "f: a < 1 -> a <= 1", "f: not b -> not not b", "f: 1 -> 2", "f: min(a, b) -> max(a, b)",
        }  # fmt: skip

    @pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.path)
    def test_every_change_can_be_compiled_and_is_one(self, target: Target) -> None:
        text = (ROOT / target.path).read_text(encoding="utf-8")
        before = ast.unparse(ast.parse(text))
        found = list(python_mutations.changes(text, target.functions))

        assert len({change.wording for change in found}) == len(found) > 5
        assert all(compile(change.text, "x", "exec") and change.text != before for change in found)


def test_explanations_are_listed_once() -> None:
    assert all(read(DOCUMENT.read_text(encoding="utf-8")).values())
