"""Mutants of the exercises' answers: each answer with one slip put in, judged like a learner's.

A slip that the cases do not notice is a slip that a learner is told is right. So every mutant that
an exercise accepts is either listed in `tests.equivalent_mutants`, with the reason why it computes
the same, or a hole in the exercise's cases.

`python -m tests.mutants [nb04 nb06.crossing ...]` judges all mutants of these exercises (all of the
course's, if none is named), prints how many were noticed, an exercise and a kind of slip a line,
and then the mutants that nobody noticed, with the line as it was and as it is.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import dataclasses
import difflib
import functools
import signal
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import torch

from helpers.exercises import REGISTRY, comparing, running
from helpers.exercises.engine import CORRECT, SLOW, Exercise
from helpers.exercises.inputs import Dice
from tests.equivalent_mutants import EQUIVALENTS
from tests.exercise_tools import define

KILLED, SURVIVED, EQUIVALENT = "killed", "survived", "equivalent"
_LIMITS = 1.0, 5.0  # seconds of processor time for a mutant's calls, and for a verdict
SEED = 2014  # the first case is the one that learners get

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


@dataclasses.dataclass(frozen=True)
class Mutant:
    """An answer with one slip. original, text: the answer without its docstring, and the mutant's.

    number: of the line, counted from the answer's first.
    """

    exercise: Exercise
    operator: str
    number: int
    original: str
    text: str
    function: Callable[..., Any] | None = None

    @functools.cached_property
    def change(self) -> tuple[str, str]:
        """The line as it was, and as it is; several are joined by " / "."""
        lines = list(difflib.ndiff(self.original.splitlines(), self.text.splitlines()))
        before, after = (
            " / ".join(line[2:].strip() for line in lines if line.startswith(f"{mark} "))
            for mark in "-+"
        )
        return before, after

    @property
    def why_equivalent(self) -> str:
        """The reason why this mutant computes the same as the answer, '' if none is listed."""
        return EQUIVALENTS.get(self.exercise.name, {}).get(self.change[1], "")

    def made(self) -> Callable[..., Any]:
        """The mutant as a function, made from its text if it is not given."""
        if self.function:
            return self.function
        return define(self.exercise, self.text)

    def fate(self) -> str:
        """Judge it as a learner's answer is judged: what returns the right values has a verdict."""
        function = self.made()
        killed = differs(self.exercise, function)
        if not killed:
            with _ended_after(_LIMITS[1]):
                killed = _nameless(self.exercise).verdict(function).kind not in (CORRECT, SLOW)
        if killed:
            return KILLED
        return EQUIVALENT if self.why_equivalent else SURVIVED


@functools.cache
def _expected(exercise: Exercise) -> list[tuple]:
    """The cases, from small to large, each with what the specification returns."""
    cases = exercise.cases(Dice(SEED))
    cases.sort(key=lambda case: sum(exercise.sizes(*case).values()))
    return [(case, exercise.plain(exercise.spec)(*running.copies(case))) for case in cases]


def differs(exercise: Exercise, function: Callable[..., Any]) -> bool:
    """Whether a call fails, has no end or returns another value than expected.

    A verdict takes a hundred times as long, because it looks at much more.
    """
    _called_once(exercise)
    with _ended_after(_LIMITS[0]):
        return _differs(exercise, function)


@functools.cache
def _called_once(exercise: Exercise) -> None:
    """Call the reference, because what PyTorch loads at a first call is not a mutant's time."""
    case, _ = _expected(exercise)[0]
    exercise.plain(exercise.reference)(*running.copies(case))


def _differs(exercise: Exercise, function: Callable[..., Any]) -> bool:
    call = exercise.plain(function)
    for case, expected in _expected(exercise):
        try:
            with warnings.catch_warnings(action="ignore"):
                got = call(*running.copies(case))
            zeros = exercise.exact_zeros(*case)
            if comparing.difference(expected, got, zeros.get("result")):
                return True
        except KeyboardInterrupt:
            raise
        except BaseException:  # a toy model's Misstep is none of Python's usual errors
            return True
    return False


@functools.cache
def _nameless(exercise: Exercise) -> Exercise:
    """The exercise without its misconceptions: it judges the same, in less time, and names none."""
    return dataclasses.replace(exercise, wrong_answers=())


class _Endless(BaseException):
    """A mutant computes for ever in one call into C, such as a power of a power."""


@contextlib.contextmanager
def _ended_after(seconds: float) -> Iterator[None]:
    """Raise _Endless in the code inside once it has used so many seconds of processor time."""

    def end(*_: Any) -> None:
        raise _Endless

    usual = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, usual)


def mutants(exercise: Exercise) -> list[Mutant]:
    """All mutants of an exercise's answer, in the order of its lines, no two the same."""
    tree = ast.parse(exercise.source)
    function = tree.body[0]
    function.body = function.body[1:]  # without the docstring
    statements = _written_by_learners(exercise, function)
    parents = _parents(tree)
    first = dict(zip(exercise.parameters, _expected(exercise)[0][0], strict=False))
    original, found = ast.unparse(tree), []
    seen = {original}
    passed_over = _passed_over(tree)
    for node in [n for statement in statements for n in ast.walk(statement)]:
        if node in passed_over:
            continue
        for operator, new in _edits(node, first):
            if operator == "detached" and new.func.value.id not in exercise.gradients:
                continue
            text = ast.unparse(_exchanged_in(parents, node, new))
            if text not in seen:
                seen.add(text)
                line = getattr(node, "lineno", 0)
                found.append(Mutant(exercise, operator, line, original, text))
    return found + list(frozen(exercise))


def _written_by_learners(exercise: Exercise, answer: Any) -> list[ast.stmt]:
    """The statements that are left to the learner; the stub of a class gives all other methods."""
    if not exercise.to_write:
        return answer.body
    methods = [part for part in answer.body if getattr(part, "name", "") in exercise.to_write]
    for method in methods:
        method.body = method.body[1:]  # without the docstring
    return [statement for method in methods for statement in method.body]


def frozen(exercise: Exercise) -> Iterator[Mutant]:
    """For each argument, the answer that does not look at it but uses its value in the first case.

    An argument with a default is also left out, so that the default is used. What is built as a
    whole has none: it is not called with the arguments of a case.
    """
    if exercise.whole:
        return
    names = exercise.parameters
    first = dict(zip(names, _expected(exercise)[0][0], strict=False))
    for place, name in enumerate(names):
        if name in first:
            yield _frozen(exercise, name, place, first[name], "its value in the first case")
    defaults = exercise.reference.__defaults__ or ()
    for name, value in zip(names[len(names) - len(defaults) :], defaults, strict=True):
        yield _frozen(exercise, name, names.index(name), value, "its default")


def _frozen(exercise: Exercise, name: str, place: int, value: Any, what: str) -> Mutant:
    def function(*given: Any) -> Any:
        given = list(given)
        given[place : place + 1] = [copy.deepcopy(value)] * len(given[place : place + 1])
        return exercise.reference(*given)

    given, taken = f"{name} as given", f"{name} is {what}"
    return Mutant(exercise, "argument frozen", 1, given, taken, function)


def _passed_over(tree: ast.AST) -> set[ast.AST]:
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


def _parents(tree: ast.AST) -> dict[ast.AST, tuple]:
    """For each node its parent, the field it stands in, and its place if that holds a list."""
    found = {}
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if isinstance(value, ast.AST):
                found[value] = parent, name, None
            elif isinstance(value, list):
                found |= {node: (parent, name, place) for place, node in enumerate(value)}
    return found


def _exchanged_in(parents: dict[ast.AST, tuple], node: ast.AST, new: ast.AST) -> ast.AST:
    """The tree with one node exchanged; only what stands above the node is copied."""
    while node in parents:
        parent, name, place = parents[node]
        value = new if place is None else _replaced(getattr(parent, name), place, new)
        node, new = parent, _with(parent, **{name: value})
    return new


class _Fill(ast.NodeTransformer):
    def __init__(self, parts: dict[str, ast.AST]) -> None:
        self.parts = parts

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self.parts.get(node.id, node)


def _written(text: str, **parts: ast.AST) -> ast.AST:
    """An expression from its text, its capital letters filled in."""
    return _Fill(parts).visit(ast.parse(text, mode="eval").body)


def _with(node: ast.AST, **fields: Any) -> ast.AST:
    """The node with some fields exchanged; its children are shared."""
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _edits(node: ast.AST, first: dict[str, Any]) -> Edits:
    """All slips at one node, as (operator, what stands there instead)."""
    if isinstance(node, ast.Call):
        yield from _of_call(node, first)
    elif isinstance(node, ast.BinOp):
        yield from _of_operation(node, first)
    elif isinstance(node, ast.Subscript):
        yield from _of_subscript(node)
    elif isinstance(node, ast.Compare):
        for other in _COMPARED.get(type(node.ops[0]), ()):
            yield "comparison", _with(node, ops=[other(), *node.ops[1:]])
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
            yield "condition", _with(node, ifs=[c for c in node.ifs if c is not condition])
    elif isinstance(node, ast.stmt):
        yield from _of_statement(node)


def _shifted(node: ast.AST) -> list[ast.AST]:
    return [_written("A + 1", A=node), _written("A - 1", A=node)]


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
        return [ast.Tuple(node.elts[:1]), ast.Tuple(node.elts[1:])]
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
                changed = _with(word, value=axis)
                yield "axis", _with(node, keywords=_replaced(node.keywords, place, changed))
        elif word.arg not in _SAME_ANYWHERE:
            yield "keyword dropped", _with(node, keywords=[w for w in node.keywords if w != word])
    for place, given in enumerate(node.args):
        for axis in _other_axes(given) if given in axes else ():
            yield "axis", _with(node, args=_replaced(node.args, place, axis))
        if name in ("range", "arange", "topk", "expand", "narrow", "roll"):
            for shifted in _shifted(given):
                yield "shift", _with(node, args=_replaced(node.args, place, shifted))
    for place in range(len(node.args) - 1):
        kind = "order of axes" if name in ("reshape", "view", "permute") else "swapped"
        if name != "transpose" and not isinstance(node.args[place + 1], ast.Starred):
            yield kind, _with(node, args=_exchanged(node.args, place))
    if name in ("tril", "triu"):
        for diagonal in (1, -1):
            yield "shift", _with(node, args=[*node.args, ast.Constant(diagonal)])
    if name in ("transpose", "permute") and own:
        yield from _of_transposing(node, own)
    if name in ("size", "len"):
        for shifted in _shifted(node):
            yield "off by one", shifted
    if name == "masked_fill" and own:
        mask, value = node.args
        yield "mask", own
        yield "mask", _with(node, args=[_written("~A", A=mask), value])
        yield "mask", _with(node, args=[mask, _written("-1e9")])
        yield "mask", _with(node, args=[mask, _written("0.0")])
        yield "mask", _with(node, args=[mask, _written("1.0")])
    if name == "softmax" and node.args:
        masked = node.args[0]
        if isinstance(masked, ast.Call) and getattr(masked.func, "attr", "") == "masked_fill":
            after = _with(node, args=[masked.func.value, *node.args[1:]])
            yield "mask", _written("A.masked_fill(B, 0.0)", A=after, B=masked.args[0])
    if name == "where":
        yield "mask", node.args[1]
        yield "mask", node.args[2]
        yield "mask", _with(node, args=[node.args[0], node.args[2], node.args[1]])
    for twin in _TWINS.get(name, ()):
        if isinstance(node.func, ast.Attribute):
            yield "function swapped", _with(node, func=_with(node.func, attr=twin))
        else:
            yield "function swapped", _with(node, func=_with(node.func, id=twin))
    if name in _IN_PLACE_METHODS and isinstance(own, ast.Name):
        yield "in place", _with(node, func=_with(node.func, attr=f"{name}_"))
    if own:
        yield "call dropped", own
    elif name in ("softmax", "log_softmax", "logsumexp") or (
        len(node.args) == 1 and name not in ("range", "arange") and name not in first
    ):
        yield "call dropped", node.args[0]


def _of_transposing(node: ast.AST, own: ast.AST) -> Edits:
    yield "transpose", own
    yield "reshape", _written("A.reshape(B.shape)", A=own, B=node)


def _of_operation(node: ast.BinOp, first: dict[str, Any]) -> Edits:
    left, right, op = node.left, node.right, type(node.op)
    if op in (ast.Add, ast.Sub, ast.BitAnd, ast.BitOr):
        yield "term dropped", left
        yield "term dropped", right
    if op in (ast.Mult, ast.Div, ast.FloorDiv, ast.Pow, ast.Mod):
        yield "scale", left
    if op is ast.Mult:
        yield "scale", right
        yield "scale", _with(node, op=ast.Div())
    if op is ast.Div:
        yield "scale", _with(node, op=ast.Mult())
        yield "scale", _written("A / B ** 0.5", A=left, B=right)
    if op is ast.FloorDiv:
        yield "scale", _with(node, op=ast.Mod())
        yield "off by one", _written("-(-A // B)", A=left, B=right)
        yield "off by one", _written("A // B + 1", A=left, B=right)
    if op is ast.Mod:
        yield "scale", _with(node, op=ast.FloorDiv())
    if op is ast.Pow:
        yield "scale", _written("A ** (2 * B)", A=left, B=right)
        yield "scale", _written("A ** -B", A=left, B=right)
    if op is ast.Add:
        yield "sign", _with(node, op=ast.Sub())
    if op is ast.Sub:
        yield "sign", _with(node, op=ast.Add())
    if op in (ast.Sub, ast.Div, ast.MatMult, ast.Pow, ast.FloorDiv, ast.Mod):
        yield "swapped", _with(node, left=right, right=left)
    if op is ast.MatMult:
        yield "transpose", _with(node, right=_written("A.mT", A=right))
        yield "transpose", _with(node, left=_written("A.mT", A=left))
        yield "term dropped", left
        yield "term dropped", right
    if op is ast.BitAnd:
        yield "mask", _with(node, op=ast.BitOr())
    if op is ast.BitOr:
        yield "mask", _with(node, op=ast.BitAnd())
    if op in _IN_PLACE and isinstance(left, ast.Name):
        yield from _of_changing(left, op, right, first)


def _of_changing(left: ast.Name, op: type, right: ast.AST, first: dict[str, Any]) -> Edits:
    if isinstance(first.get(left.id), torch.Tensor | list):  # a number cannot be changed
        yield "in place", _written(f"A.{_IN_PLACE[op]}(B)", A=left, B=right)


def _of_subscript(node: ast.Subscript) -> Edits:
    if isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
        for axis in _other_axes(node.slice):
            yield "axis", _with(node, slice=axis)
        return
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    for place, part in enumerate(parts):
        for new in _other_places(part):
            slices = ast.Tuple(_replaced(parts, place, new)) if len(parts) > 1 else new
            yield "shift", _with(node, slice=slices)
    for place in range(len(parts) - 1):
        yield "swapped", _with(node, slice=ast.Tuple(_exchanged(parts, place)))
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
            changed.append(_with(part, **{end: None}))
            if end != "step":
                changed += [_with(part, **{end: shifted}) for shifted in _shifted(bound)]
    if not part.lower and (part.upper or part.step):
        changed.append(_with(part, lower=ast.Constant(1)))
    if not part.upper and (part.lower or part.step):
        changed.append(_with(part, upper=ast.Constant(-1)))
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
            yield "term dropped", _with(node, elts=rest)
        if place:
            yield "swapped", _with(node, elts=_exchanged(node.elts, place - 1))


def _of_argument(node: ast.Name, first: dict[str, Any]) -> Edits:
    value = first[node.id]
    for other, also in first.items():
        if other != node.id and type(value) is type(also):
            yield "argument exchanged", _with(node, id=other)
    whole = isinstance(value, torch.Tensor) and value.dtype == torch.int64
    if type(value) is int or whole:
        for shifted in _shifted(node):
            yield "off by one", shifted
    if isinstance(value, float) or (isinstance(value, torch.Tensor) and value.is_floating_point()):
        yield "scale", _written("2 * A", A=node)
        yield "scale", _written("A / 2", A=node)
        yield "sign", _written("-A", A=node)
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        yield "detached", _written("A.detach()", A=node)


def _of_statement(node: ast.stmt) -> Edits:
    if isinstance(node, ast.If):
        yield "condition", _with(node, test=ast.Constant(True))
        yield "condition", _with(node, test=ast.Constant(False))
    elif isinstance(node, ast.Assign | ast.Expr | ast.Break | ast.For | ast.AugAssign):
        yield "line dropped", ast.Pass()
    if isinstance(node, ast.For):
        yield "line dropped", _with(node, body=[*node.body, ast.Break()])


def main(names: list[str]) -> None:
    """Judge the mutants of the exercises whose names begin with one of `names`; print the tables.

    Raises SystemExit: with 1 if a mutant survived, with a message if no exercise has such a name.
    """
    chosen = [e for e in REGISTRY.values() if not names or e.name.startswith(tuple(names))]
    if not chosen:
        raise SystemExit(f"No exercise has a name that begins with one of {names}; see REGISTRY.")
    by_exercise: dict[str, Counter] = {}
    by_operator: dict[str, Counter] = {}
    survivors = []
    for exercise in chosen:
        counts = by_exercise.setdefault(exercise.name, Counter())
        for mutant in mutants(exercise):
            fate = mutant.fate()
            counts[fate] += 1
            by_operator.setdefault(mutant.operator, Counter())[fate] += 1
            if fate == SURVIVED:
                survivors.append(mutant)
        print(_line(exercise.name, counts), flush=True)
    print()
    for operator, counts in sorted(by_operator.items()):
        print(_line(operator, counts))
    print()
    for name in sorted({name.partition(".")[0] for name in by_exercise}):
        of_notebook = [c for n, c in by_exercise.items() if n.startswith(f"{name}.")]
        print(_line(name, sum(of_notebook, Counter())))
    print(_line("all", sum(by_exercise.values(), Counter())))
    for mutant in survivors:
        print(f"\n{mutant.exercise.name}, {mutant.operator}, line {mutant.number}")
        print("  - {}\n  + {}".format(*mutant.change))
    raise SystemExit(1 if survivors else 0)


def _line(name: str, counts: Counter) -> str:
    parts = [f"{counts[fate]:5} {fate}" for fate in (KILLED, EQUIVALENT, SURVIVED)]
    return f"{name:<30}{counts.total():5} mutants{''.join(parts)}"


if __name__ == "__main__":
    main(sys.argv[1:])
