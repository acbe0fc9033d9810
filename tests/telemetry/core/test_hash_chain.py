from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.core.hash_chain import GENESIS, Break, Row, export_lines, link, linked, verify, verify_export


def chain(*contents: str) -> list[Row]:
    rows: list[Row] = []
    previous = GENESIS
    for seq, content in enumerate(contents, start=1):
        rows.append(linked(Row(seq, previous, "", content)))
        previous = rows[-1].hash
    return rows


def named(breaks: list[Break]) -> list[tuple[int, str]]:
    """Return each break as its row and the first word of its message."""
    return [(each.seq, each.message.split(":")[0]) for each in breaks]


LOG = chain("a", "b", "c", "d", "e", "f")


class TestLink:
    def test_is_sha256_of_the_three_joined_by_bars(self) -> None:
        assert link(Row(12, GENESIS, "", '{"é":1}')) == sha256(b"12|" + b"0" * 64 + b'|{"\xc3\xa9":1}').hexdigest()

    def test_agrees_with_a_value_made_elsewhere(self) -> None:
        # printf '1|%064d|{}' 0 | sha256sum
        assert link(Row(1, GENESIS, "", "{}")) == "f9c58de239d5b7d23ffd621e53e94afcd7f288766f7db9737516df6efd8743bb"


class TestVerify:
    def test_finds_nothing_in_a_whole_chain(self) -> None:
        assert verify(LOG) == verify(iter(LOG)) == verify([]) == []

    @pytest.mark.parametrize("index", range(6))
    def test_names_a_changed_row(self, index: int) -> None:
        rows = LOG.copy()
        rows[index] = replace(rows[index], content="x")

        assert named(verify(rows)) == [(index + 1, "changed")]

    def test_names_a_row_changed_together_with_its_hash(self) -> None:
        rows = LOG.copy()
        rows[2] = linked(replace(rows[2], content="x"))

        assert named(verify(rows)) == [(3, "changed")]

    def test_names_a_changed_link(self) -> None:
        rows = LOG.copy()
        rows[2] = replace(rows[2], previous_hash="f" * 64)

        assert named(verify(rows)) == [(3, "changed")]

    @pytest.mark.parametrize("index", range(5))
    def test_names_a_removed_row(self, index: int) -> None:
        assert named(verify(LOG[:index] + LOG[index + 1 :])) == [(index + 1, "removed")]

    def test_names_a_removed_stretch_once(self) -> None:
        assert verify(LOG[:1] + LOG[4:]) == [Break(2, "removed: rows 2 to 4 are missing")]

    @pytest.mark.parametrize("index", range(5))
    def test_names_rows_renumbered_to_hide_a_removal(self, index: int) -> None:
        rest = [replace(row, seq=row.seq - 1) for row in LOG[index + 1 :]]

        assert named(verify(LOG[:index] + rest)) == [(seq, "changed") for seq in range(index + 1, 6)]

    @pytest.mark.parametrize("place", ["before", "after"])
    @pytest.mark.parametrize("index", range(6))
    def test_names_an_inserted_row(self, index: int, place: str) -> None:
        genuine = LOG[index]
        forged = linked(replace(genuine, content="x"))
        pair = [forged, genuine] if place == "before" else [genuine, forged]

        assert named(verify(LOG[:index] + pair + LOG[index + 1 :])) == [(index + 1, "inserted")]

    def test_names_a_row_repeated_later_and_one_before_the_first(self) -> None:
        early = linked(Row(0, GENESIS, "", "x"))

        assert named(verify([early, *LOG, LOG[1]])) == [(0, "inserted"), (2, "inserted")]

    def test_names_reordered_rows(self) -> None:
        rows = [LOG[0], LOG[2], LOG[1], *LOG[3:]]

        assert verify(rows) == [Break(2, "reordered: it stands after row 3")]

    def test_distinguishes_reordered_from_removed_within_one_gap(self) -> None:
        rows = [LOG[0], LOG[5], LOG[2], LOG[3]]

        assert named(verify(rows)) == [(2, "removed"), (3, "reordered"), (4, "reordered"), (5, "removed")]

    def test_names_several_breaks_in_order(self) -> None:
        rows = [LOG[0], replace(LOG[1], content="x"), LOG[3], LOG[4], LOG[4], LOG[5]]

        assert named(verify(rows)) == [(2, "changed"), (3, "removed"), (5, "inserted")]

    def test_needs_an_expected_head_to_see_a_cut_tail(self) -> None:
        head = LOG[-1].hash

        assert verify(LOG, expected_head=head) == []
        assert verify(LOG[:4]) == []
        assert named(verify(LOG[:4], expected_head=head)) == [(5, "removed")]
        assert named(verify([], expected_head=head)) == [(1, "removed")]

    def test_needs_an_expected_head_to_see_a_log_written_anew(self) -> None:
        anew = chain("a", "b", "x", "d", "e", "f")

        assert verify(anew) == []
        assert named(verify(anew, expected_head=LOG[-1].hash)) == [(7, "removed")]

    def test_lets_the_log_grow_beyond_the_expected_head(self) -> None:
        assert verify(LOG, expected_head=LOG[2].hash) == verify(LOG, expected_head=GENESIS) == []

    def test_takes_a_forged_lone_surrogate_for_a_change(self) -> None:
        assert named(verify([replace(LOG[0], content="\ud800"), *LOG[1:]])) == [(1, "changed")]

    @given(st.lists(st.integers(0, 5), max_size=8))
    def test_is_whole_only_if_the_rows_are_the_first_ones_in_order(self, order: list[int]) -> None:
        whole = order == list(range(len(order)))

        assert (verify([LOG[index] for index in order]) == []) == whole

    @given(st.lists(st.text(), max_size=6), st.data())
    def test_sees_any_single_change(self, contents: list[str], data: st.DataObject) -> None:
        rows = chain(*contents, "last")
        index = data.draw(st.integers(0, len(rows) - 1))
        name = data.draw(st.sampled_from(["seq", "previous_hash", "hash", "content"]))
        value: object = data.draw(st.integers(-3, 10) if name == "seq" else st.text())
        if value == getattr(rows[index], name):
            return
        rows[index] = replace(rows[index], **{name: value})  # type: ignore[arg-type]  # the name is drawn

        assert index + 1 in {each.seq for each in verify(rows)} or name == "seq"
        assert verify(rows) != []


def mixed(old: int, new: int) -> list[Row]:
    """A chain that goes over from format 1 to format 2."""
    rows: list[Row] = []
    for seq in range(1, old + new + 1):
        previous = rows[-1].hash if rows else GENESIS
        written = f"2026-03-02T12:00:{seq:02}.000000Z"
        later: dict[str, Any] = (
            {"format": 2, "written_at": written, "transaction": 700 + seq, "epoch": 9} if seq > old else {}
        )
        rows.append(linked(Row(seq, previous, "", f"entry {seq}", **later)))
    return rows


class TestFormats:
    def test_of_both_kinds_hold_in_one_chain(self) -> None:
        assert verify(mixed(3, 3)) == []
        assert verify(mixed(0, 3)) == []

    @pytest.mark.parametrize(
        "change", [{"written_at": "1970-01-01T00:00:00.000000Z"}, {"transaction": 1}, {"epoch": 1}]
    )
    def test_2_covers_the_time_and_the_transaction(self, change: dict[str, Any]) -> None:
        rows = mixed(1, 3)
        rows[2] = replace(rows[2], **change)

        assert [(each.seq, each.message) for each in verify(rows)] == [
            (3, "changed: its content does not belong to its hash")
        ]

    def test_1_never_follows_2(self) -> None:
        rows = mixed(1, 2)
        rows.append(linked(Row(4, rows[-1].hash, "", "entry 4")))

        assert [(each.seq, each.message) for each in verify(rows)] == [
            (4, "inserted: it is of format 1, after rows of format 2")
        ]

    def test_that_do_not_exist_are_named(self) -> None:
        rows = mixed(1, 1)
        rows.append(linked(replace(rows[1], seq=3, previous_hash=rows[1].hash, format=3)))

        assert "there is no format 3" in verify(rows)[0].message

    def test_survive_an_export(self) -> None:
        assert verify_export(export_lines(mixed(2, 2))) == []

    def test_of_an_export_cannot_be_taken_back(self) -> None:
        lines = [line.replace('"format": 2', '"format": 1') for line in export_lines(mixed(0, 2))]

        assert [each.seq for each in verify_export(lines)] == [1, 2]
