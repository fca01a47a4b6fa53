"""Slips as edits of a program's tree: at one node, what a learner may write there instead.

The mutants that prove the cases are made with them, and so are the slips that `slips` looks for.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import torch

Edits = Iterator[tuple[str, ast.AST]]

# Calls all of whose numbers are axes, and those of which only the first one is.
_AXES = {"unsqueeze", "squeeze", "size", "sum", "mean", "transpose", "flatten", "flip", "argmax"}
_AXES |= {"any", "all", "amax", "amin", "permute", "argsort"}
_AXES_FIRST = {"gather", "scatter"}
_NOT_OF_NUMBERS = {"size", "shape", "device", "dtype", "new_zeros"}
_ALIKE = (
    *("min max", "amin amax", "argmin argmax", "minimum maximum", "cummin cummax", "any all"),
    *("sum mean", "sum amax", "sin cos", "floor ceil", "exp expm1", "relu sigmoid"),
    *("tanh sigmoid", "tril triu", "stack cat", "zeros ones", "int round", "softmax sigmoid"),
    *("log_softmax softmax", "square abs", "logsumexp sum", "ceil round", "relu abs"),
)
_TWINS: dict[str, list[str]] = {}
for _pair in _ALIKE:
    _one, _other = _pair.split()
    _TWINS.setdefault(_one, []).append(_other)
    _TWINS.setdefault(_other, []).append(_one)
_IN_PLACE = {
    ast.Add: "__iadd__",
    ast.Sub: "__isub__",
    ast.Mult: "__imul__",
    ast.Div: "__itruediv__",
}
_IN_PLACE_METHODS = {"masked_fill", "scatter", "clamp", "square"}
_COMPARED = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq, ast.LtE, ast.GtE),
    ast.NotEq: (ast.Eq, ast.Gt, ast.Lt),
}
_SAME_ANYWHERE = {"device", "strict"}  # keywords that change no number on one machine


def passed_over(tree: ast.AST) -> set[ast.AST]:
    """The nodes whose slips would say nothing: the number of an axis is exchanged as one, with its
    sign, and for the size, type or device of a tensor its numbers do not count.
    """
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in _NOT_OF_NUMBERS:
            found.add(node.value)
        if isinstance(node, ast.Call):
            for axis in _axes_of(node):
                found |= set(ast.walk(axis))
            found |= {w.value for w in node.keywords if w.arg in _SAME_ANYWHERE}
    return {node for node in found if not isinstance(node, ast.Call)}


def parents_of(tree: ast.AST) -> dict[ast.AST, tuple]:
    """For each node its parent, the field it stands in, and its place if that holds a list."""
    found = {}
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if isinstance(value, ast.AST):
                found[value] = parent, name, None
            elif isinstance(value, list):
                found |= {node: (parent, name, place) for place, node in enumerate(value)}
    return found


def exchanged_in(parents: dict[ast.AST, tuple], node: ast.AST, new: ast.AST) -> ast.AST:
    """The tree with one node exchanged; only what stands above the node is copied."""
    while node in parents:
        parent, name, place = parents[node]
        value = new if place is None else _replaced(getattr(parent, name), place, new)
        node, new = parent, with_fields(parent, **{name: value})
    return new


class _Fill(ast.NodeTransformer):
    def __init__(self, parts: dict[str, ast.AST]) -> None:
        self.parts = parts

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self.parts.get(node.id, node)


def written(text: str, **parts: ast.AST) -> ast.AST:
    """An expression from its text, its capital letters filled in."""
    return _Fill(parts).visit(ast.parse(text, mode="eval").body)


def with_fields(node: ast.AST, **fields: Any) -> ast.AST:
    """The node with some fields exchanged; its children are shared."""
    return type(node)(**{**vars(node), **fields})


def edits_at(node: ast.AST, first: dict[str, Any]) -> Edits:
    """All slips at one node, as (operator, what stands there instead)."""
    if isinstance(node, ast.Call):
        yield from _of_call(node, first)
    elif isinstance(node, ast.BinOp):
        yield from _of_operation(node, first)
    elif isinstance(node, ast.Subscript):
        yield from _of_subscript(node)
    elif isinstance(node, ast.Compare):
        for other in _COMPARED.get(type(node.ops[0]), ()):
            yield "comparison", with_fields(node, ops=[other(), *node.ops[1:]])
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Invert | ast.Not):
        kind = "sign" if isinstance(node.op, ast.USub) else "mask"
        yield kind, node.operand
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield "term dropped", value
    elif isinstance(node, ast.IfExp):
        yield "condition", node.body
        yield "condition", node.orelse
    elif isinstance(node, ast.Attribute) and node.attr in ("T", "mT"):
        yield from _of_transposing(node, node.value)
    elif isinstance(node, ast.Constant):
        yield from _of_constant(node)
    elif isinstance(node, ast.Tuple | ast.List) and isinstance(node.ctx, ast.Load):
        yield from _of_row(node)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in first:
        yield from _of_argument(node, first)
    elif isinstance(node, ast.comprehension):
        for condition in node.ifs:
            yield "condition", with_fields(node, ifs=[c for c in node.ifs if c is not condition])
    elif isinstance(node, ast.stmt):
        yield from _of_statement(node)


def _tuple(parts: list) -> ast.Tuple:
    return ast.Tuple(parts, ast.Load())


def _shifted(node: ast.AST) -> list[ast.AST]:
    return [written("A + 1", A=node), written("A - 1", A=node)]


def _number(node: ast.AST | None) -> int | None:
    """The whole number that is written there, None if it is something else."""
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, node = -1, node.operand
    whole = isinstance(node, ast.Constant) and type(node.value) is int
    return sign * node.value if whole else None


def _other_axes(node: ast.AST) -> list[ast.AST]:
    """Other axes; the same one counted from the other end would be no slip, so the sign stays."""
    if isinstance(node, ast.Tuple):
        return [_tuple(node.elts[:1]), _tuple(node.elts[1:])]
    number = _number(node)
    if number is None:
        return []
    return [ast.Constant(n) for n in (range(4) if number >= 0 else range(-3, 0)) if n != number]


def _name(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def _axes_of(call: ast.Call) -> list[ast.AST]:
    """The arguments of a call that are numbers of axes."""
    axes = [word.value for word in call.keywords if word.arg == "dim"]
    if _name(call) in _AXES:
        axes += call.args
    elif _name(call) in _AXES_FIRST:
        axes += call.args[:1]
    return [axis for axis in axes if _number(axis) is not None or isinstance(axis, ast.Tuple)]


def _replaced(parts: list, place: int, new: Any) -> list:
    return [*parts[:place], new, *parts[place + 1 :]]


def _exchanged(parts: list, place: int) -> list:
    return [*parts[:place], parts[place + 1], parts[place], *parts[place + 2 :]]


def _of_call(node: ast.Call, first: dict[str, Any]) -> Edits:
    name, axes = _name(node), _axes_of(node)
    own = node.func.value if isinstance(node.func, ast.Attribute) else None  # x in x.sum()
    if isinstance(own, ast.Name) and own.id in ("torch", "math", "functional"):
        own = None
    if isinstance(own, ast.Attribute) and own.attr == "functional":
        own = None
    for place, word in enumerate(node.keywords):
        if word.arg == "dim":
            for axis in _other_axes(word.value):
                changed = with_fields(word, value=axis)
                yield "axis", with_fields(node, keywords=_replaced(node.keywords, place, changed))
        elif word.arg not in _SAME_ANYWHERE:
            yield (
                "keyword dropped",
                with_fields(node, keywords=[w for w in node.keywords if w != word]),
            )
    for place, given in enumerate(node.args):
        for axis in _other_axes(given) if given in axes else ():
            yield "axis", with_fields(node, args=_replaced(node.args, place, axis))
        if name in ("range", "arange", "topk", "expand", "narrow", "roll"):
            for shifted in _shifted(given):
                yield "shift", with_fields(node, args=_replaced(node.args, place, shifted))
    for place in range(len(node.args) - 1):
        kind = "order of axes" if name in ("reshape", "view", "permute") else "swapped"
        if name != "transpose" and not isinstance(node.args[place + 1], ast.Starred):
            yield kind, with_fields(node, args=_exchanged(node.args, place))
    if name in ("tril", "triu"):
        for diagonal in (1, -1):
            yield "shift", with_fields(node, args=[*node.args, ast.Constant(diagonal)])
    if name in ("transpose", "permute") and own:
        yield from _of_transposing(node, own)
    if name in ("size", "len"):
        for shifted in _shifted(node):
            yield "off by one", shifted
    if name == "masked_fill" and own:
        mask, value = node.args
        yield "mask", own
        yield "mask", with_fields(node, args=[written("~A", A=mask), value])
        yield "mask", with_fields(node, args=[mask, written("-1e9")])
        yield "mask", with_fields(node, args=[mask, written("0.0")])
        yield "mask", with_fields(node, args=[mask, written("1.0")])
    if name == "softmax" and node.args:
        masked = node.args[0]
        if isinstance(masked, ast.Call) and getattr(masked.func, "attr", "") == "masked_fill":
            after = with_fields(node, args=[masked.func.value, *node.args[1:]])
            yield "mask", written("A.masked_fill(B, 0.0)", A=after, B=masked.args[0])
    if name == "where":
        yield "mask", node.args[1]
        yield "mask", node.args[2]
        yield "mask", with_fields(node, args=[node.args[0], node.args[2], node.args[1]])
    for twin in _TWINS.get(name, ()):
        if isinstance(node.func, ast.Attribute):
            yield "function swapped", with_fields(node, func=with_fields(node.func, attr=twin))
        else:
            yield "function swapped", with_fields(node, func=with_fields(node.func, id=twin))
    if name in _IN_PLACE_METHODS and isinstance(own, ast.Name):
        yield "in place", with_fields(node, func=with_fields(node.func, attr=f"{name}_"))
    if own:
        yield "call dropped", own
    elif name in ("softmax", "log_softmax", "logsumexp") or (
        len(node.args) == 1 and name not in ("range", "arange") and name not in first
    ):
        yield "call dropped", node.args[0]


def _of_transposing(node: ast.AST, own: ast.AST) -> Edits:
    yield "transpose", own
    yield "reshape", written("A.reshape(B.shape)", A=own, B=node)


def _of_operation(node: ast.BinOp, first: dict[str, Any]) -> Edits:
    left, right, op = node.left, node.right, type(node.op)
    if op in (ast.Add, ast.Sub, ast.BitAnd, ast.BitOr):
        yield "term dropped", left
        yield "term dropped", right
    if op in (ast.Mult, ast.Div, ast.FloorDiv, ast.Pow, ast.Mod):
        yield "scale", left
    if op is ast.Mult:
        yield "scale", right
        yield "scale", with_fields(node, op=ast.Div())
    if op is ast.Div:
        yield "scale", with_fields(node, op=ast.Mult())
        yield "scale", written("A / B ** 0.5", A=left, B=right)
    if op is ast.FloorDiv:
        yield "scale", with_fields(node, op=ast.Mod())
        yield "off by one", written("-(-A // B)", A=left, B=right)
        yield "off by one", written("A // B + 1", A=left, B=right)
    if op is ast.Mod:
        yield "scale", with_fields(node, op=ast.FloorDiv())
    if op is ast.Pow:
        yield "scale", written("A ** (2 * B)", A=left, B=right)
        yield "scale", written("A ** -B", A=left, B=right)
    if op is ast.Add:
        yield "sign", with_fields(node, op=ast.Sub())
    if op is ast.Sub:
        yield "sign", with_fields(node, op=ast.Add())
    if op in (ast.Sub, ast.Div, ast.MatMult, ast.Pow, ast.FloorDiv, ast.Mod):
        yield "swapped", with_fields(node, left=right, right=left)
    if op is ast.MatMult:
        yield "transpose", with_fields(node, right=written("A.mT", A=right))
        yield "transpose", with_fields(node, left=written("A.mT", A=left))
        yield "term dropped", left
        yield "term dropped", right
    if op is ast.BitAnd:
        yield "mask", with_fields(node, op=ast.BitOr())
    if op is ast.BitOr:
        yield "mask", with_fields(node, op=ast.BitAnd())
    if op in _IN_PLACE and isinstance(left, ast.Name):
        yield from _of_changing(left, op, right, first)


def _of_changing(left: ast.Name, op: type, right: ast.AST, first: dict[str, Any]) -> Edits:
    if isinstance(first.get(left.id), torch.Tensor | list):  # a number cannot be changed
        yield "in place", written(f"A.{_IN_PLACE[op]}(B)", A=left, B=right)


def _of_subscript(node: ast.Subscript) -> Edits:
    if isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
        for axis in _other_axes(node.slice):
            yield "axis", with_fields(node, slice=axis)
        return
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    for place, part in enumerate(parts):
        for new in _other_places(part):
            slices = _tuple(_replaced(parts, place, new)) if len(parts) > 1 else new
            yield "shift", with_fields(node, slice=slices)
    for place in range(len(parts) - 1):
        yield "swapped", with_fields(node, slice=_tuple(_exchanged(parts, place)))
    if not isinstance(node.slice, ast.Slice) and len(parts) == 1:
        yield "call dropped", node.value


def _other_places(part: ast.AST) -> list[ast.AST]:
    if not isinstance(part, ast.Slice):
        nothing = isinstance(part, ast.Constant) and type(part.value) is not int
        return [] if nothing else _shifted(part)
    changed = []
    for end in ("lower", "upper", "step"):
        bound = getattr(part, end)
        if bound:
            changed.append(with_fields(part, **{end: None}))
            if end != "step":
                changed += [with_fields(part, **{end: shifted}) for shifted in _shifted(bound)]
    if not part.lower and (part.upper or part.step):
        changed.append(with_fields(part, lower=ast.Constant(1)))
    if not part.upper and (part.lower or part.step):
        changed.append(with_fields(part, upper=ast.Constant(-1)))
    return changed


def _of_constant(node: ast.Constant) -> Edits:
    value = node.value
    if isinstance(value, bool):
        yield "constant", ast.Constant(not value)
    elif isinstance(value, int):
        for other in {0, 1, value + 1, value - 1, 2 * value} - {value}:
            yield "constant", ast.Constant(other)
    elif isinstance(value, float):
        for other in {0.0, 1.0, 2 * value, value / 2} - {value}:
            yield "constant", ast.Constant(other)


def _of_row(node: ast.Tuple | ast.List) -> Edits:
    for place in range(len(node.elts)):
        if len(node.elts) > 1:
            rest = [one for other, one in enumerate(node.elts) if other != place]
            yield "term dropped", with_fields(node, elts=rest)
        if place:
            yield "swapped", with_fields(node, elts=_exchanged(node.elts, place - 1))


def _of_argument(node: ast.Name, first: dict[str, Any]) -> Edits:
    value = first[node.id]
    for other, also in first.items():
        if other != node.id and type(value) is type(also):
            yield "argument exchanged", with_fields(node, id=other)
    whole = isinstance(value, torch.Tensor) and value.dtype == torch.int64
    if type(value) is int or whole:
        for shifted in _shifted(node):
            yield "off by one", shifted
    if isinstance(value, float) or (isinstance(value, torch.Tensor) and value.is_floating_point()):
        yield "scale", written("2 * A", A=node)
        yield "scale", written("A / 2", A=node)
        yield "sign", written("-A", A=node)
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        yield "detached", written("A.detach()", A=node)


def _of_statement(node: ast.stmt) -> Edits:
    if isinstance(node, ast.If):
        yield "condition", with_fields(node, test=ast.Constant(True))
        yield "condition", with_fields(node, test=ast.Constant(False))
    elif isinstance(node, ast.Assign | ast.Expr | ast.Break | ast.For | ast.AugAssign):
        yield "line dropped", ast.Pass()
    if isinstance(node, ast.For):
        yield "line dropped", with_fields(node, body=[*node.body, ast.Break()])
