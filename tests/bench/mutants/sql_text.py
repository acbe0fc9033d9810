"""The text of a function as tokens, with the brackets that belong together: all that finding conditions needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

TOKEN = re.compile(
    r"--[^\n]*|\s+|'(?:[^']|'')*'|\"[^\"]*\"|\d+(?:\.\d+)?(?:e[-+]?\d+)?|\w+|::|:=|->>|->|#>>|\|\||<>|<=|>=|@>|<@|~|.",
    re.DOTALL,
)
BODY = re.compile(r"\$\$(.*)\$\$", re.DOTALL)
MESSAGE = re.compile(r"RAISE\s+EXCEPTION\b[^;]*;", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a sign or a literal of the body, and where it stands in the whole text."""

    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        return self.text.upper()


@dataclass(frozen=True)
class Body:
    """The tokens between the dollar quotes, without space, comments and the messages of exceptions."""

    text: str

    @cached_property
    def tokens(self) -> list[Token]:
        found = BODY.search(self.text)
        assert found is not None, self.text
        messages = [(each.start(), each.end()) for each in MESSAGE.finditer(self.text)]
        tokens = (Token(each.group(), each.start(), each.end()) for each in TOKEN.finditer(self.text, *found.span(1)))
        return [
            token
            for token in tokens
            if not token.text.isspace()
            and not token.text.startswith("--")
            and not any(start <= token.start < end for start, end in messages)
        ]

    @cached_property
    def partner(self) -> dict[int, int]:
        """Index of the other bracket, for parentheses, square brackets and CASE ... END, in both directions."""
        pairs: dict[int, int] = {}
        opened: list[int] = []
        for index, token in enumerate(self.tokens):
            if token.text in "([" or token.word == "CASE":
                opened.append(index)
            elif token.text in ")]" or (token.word == "END" and self._ends_case(opened)):
                start = opened.pop()
                pairs[start], pairs[index] = index, start
        return pairs

    def _ends_case(self, opened: list[int]) -> bool:
        return bool(opened) and self.tokens[opened[-1]].word == "CASE"

    def word(self, index: int) -> str:
        """The word at an index in capitals; empty beyond both ends."""
        return self.tokens[index].word if 0 <= index < len(self.tokens) else ""

    def after(self, index: int) -> int:
        """The index after a token, or after the bracket that it opens."""
        return max(index, self.partner.get(index, index)) + 1

    def before(self, index: int) -> int:
        """The index before a token, or before the bracket that it closes."""
        return min(index, self.partner.get(index, index)) - 1

    def source(self, first: int, last: int) -> str:
        """The text from one token to another, both included, in one line; empty if `last` is before `first`."""
        if last < first:
            return ""
        text = self.text[self.tokens[first].start : self.tokens[last].end]
        return re.sub(r"\s+", " ", MESSAGE.sub("", re.sub(r"--[^\n]*", "", text)))

    def message_after(self, index: int) -> str:
        """The longest fixed part of the next exception's message; empty if there is none."""
        found = re.compile(r"RAISE\s+EXCEPTION\s+'([^']*)'").search(self.text, self.tokens[index].end)
        return max(found.group(1).split("%"), key=len).strip(" :/") if found else ""

    def with_text(self, first: int, last: int, text: str) -> str:
        """The function with other text in place of these tokens; `last` before `first` inserts."""
        end = self.tokens[last].end if last >= first else self.tokens[first].start
        return self.text[: self.tokens[first].start] + text + self.text[end:]
