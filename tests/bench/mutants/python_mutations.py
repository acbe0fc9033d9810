"""Every way in which one condition of a Python module is changed; see `sql_mutations` for the same of SQL."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial

from tests.bench.mutants.mutant import Change

OTHER: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
CALLED_OTHER = {"min": "max", "max": "min", "any": "all", "all": "any"}

Edit = Callable[[], object]


def changes(text: str, functions: frozenset[str] = frozenset()) -> Iterator[Change]:
    """Yield every change of a module's text, or of these functions of it; two of the same wording are numbered."""
    seen: dict[str, int] = {}
    for number in range(len(_edits(ast.parse(text), functions))):
        tree = ast.parse(text)
        kind, place, node, edit = _edits(tree, functions)[number]
        before = _condition(node)
        edit()
        wording = f"{place}: {before} -> {_condition(node)}"
        seen[wording] = seen.get(wording, 0) + 1
        counted = wording if seen[wording] == 1 else f"{wording} ({seen[wording]})"
        yield Change(kind, counted, ast.unparse(ast.fix_missing_locations(tree)))


def _condition(node: ast.AST) -> str:
    return " ".join(ast.unparse(node.test if isinstance(node, ast.If) else node).split())


def _edits(tree: ast.Module, functions: frozenset[str]) -> list[tuple[str, str, ast.AST, Edit]]:
    """Every edit of the tree, with the name of the function, class or constant that it stands in."""
    return [
        (kind, _name(outer), node, edit)
        for outer in tree.body
        if not functions or _name(outer) in functions
        for node in ast.walk(outer)
        for kind, edit in _of(node)
    ]


def _name(outer: ast.stmt) -> str:
    match outer:
        case ast.FunctionDef() | ast.ClassDef():
            return outer.name
        case ast.Assign(targets=[target]) | ast.AnnAssign(target=target):
            return ast.unparse(target)
    return "module"


def _of(node: ast.AST) -> Iterator[tuple[str, Edit]]:
    match node:
        case ast.Compare():
            for place, operator in enumerate(node.ops):
                yield "comparison", partial(node.ops.__setitem__, place, OTHER[type(operator)]())
        case ast.BoolOp():
            for place in range(len(node.values)):
                yield "operand", partial(node.values.__setitem__, place, ast.Constant(isinstance(node.op, ast.And)))
        case ast.UnaryOp(op=ast.Not()):
            yield "negation", partial(setattr, node, "operand", ast.UnaryOp(ast.Not(), deepcopy(node.operand)))
        case ast.If() | ast.IfExp():
            for value in (True, False):
                yield "condition", partial(setattr, node, "test", ast.Constant(value))
        case ast.comprehension():
            for place in range(len(node.ifs)):
                yield "condition", partial(node.ifs.__setitem__, place, ast.Constant(True))
        case ast.BinOp(op=ast.BitOr(), right=ast.Constant(value=None)):
            return  # an annotation
        case ast.BinOp(op=ast.BitOr() | ast.Sub() | ast.Add() | ast.Mult()):
            yield "side", partial(_keep_left, node)
        case ast.Call(func=ast.Name(id=name) as function) if name in CALLED_OTHER:
            yield "extreme", partial(setattr, function, "id", CALLED_OTHER[name])
        case ast.Set(elts=entries) if len(entries) > 1:
            for place in range(len(entries)):
                yield "list", partial(entries.__delitem__, place)
        case ast.Tuple(elts=entries, ctx=ast.Load()) if _are_names(entries):
            for place in range(len(entries)):
                yield "list", partial(entries.__delitem__, place)
        case ast.Dict() if len(node.keys) > 1:
            for place in range(len(node.keys)):
                yield "list", partial(_without, node, place)
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            yield "number", partial(setattr, node, "value", number + 1)


def _are_names(entries: list[ast.expr]) -> bool:
    return len(entries) > 1 and all(isinstance(each, ast.Attribute) for each in entries)


def _without(node: ast.Dict, place: int) -> None:
    del node.keys[place], node.values[place]


def _keep_left(node: ast.BinOp) -> None:
    """Leave the right side out: a union without it, a difference that takes nothing away."""
    if isinstance(node.op, ast.BitOr) or not _is_number(node):
        node.op, node.right = ast.BitOr(), deepcopy(node.left)
    else:
        node.right = ast.Constant(1 if isinstance(node.op, ast.Mult) else 0)


def _is_number(node: ast.BinOp) -> bool:
    """Whether two numbers are calculated with: the sets of these modules are constants in capitals."""
    return not (isinstance(node.left, ast.Name | ast.BinOp) and ast.unparse(node.left).lstrip("_")[:1].isupper())
