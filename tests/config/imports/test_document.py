"""A report as text, as JSON, and cell by cell for a page."""

from __future__ import annotations

from config.imports.document import Document, Section, Table

TABLE = Table(("book", "trades"), [("paper", "1,906"), ("live", "3")], "tn")
DOCUMENT = Document("A title", ["First."], [Section("What", ["So."], TABLE, ["Then."], commands=["./dev manage x y"])])


def test_text_aligns_words_to_the_left_and_numbers_to_the_right() -> None:
    assert DOCUMENT.as_text().splitlines() == [
        "A title",
        "=======",
        "",
        "First.",
        "",
        "What",
        "----",
        "So.",
        "  book   trades",
        "  paper   1,906",
        "  live        3",
        "Then.",
        "  ./dev manage x y",
    ]


def test_text_is_wrapped_but_a_command_is_not() -> None:
    long = Document("T", ["word " * 60], [Section("S", commands=["word " * 60])])

    first, *_, command = long.as_text().splitlines()[3:]

    assert len(first) <= 100
    assert len(command) > 200


def test_json_holds_the_same() -> None:
    assert DOCUMENT.as_json() == {
        "title": "A title",
        "summary": ["First."],
        "sections": [
            {
                "heading": "What",
                "sentences": ["So.", "Then."],
                "commands": ["./dev manage x y"],
                "table": {"header": ["book", "trades"], "rows": [["paper", "1,906"], ["live", "3"]]},
            }
        ],
    }


def test_cells_say_which_are_numbers() -> None:
    assert TABLE.header_cells == [("book", False), ("trades", True)]
    assert TABLE.cells[0] == [("paper", False), ("1,906", True)]
