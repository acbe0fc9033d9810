"""Every way in which one condition of a database function is changed: what is listed here is what is tried.

An operand of AND is taken out (true), one of OR as well (false), a condition alone is both; comparisons move by their
border, lists lose one entry, pairs of compared rows one column, defaults and limits become others, and statements that
only write or check are left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.mutants.mutant import Change
from tests.bench.mutants.sql_text import Body

STARTS = {"WHERE", "ON", "IF", "ELSIF", "WHEN"}
STOPS = STARTS | {
    "", "(", "[", ",", ";", "THEN", "ELSE", "SELECT", "RETURN", "FROM", "GROUP", "ORDER", "LIMIT", "LEFT", "JOIN",
    "UNION", "EXCEPT", "FOR", ":=", "CASE", ")", "]", "END", "AS", "LATERAL", "LOOP", "BEGIN", "DECLARE",
}  # fmt: skip
BORDERS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
NEAR = 3  # a longer condition needs no words around it
COMPARED = {"=": "<>", "<>": "=", "@>": "<@", "<@": "@>"}


def changes(text: str) -> Iterator[Change]:
    """Yield every change of a function's text, once; two of the same wording are numbered."""
    body = Body(text)
    seen: dict[str, int] = {}
    for rule in (
        operands,
        alone,
        comparisons,
        negations,
        defaults,
        lists,
        pairs,
        numbers,
        orders,
        statements,
        branches,
    ):
        for kind, first, last, new in rule(body):
            wording = _wording(body, first, last, new)
            seen[wording] = seen.get(wording, 0) + 1
            counted = wording if seen[wording] == 1 else f"{wording} ({seen[wording]})"
            yield Change(kind, counted, body.with_text(first, last, new), body.message_after(last))


Found = Iterator[tuple[str, int, int, str]]


def _wording(body: Body, first: int, last: int, new: str) -> str:
    """The change in words: what becomes what, with the three tokens on both sides of a short one."""
    near = 3 if last - first <= NEAR else 0
    start, end = first, last
    while near and start > max(first - near, 0) and body.word(start - 1) not in {";", "THEN", "BEGIN"}:
        start -= 1
    while near and end < min(last + near, len(body.tokens) - 1) and body.word(end + 1) not in {";", "THEN"}:
        end += 1
    head, old, tail = body.source(start, first - 1), body.source(first, last), body.source(last + 1, end)
    return f"{head} [{old}] {tail} -> {new or 'nothing'}".strip().replace("  ", " ")


def _extent(body: Body, index: int, stops: set[str]) -> tuple[int, int]:
    """The operand around an index: to the next stop at the same depth, on both sides."""
    first = last = index
    while not _stops(body, first - 1, stops - {")", "]", "END"}):
        first = body.before(first - 1) + 1
    last = body.after(index) - 1
    while not _stops(body, last + 1, stops - {"(", "[", "CASE"}):
        last = body.after(last + 1) - 1
    return first, last


def _stops(body: Body, index: int, stops: set[str]) -> bool:
    word = body.word(index)
    if word == "FROM" and body.word(index - 1) == "DISTINCT":
        return False
    return word in stops and not (word == "AND" and _is_of_between(body, index))


def _is_of_between(body: Body, index: int) -> bool:
    """Whether the word BETWEEN precedes this AND at its depth, nearer than any other connective."""
    if body.word(index) != "AND":
        return False
    at = index - 1
    while at >= 0 and body.word(at) not in STOPS - {")", "]", "END"} | {"AND", "OR"}:
        if body.word(at) == "BETWEEN":
            return True
        at = body.before(at)
    return False


def operands(body: Body) -> Found:
    """Operands of AND and OR, each taken out."""
    for connective, dropped in (("AND", "true"), ("OR", "false")):
        stops = STOPS | ({"AND", "OR"} if connective == "AND" else {"OR"})
        spans: dict[tuple[int, int], None] = {}
        for index in range(len(body.tokens)):
            if body.word(index) == connective and not _is_of_between(body, index):
                left = body.before(index - 1) + 1
                spans[_extent(body, left, stops)] = None
                spans[_extent(body, index + 1, stops)] = None
        for first, last in spans:
            yield "operand", first, last, dropped


def alone(body: Body) -> Found:
    """Conditions without AND and OR, as if they held and as if they did not."""
    for index in range(len(body.tokens)):
        if not _starts_condition(body, index):
            continue
        first, last = _extent(body, index + 1, STOPS | {"AND", "OR"})
        whole = _extent(body, index + 1, STOPS)
        if (first, last) == whole:
            yield "condition", first, last, "true"
            yield "condition", first, last, "false"


def _starts_condition(body: Body, index: int) -> bool:
    word = body.word(index)
    if word == "WHEN":
        case = index - 1
        while case >= 0 and body.word(case) not in {"CASE", "WHEN"}:
            case = body.before(case)
        return (body.word(case) == "WHEN" and _is_searched(body, case)) or body.word(index - 1) == "CASE"
    if word == "IF":
        return body.word(index - 1) != "END"
    if word == "ON":
        return body.word(index + 1) != "CONFLICT" and body.word(index - 1) != "DISTINCT"
    return word in STARTS


def _is_searched(body: Body, when: int) -> bool:
    return _starts_condition(body, when)


def comparisons(body: Body) -> Found:
    for index, token in enumerate(body.tokens):
        if token.text in BORDERS:
            yield "border", index, index, BORDERS[token.text]
        elif token.text in COMPARED:
            yield "comparison", index, index, COMPARED[token.text]
        elif token.word == "IS" and body.word(index + 1) == "NOT" and body.word(index + 2) == "DISTINCT":
            yield "null", index, index + 3, "="
        elif token.word == "IS" and body.word(index + 1) == "DISTINCT":
            yield "null", index, index + 2, "<>"


def negations(body: Body) -> Found:
    for index in range(len(body.tokens)):
        word, following = body.word(index), body.word(index + 1)
        if word == "NOT" and body.word(index - 1) != "IS":
            yield "negation", index, index, ""
        elif word == "IS" and following == "NOT" and body.word(index + 2) in {"NULL", "TRUE"}:
            yield "negation", index, index + 1, "IS"
        elif word == "IS" and following == "NULL":
            yield "negation", index, index, "IS NOT"


def defaults(body: Body) -> Found:
    """The last argument of coalesce, as null; false becomes true."""
    for index in range(len(body.tokens)):
        if body.word(index) == "COALESCE":
            last = body.partner[index + 1] - 1
            first = last
            while body.word(first - 1) not in {",", "("}:
                first = body.before(first - 1) + 1
            yield "default", first, last, {"FALSE": "true", "TRUE": "false"}.get(body.word(last), "NULL")


def lists(body: Body) -> Found:
    """Entries of lists of literals, each left out."""
    for index in range(len(body.tokens)):
        opens = body.word(index) in {"(", "["} and body.word(index - 1) in {"IN", "ARRAY"}
        entries = range(index + 1, body.partner[index]) if opens else range(0)
        places = [each for each in entries if body.tokens[each].text != ","]
        if len(places) < 2 or not all(body.tokens[each].text[0] in "'0123456789" for each in places):
            continue
        for place in places:
            comma = place + 1 if place == places[0] else place - 1
            yield "list", min(place, comma), max(place, comma), ""


def pairs(body: Body) -> Found:
    """Columns of two rows that are compared, each left out on both sides."""
    for index in range(len(body.tokens)):
        second = body.partner.get(index, -1) + 1
        if body.word(index) != "(" or second == 0:
            continue
        while body.word(second) in {"IS", "NOT", "DISTINCT", "FROM", "=", "<>"}:
            second += 1
        if body.word(second) != "(" or second == body.partner[index] + 1:
            continue
        left, right = _columns(body, index), _columns(body, second)
        for place in range(len(left) if len(left) == len(right) > 1 else 0):
            ours, theirs = (", ".join(each[:place] + each[place + 1 :]) for each in (left, right))
            between = body.source(body.partner[index] + 1, second - 1)
            yield "pair", index, body.partner[second], f"({ours}) {between} ({theirs})"


def _columns(body: Body, opening: int) -> list[str]:
    found, first = [], opening + 1
    at = first
    while at <= body.partner[opening]:
        if at == body.partner[opening] or body.word(at) == ",":
            found.append(body.source(first, at - 1))
            first = at + 1
        at = body.after(at) if at < body.partner[opening] else at + 1
    return found


def numbers(body: Body) -> Found:
    """Limits and terms, as others: a tolerance becomes a hundredth, five seconds an hour, any other number one more."""
    for index, token in enumerate(body.tokens):
        if token.text == "'5 seconds'":
            yield "number", index, index, "'1 hour'"
        elif token.text[0].isdigit() and body.word(index - 1) not in {"LIMIT", "[", "->", "->>"}:
            value = float(token.text)
            yield "number", index, index, "0.01" if value < 1e-5 and value else f"{value + 1:g}"


def orders(body: Body) -> Found:
    for index in range(len(body.tokens)):
        if body.word(index) == "DESC":
            yield "order", index, index, "ASC"
        elif body.word(index) == "FOR" and body.word(index + 1) == "UPDATE":
            yield "lock", index, index + 1, ""
        elif body.word(index) == "DISTINCT" and body.word(index - 1) == "(":
            yield "order", index, index, ""


def statements(body: Body) -> Found:
    """Checks that are called and columns that are written, each left out."""
    for index in range(len(body.tokens)):
        writes = body.word(index) == "NEW" and body.word(index + 3) == ":="
        if (writes or body.word(index) == "PERFORM") and body.word(index - 1) in {";", "THEN", "ELSE", "BEGIN", "LOOP"}:
            last = index
            while body.word(last + 1) != ";":
                last += 1
            yield "statement", index, last, "NULL"


def branches(body: Body) -> Found:
    """Parts of a union, each left out."""
    for index in range(len(body.tokens)):
        if body.word(index) == "UNION":
            stops = STOPS - {"SELECT", "FROM", "EXCEPT", "WHERE", "JOIN", "ON", ",", "AS", "CASE"}
            first, last = _extent(body, body.before(index - 1) + 1, stops)
            yield "branch", first, index + 1, ""
            first, last = _extent(body, index + 2, stops)
            yield "branch", index, last, ""
