# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create mutants of Python source: each contains one small error that a test should notice.

Types, decorators, names for people (texts with a space) and ``strict`` of zip are not changed.
"""

from __future__ import annotations

import ast
import copy
import dataclasses
import itertools
from collections.abc import Collection, Iterator

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.Pow: ast.Mult,
}
_TWINS = {"min": "max", "max": "min", "any": "all", "all": "any"}
# These are not executed, or a change has no effect.
_SKIPPED = ("annotation", "returns", "decorator_list", "bases")
_SKIPPED_ARGUMENTS = ("strict", "slots", "frozen", "kw_only", "order", "maxsize")


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One change: its position, the old and the new code. Thousands are kept at once, so it stores no syntax tree."""

    line: int
    # The lines of the changed statement (or of its head).
    lines: tuple[int, int]
    # Whether it takes effect only when the module is imported.
    at_import: bool
    was: str
    became: str
    source: str
    site: int
    change: int

    @property
    def description(self) -> str:
        """Describe the change in one line."""
        was, became = (" ".join(text.split()) for text in (self.was, self.became))
        return f"{was}  ->  {became}"

    def tree(self) -> ast.Module:
        """Parse the module and apply the change."""
        tree = ast.parse(self.source)
        _apply(tree, self.site, self.change)
        return tree


@dataclasses.dataclass(frozen=True)
class _Site:
    node: ast.AST
    statement: ast.stmt
    in_function: bool


def generate_mutants(source: str, lines: Collection[int] | None = None) -> Iterator[Mutant]:
    """Generate all mutants of a module, or only those of some lines, in the order of the lines."""
    for number, site in enumerate(_sites(ast.parse(source))):
        line = getattr(site.node, "lineno", site.statement.lineno)
        if lines is not None and line not in lines:
            continue
        for change in range(len(_changes(site.node))):
            became = _apply(ast.parse(source), number, change)
            was = ast.unparse(site.node)
            yield Mutant(line, _head(site.statement), not site.in_function, was, became, source, number, change)


def _apply(tree: ast.Module, site: int, change: int) -> str:
    node = next(itertools.islice(_sites(tree), site, None)).node
    return _changes(node)[change](tree, node)


def _sites(tree: ast.Module) -> Iterator[_Site]:
    yield from _in_body(tree, in_function=False)


def _in_body(node: ast.AST, *, in_function: bool) -> Iterator[_Site]:
    for name, value in ast.iter_fields(node):
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, ast.stmt):
                yield from _in_statement(item, in_function=in_function)
            elif isinstance(item, (ast.ExceptHandler, ast.match_case)) and name:
                yield from _in_body(item, in_function=in_function)


def _in_statement(statement: ast.stmt, *, in_function: bool) -> Iterator[_Site]:
    if isinstance(statement, (ast.Import, ast.ImportFrom)) or _is_text(statement) or _is_alias(statement):
        return
    yield _Site(statement, statement, in_function)
    for name, value in ast.iter_fields(statement):
        if name in _SKIPPED or (isinstance(statement, ast.ClassDef) and name == "keywords"):
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, (ast.expr, ast.arguments, ast.withitem, ast.keyword)):
                for node in _in_expression(item):
                    yield _Site(node, statement, in_function)
    inside = in_function or isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef))
    yield from _in_body(statement, in_function=inside)


def _in_expression(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, (ast.JoinedStr, ast.arg)) or (isinstance(node, ast.keyword) and node.arg in _SKIPPED_ARGUMENTS):
        return
    # The first argument of a cast is a type.
    is_cast = isinstance(node, ast.Call) and ast.unparse(node.func) in ("t.cast", "cast")
    if is_cast:
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _in_expression(child)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_alias(statement: ast.stmt) -> bool:
    """Return whether the statement names a type, such as ``Row = Mapping[str, Any]``."""
    if not isinstance(statement, ast.Assign) or not isinstance(statement.value, (ast.Subscript, ast.BinOp)):
        return False
    name = ast.unparse(statement.targets[0])
    return name[:1].isupper() and not name.isupper()


def _head(statement: ast.stmt) -> tuple[int, int]:
    body = getattr(statement, "body", None)
    last = statement.end_lineno or statement.lineno
    if isinstance(body, list) and body:
        last = max(statement.lineno, body[0].lineno - 1)
    return statement.lineno, last


class _Change:
    """Replaces one node with another and returns the new code."""

    def __init__(self, new: ast.AST) -> None:
        self._new = new

    def __call__(self, tree: ast.Module, node: ast.AST) -> str:
        new = ast.copy_location(self._new, node)
        for parent in ast.walk(tree):
            for name, value in ast.iter_fields(parent):
                if value is node:
                    setattr(parent, name, new)
                elif isinstance(value, list):
                    value[:] = [new if item is node else item for item in value]
        ast.fix_missing_locations(tree)
        return ast.unparse(new)


def _changes(node: ast.AST) -> list[_Change]:
    if isinstance(node, ast.stmt):
        return [_Change(new) for new in _change_statement(node)]
    if isinstance(node, ast.expr):
        return [_Change(new) for new in _change_expression(node)]
    return [_Change(new) for new in _change_comprehension(node)] if isinstance(node, ast.comprehension) else []


def _change_statement(node: ast.stmt) -> Iterator[ast.stmt]:
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield ast.Return(ast.Constant(None))
    elif isinstance(node, ast.AugAssign) and type(node.op) in _OPERATORS:
        yield ast.AugAssign(node.target, _OPERATORS[type(node.op)](), node.value)
    elif isinstance(node, (ast.Expr, ast.Delete, ast.Raise)):
        yield ast.Pass()
    elif isinstance(node, ast.Continue):
        yield ast.Break()
    elif isinstance(node, ast.Break):
        yield ast.Continue()
    elif isinstance(node, (ast.If, ast.While)) and not isinstance(node.test, (ast.Compare, ast.BoolOp, ast.UnaryOp)):
        changed = copy.copy(node)
        changed.test = ast.UnaryOp(ast.Not(), node.test)
        yield changed


def _change_expression(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            operators = [*node.ops]
            operators[index] = _COMPARISONS[type(operator)]()
            yield ast.Compare(node.left, operators, node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield node.operand
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS and not _makes_text(node):
        yield ast.BinOp(node.left, _OPERATORS[type(node.op)](), node.right)
    elif isinstance(node, ast.IfExp) and not isinstance(node.test, (ast.Compare, ast.BoolOp, ast.UnaryOp)):
        yield ast.IfExp(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _TWINS:
        yield ast.Call(ast.Name(_TWINS[node.func.id], ast.Load()), node.args, node.keywords)
    elif isinstance(node, ast.Constant):
        yield from _change_constant(node)


def _change_comprehension(node: ast.comprehension) -> Iterator[ast.comprehension]:
    for index in range(len(node.ifs)):
        ifs = [test for number, test in enumerate(node.ifs) if number != index]
        yield ast.comprehension(node.target, node.iter, ifs, node.is_async)


def _change_constant(node: ast.Constant) -> Iterator[ast.expr]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
    elif isinstance(value, str) and value and " " not in value:
        yield ast.Constant(f"{value}_")


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _makes_text(node: ast.BinOp) -> bool:
    return any(
        isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (node.left, node.right)
    )
