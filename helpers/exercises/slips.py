"""Programs that are one slip away from another, each with words for the slip.

They are changed as learners change them: another function, a term left out, a sum where a mean
belongs, a norm behind the sum. `explaining` looks for one that gives a learner's results.
"""

from __future__ import annotations

import ast
import functools
import operator
import re
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import CodeType
from typing import Any, NamedTuple

from torch import Tensor, int64
from torch import bool as bool_

from helpers.exercises.edits import (
    edits_at,
    exchanged_in,
    parents_of,
    passed_over,
    with_fields,
    written,
)

_LONG = 56  # characters of code that are shown as they are; of longer code only the ends are
_ACTIVATIONS = {
    "tanh": "torch.tanh(A)",
    "sigmoid": "torch.sigmoid(A)",
    "relu": "torch.relu(A)",
    "exp": "torch.exp(A)",
    "softmax": "torch.softmax(A, dim=-1)",
    "a division by the sum": "A / A.sum(dim=-1, keepdim=True)",
    "log_softmax": "torch.log_softmax(A, dim=-1)",
    "gelu": "torch.nn.functional.gelu(A)",
    "tanh's gelu": 'torch.nn.functional.gelu(A, approximate="tanh")',
    "silu": "torch.nn.functional.silu(A)",
    "leaky_relu": "torch.nn.functional.leaky_relu(A)",
    "elu": "torch.nn.functional.elu(A)",
    "softplus": "torch.nn.functional.softplus(A)",
    "sin": "torch.sin(A)",
    "cos": "torch.cos(A)",
    "log": "torch.log(A)",
    "sqrt": "torch.sqrt(A)",
    "a power of 2": "2.0 ** A",
    "abs": "abs(A)",
    "square": "A ** 2",
}
_ADDED = ("tanh", "sigmoid", "relu", "exp", "log", "softmax", "abs", "square")
_REDUCED = ("sum", "mean", "amax", "amin", "median", "prod", "std", "norm", "logsumexp")
_FINITE = ("-1.0", "-10.0", "-100.0", "-1e4")  # `edits` has 0.0, 1.0 and -1e9
_OF_NO_NUMBERS = {"range", "arange", "size", "len", "tensor", "zeros_like", "append", "item"}
_SIGNS = {
    **{ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@", ast.Pow: "**"},
    **{ast.FloorDiv: "//", ast.Mod: "%", ast.BitAnd: "&", ast.BitOr: "|"},
}
# The plainer slips first, because one result may have several explanations.
_FIRST = ("function swapped", "mask", "call dropped", "term dropped", "scale", "sign", "axis")
_EVERYWHERE, _ELSEWHERE, _ATTRIBUTES, _ADDITIONS, _NAMES = 2, 3, 4, 8, 9
_OF_TRUTH = {"function swapped", "comparison", "mask"}
# Kinds of slips that a learner makes again wherever the line looks alike.
_REPEATED = {"call dropped", "term dropped", "scale", "transpose", "swapped", "axis", "shift"}
_REPEATED |= {"off by one", "comparison", "mask", "function swapped"}

_CONFLICT = object()  # where two changes are made at one place
Words = tuple  # a text with a {} for each of the pieces of code that follow it
Edits = Iterator[tuple[Words, ast.AST]]


class Slip:
    """A program with one change, and what is changed; of_truth: whether a test is another one.

    said: the change in words. make: returns the program, which is made when it is first looked at,
    because of many slips only the words and the places are. places: the nodes that are exchanged
    and what stands there instead, () of a change that is made in another way, as of lines in
    another order.
    """

    def __init__(
        self,
        said: Words,
        make: Callable[[], ast.Module],
        of_truth: bool = False,
        places: tuple[tuple[ast.AST, ast.AST], ...] = (),
    ) -> None:
        self.said, self.make, self.of_truth, self.places = said, make, of_truth, places

    @functools.cached_property
    def tree(self) -> ast.Module:
        """The changed program."""
        return self.make()

    @property
    def words(self) -> str:
        """The change in words, as "no `+ bias`"."""
        text, *pieces = self.said
        return text.format(*map(_shown, pieces))


class Pair(NamedTuple):
    """A program with two changes."""

    one: Slip
    other: Slip
    tree: ast.Module

    @property
    def words(self) -> str:
        """Both changes in words."""
        return f"{self.one.words}; and {self.other.words}"


def slips(tree: ast.Module, arguments: Mapping[str, Any]) -> Iterator[Slip]:
    """Yield the programs that are one slip away from a program, the plainer slips first.

    tree: as `program` makes it. arguments: those of one call, by name, which tell which names hold
    tensors.
    """
    parts = written_parts(tree)
    parents, skipped = parents_of(tree), passed_over(tree)
    nodes = [n for part in parts for line in part.body for n in ast.walk(line) if n not in skipped]
    nodes = [node for node in nodes if not isinstance(getattr(node, "ctx", None), ast.Store)]
    counters = _counters(parts)
    single: list[tuple[int, bool, Words, ast.AST, ast.AST]] = []  # of one place: old and new
    alike: dict[Any, dict[ast.AST, ast.AST]] = {}  # slips of one kind, by what is written there
    for node in nodes:
        for kind, new in edits_at(node, dict(arguments)):
            rank = _FIRST.index(kind) if kind in _FIRST else len(_FIRST)
            if isinstance(node, ast.Name) and kind == "scale":
                rank = _NAMES  # an argument twice as large is hardly what a learner wrote
            single.append((rank, kind in _OF_TRUTH, _said(kind, node, new), node, new))
            if kind in _REPEATED:
                alike.setdefault((kind, _shape(node), _shape(new)), {})[node] = new
        for words, new in _more_at(node, arguments, counters):
            single.append((_ELSEWHERE, False, words, node, new))
        for words, new in (*_of_sums(node), *_of_norms(node)):
            alike.setdefault(words[0], {})[node] = new
        added = _added_at(node, arguments)
        single += [(_ADDITIONS, False, words, node, new) for words, new in added]
    found = [
        (
            rank,
            Slip(
                words,
                functools.partial(exchanged_in, parents, old, new),
                of_truth,
                ((old, new),),
            ),
        )
        for rank, of_truth, words, old, new in single
    ]
    found += [(_ELSEWHERE, slip) for slip in _repeated(tree, nodes, alike)]
    for words, changed in _everywhere(tree, parts, nodes, arguments):
        found.append((_EVERYWHERE, Slip(words, functools.partial(_itself, changed))))
    for words, changed in _attributes(tree, nodes):
        found.append((_ATTRIBUTES, Slip(words, functools.partial(_itself, changed))))
    for part in parts:
        for words, changed in _as_given(part, parents):
            found.append((_NAMES, Slip(words, functools.partial(_itself, changed))))
        for words, old, new in _other_names(part):
            make = functools.partial(exchanged_in, parents, old, new)
            found.append((_NAMES, Slip(words, make, False, ((old, new),))))
    yield from (slip for _, slip in sorted(found, key=lambda one: one[0]))


def _itself(tree: ast.Module) -> ast.Module:
    return tree


def together(
    slips_: Sequence[Slip], pairs: Iterable[tuple[int, int]], tree: ast.Module
) -> Iterator[Pair]:
    """Yield the programs that have two slips of `tree`, for pairs of places in a list of its slips.

    Two slips at one place are passed over.
    """
    base = parents_of(tree)
    overlaid: dict[int, dict[ast.AST, tuple]] = {}
    for one, other in pairs:
        both = _merged(tree, slips_[one].tree, slips_[other].tree)
        if both is not _CONFLICT:
            yield Pair(slips_[one], slips_[other], both)
            continue
        for first, second in ((one, other), (other, one)):
            if first not in overlaid:
                overlaid[first] = _new_parents(slips_[first].tree, base)
            places = slips_[second].places
            if places and all(_stands_in(old, overlaid[first], base) for old, _ in places):
                if len(places) > 1:
                    changed = _Exchanged(dict(places)).visit(slips_[first].tree)
                else:
                    changed = exchanged_in(ChainMap(overlaid[first], base), *places[0])
                yield Pair(slips_[one], slips_[other], changed)
                break


def _new_parents(tree: ast.AST, base: Mapping[ast.AST, tuple]) -> dict[ast.AST, tuple]:
    """Return the parents of a changed tree's nodes where they are others than in the tree before.

    base: the parents in that one. What stands below a node of its own has the same parents still.
    """
    found: dict[ast.AST, tuple] = {}
    fresh = [tree]
    for parent in fresh:
        for name, value in ast.iter_fields(parent):
            nodes = enumerate(value) if isinstance(value, list) else [(None, value)]
            for place, node in nodes:
                if isinstance(node, ast.AST):
                    found[node] = parent, name, place
                    if node not in base:
                        fresh.append(node)
    return found


def _stands_in(node: ast.AST, own: Mapping[ast.AST, tuple], base: Mapping[ast.AST, tuple]) -> bool:
    """Return whether a node of the tree before stands in the changed one, whose parents are own."""
    while node not in own:
        if node not in base:
            return False
        node = base[node][0]
    return True


def _merged(tree: Any, one: Any, other: Any) -> Any:
    """Return a tree with what is other in two changed ones, _CONFLICT if that is at one place.

    What they have not changed they share with the tree, so it is not looked at.
    """
    if one is tree or other is tree:
        return other if one is tree else one
    if isinstance(tree, list) and len(tree) == len(one) == len(other):
        parts = [_merged(*three) for three in zip(tree, one, other, strict=True)]
        return _CONFLICT if _CONFLICT in parts else parts
    if not isinstance(tree, ast.AST) or not type(tree) is type(one) is type(other):
        return _CONFLICT
    fields = {}
    for name, value in ast.iter_fields(tree):
        fields[name] = _merged(value, getattr(one, name, None), getattr(other, name, None))
        if fields[name] is _CONFLICT:
            return _CONFLICT
    return with_fields(tree, **fields)


def program(source: str, methods: Sequence[str] = (), parts: Sequence[str] = ()) -> ast.Module:
    """Return the tree of a function or a class without the docstrings of what the learner writes.

    methods: of a class, those that are left to the learner; the tree is that of a class which
    inherits the others. parts: the texts of the functions that it calls and that a learner may have
    written out in place, so that a slip can be in them too.
    """
    tree = ast.parse("\n".join([source, *parts]))
    whole = tree.body[0]
    if isinstance(whole, ast.ClassDef):
        whole.bases = [ast.Name(whole.name, ast.Load())]
        whole.body = [part for part in whole.body if getattr(part, "name", "") in methods]
    for part in written_parts(tree):
        part.body = part.body[1:] if ast.get_docstring(part) else part.body
    return ast.fix_missing_locations(tree)


def compiled(part: ast.stmt, name: str) -> CodeType:
    """Return the code of one function or class of a program.

    Raises SyntaxError, ValueError or TypeError if two slips at one place have left no program.
    """
    try:
        return compile(ast.Module([part], []), name, "exec")
    except TypeError:  # a new node has no place yet; to look at all nodes takes as long again
        return compile(ast.Module([ast.fix_missing_locations(part)], []), name, "exec")


def inlined(tree: ast.Module) -> ast.Module:
    """Return the program with each name that is set and read once replaced by what it stands for.

    A longer line has more brackets that can stand elsewhere.
    """
    for part in written_parts(tree):
        names = [node for node in ast.walk(part) if isinstance(node, ast.Name)]
        for place, line in enumerate(part.body):
            uses = [node for node in names if node.id == _set_name(line)]
            if len(uses) == 2 and isinstance(uses[1].ctx, ast.Load):
                body = [*part.body[:place], *part.body[place + 1 :]]
                fill = functools.partial(_filled, uses[1].id, line.value)
                shorter = _Everywhere(fill).visit(with_fields(part, body=body))
                return inlined(exchanged_in(parents_of(tree), part, shorter))
    return tree


def written_parts(tree: ast.Module) -> list[ast.FunctionDef]:
    """Return the functions that a learner writes: the answer, or the methods of a class.

    Behind them stand the functions that it is made of, where `program` was given their texts.
    """
    whole, *parts = tree.body
    own = whole.body if isinstance(whole, ast.ClassDef) else [whole]
    return [part for part in (*own, *parts) if isinstance(part, ast.FunctionDef)]


def _set_name(line: ast.stmt) -> str | None:
    if isinstance(line, ast.Assign) and len(line.targets) == 1:
        return getattr(line.targets[0], "id", None)
    return None


def _filled(name: str, value: ast.AST, node: ast.AST) -> ast.AST | None:
    return value if _reads(node, name) else None


def _shown(piece: Any) -> str:
    text = ast.unparse(piece) if isinstance(piece, ast.AST) else str(piece)
    if len(text) > _LONG:
        text = f"{text[: _LONG // 2]} ... {text[-_LONG // 2 :]}"
    return text


def _name(node: ast.AST | None) -> str:
    """Return the name of the function that is called, "" of another expression."""
    function = getattr(node, "func", None)
    return getattr(function, "attr", getattr(function, "id", ""))


def _said(kind: str, old: ast.AST, new: ast.AST) -> Words:
    """Return an edit in words that complete "one change: ..."."""
    if kind == "function swapped":
        return "{} in place of {} in `{}`", _name(new), _name(old), old
    if kind == "call dropped" and isinstance(old, ast.Call):
        return "no {} in `{}`", _name(old), old
    if isinstance(old, ast.BinOp) and new is old.left:
        return f"no `{_SIGNS[type(old.op)]} {{}}`", old.right
    if isinstance(old, ast.BinOp) and new is old.right:
        return f"no `{{}} {_SIGNS[type(old.op)]}`", old.left
    if kind == "line dropped":
        loop = isinstance(old, ast.For) and not isinstance(new, ast.Pass)
        return ("an end after the loop's first round",) if loop else ("no line `{}`", old)
    if kind == "condition" and isinstance(old, ast.If):
        return "`{}` taken as always {}", old.test, new.test
    return "`{}` in place of `{}`", new, old


def _repeated(
    tree: ast.Module, nodes: Sequence[ast.AST], alike: Mapping[Any, Mapping[ast.AST, ast.AST]]
) -> Iterator[Slip]:
    """Yield a slip made at all the places that are alike, or at those in a loop.

    alike: of each kind of slip, what is written at which node instead.
    """
    loops = [set(ast.walk(node)) for node in nodes if isinstance(node, ast.For)]
    seen = []
    for changes in alike.values():
        for inside in (changes.keys(), *loops):
            chosen = {node: new for node, new in changes.items() if node in inside}
            if len(chosen) > 1 and chosen not in seen:
                seen.append(chosen)
                one, *others = chosen
                places = "another place" if len(others) == 1 else f"{len(others)} other places"
                words = f"`{{}}` in place of `{{}}`, and likewise at {places}"
                yield Slip(
                    (words, chosen[one], one),
                    functools.partial(_Exchanged(chosen).visit, tree),
                    places=tuple(chosen.items()),
                )


def _shape(node: ast.AST) -> str:
    """Return how a node is written, whatever the names in it are."""
    return re.sub(r"id='\w+'", "", ast.dump(node))


def _counters(parts: Sequence[ast.FunctionDef]) -> set[str]:
    """Return the names that count: those of loops over a range."""
    loops = [node for part in parts for node in ast.walk(part)]
    found = set()
    for node in loops:
        if isinstance(node, ast.For | ast.comprehension) and _name(node.iter) == "range":
            found |= {n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)}
    return found


def _more_at(node: ast.AST, arguments: Mapping[str, Any], counters: set[str]) -> Edits:
    """Yield slips that `edits` has not, because the cases are not proved by so many."""
    if isinstance(node, ast.Constant) and isinstance(node.value, float) and node.value:
        for other in (ast.Constant(10 * node.value), ast.Constant(node.value / 10)):
            yield ("`{}` in place of `{}`", other, node), other
    if isinstance(node, ast.Name) and node.id in counters:
        for text in ("max(A - 1, 0)", "A - 1", "A + 1"):
            other = written(text, A=node)
            yield ("`{}` in place of `{}`", other, node), other
    if isinstance(node, ast.Call):
        yield from _of_arguments(node)
        yield from _of_reduction(node)
        yield from _of_hiding(node)
        yield from _of_call(node, arguments)
        yield from _of_nesting(node)
        yield from _of_filling(node)
        yield from _of_keeping(node)
        yield from _of_size(node, arguments)
        yield from _of_counting(node, arguments)
        yield from _of_norms(node)
    elif isinstance(node, ast.BinOp):
        for other in (ast.Add, ast.Sub, ast.Mult):
            if type(node.op) in (ast.Add, ast.Sub, ast.Mult) and type(node.op) is not other:
                text = f"{_SIGNS[other]} in place of {_SIGNS[type(node.op)]} in `{{}}`"
                yield (text, node), with_fields(node, op=other())
        yield from _of_brackets(node)
        yield from _of_sums(node)
        yield from _of_rounding(node)
        yield from _of_products(node, arguments)
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
        yield ("`{}` in place of `{}`", node.value, node), node.value
        yield from _of_places(node)
    elif isinstance(node, ast.Name) and isinstance(arguments.get(node.id), Tensor):
        if arguments[node.id].dtype == int64:
            negative = written("-A", A=node)
            yield ("`{}` in place of `{}`", negative, node), negative
        yield ("zeros in place of `{}`", node), written("torch.zeros_like(A)", A=node)
        if arguments[node.id].dtype == bool_ and arguments[node.id].dim() > 1:
            turned = written("A & A.mT", A=node)
            yield ("`{}` in place of `{}`", turned, node), turned
    elif isinstance(node, ast.Name) and isinstance(arguments.get(node.id), float):
        yield ("1 - `{}` in place of it", node), written("1 - A", A=node)
    elif isinstance(node, ast.AugAssign) and isinstance(node.value, ast.Name):
        one = with_fields(node, value=ast.Constant(1))
        yield ("1 in place of `{}` in `{}`", node.value, node), one
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield ("`{}` taken as always true", node), _of_itself(node, ast.Eq())
        yield ("`{}` taken as never true", node), _of_itself(node, ast.NotEq())


def _of_itself(node: ast.Compare, comparison: ast.cmpop) -> ast.AST:
    return with_fields(node, ops=[comparison], comparators=[node.left])


def _operand(call: ast.AST | None) -> ast.AST | None:
    """Return what a call is made of: x of torch.tanh(x), of norm(x), of x.exp()."""
    if not isinstance(call, ast.Call):
        return None
    own = call.func.value if isinstance(call.func, ast.Attribute) else None
    root = own
    while isinstance(root, ast.Attribute):
        root = root.value
    module = isinstance(root, ast.Name) and root.id in ("torch", "math", "self")
    if own is not None and not module:
        return own
    return call.args[0] if call.args and not isinstance(call.args[0], ast.Starred) else None


def _around(call: ast.Call, operand: ast.AST) -> ast.Call:
    """Return the call with another operand."""
    if call.args and _operand(call) is call.args[0]:
        return with_fields(call, args=[operand, *call.args[1:]])
    return with_fields(call, func=with_fields(call.func, value=operand))


def _renamed(call: ast.Call, name: str) -> ast.Call:
    return with_fields(call, func=with_fields(call.func, attr=name))


def _of_call(node: ast.Call, arguments: Mapping[str, Any]) -> Edits:
    name, operand = _name(node), _operand(node)
    if operand is None or name in _OF_NO_NUMBERS:
        return
    for other, text in _ACTIVATIONS.items() if name in _ACTIVATIONS else ():
        if other != name:
            yield ("{} in place of {} in `{}`", other, name, node), written(text, A=operand)
    if name in _ACTIVATIONS:
        yield ("1 - `{}` in place of it", node), written("1 - A", A=node)
    for other in _REDUCED if name in _REDUCED and isinstance(node.func, ast.Attribute) else ():
        if other != name:
            yield ("{} in place of {} in `{}`", other, name, node), _renamed(node, other)
    if name in ("max", "amax", "min", "amin", "sum", "mean"):
        sizes = written("A.abs()", A=operand)
        yield ("{} of the sizes, without signs, in `{}`", name, node), _around(node, sizes)
    if name == "abs" and isinstance(operand, ast.BinOp) and isinstance(operand.op, ast.Sub):
        signed = with_fields(operand, left=operand.right, right=operand.left)
        yield ("`{}`, with its sign, in place of `{}`", signed, node), signed
    if name in ("mean", "cross_entropy"):
        yield from _of_mean(node, operand, arguments)
    yield ("{} applied twice, to `{}`", name, operand), _around(node, node)


def _of_filling(node: ast.Call) -> Edits:
    """Yield a mask that is filled with a finite number, which leaves what it hides some weight."""
    if _name(node) == "masked_fill" and len(node.args) == 2:
        for text in _FINITE:
            new = with_fields(node, args=[node.args[0], written(text)])
            yield ("`{}` in place of `{}` behind the mask", text, node.args[1]), new


def _of_keeping(node: ast.Call) -> Edits:
    """Yield a list that is given the sum, or the mean, of all that it should hold one by one."""
    if _name(node) == "append" and isinstance(node.func.value, ast.Name) and len(node.args) == 1:
        made, own = node.args[0], node.func.value
        for word, text in {
            "sum": "A + (B[-1] if B else 0)",
            "mean": "(A + len(B) * (B[-1] if B else 0)) / (len(B) + 1)",
        }.items():
            words = f"the {word} of all so far appended, and not `{{}}` alone", made
            yield words, with_fields(node, args=[written(text, A=made, B=own)])


def _of_size(node: ast.Call, arguments: Mapping[str, Any]) -> Edits:
    """Yield the size of another argument's axis: a root of d_model where one of d_k belongs."""
    own = node.func.value if isinstance(node.func, ast.Attribute) else None
    if _name(node) != "size" or not isinstance(own, ast.Name):
        return
    for other, value in arguments.items():
        if other != own.id and isinstance(value, Tensor):
            for axis in (*node.args, *map(ast.Constant, range(value.dim()))):
                size = written("A.size(B)", A=ast.Name(other, ast.Load()), B=axis)
                yield ("`{}` in place of `{}`", size, node), size


def _of_counting(node: ast.Call, arguments: Mapping[str, Any]) -> Edits:
    """Yield places counted from 1 or one by one, and different things counted once each.

    A length may count what was given as well.
    """
    name = _name(node)
    for given, value in arguments.items() if name == "len" else ():
        if isinstance(value, list) and not _reads(node.args[0], given):
            longer = written(f"len({given} + A)", A=node.args[0])
            yield ("`{}` in place of `{}`", longer, node), longer
    if name == "arange" and len(node.args) == 1:
        later = written("A + 1", A=node)
        yield ("counted from 1, not from 0, in `{}`", node), later
    if name == "range" and len(node.args) == 1:
        later = written("range(1, A + 1)", A=node.args[0])
        yield ("`{}` in place of `{}`", later, node), later
    if name == "arange" and len(node.args) == 3:
        first, end, step = node.args
        by_ones = with_fields(node, args=[written("(B - A) // C", A=first, B=end, C=step)])
        yield ("each place once, and not every `{}`, in `{}`", step, node), by_ones
    inner = node.args[0] if name == "sum" and len(node.args) == 1 else None
    if isinstance(inner, ast.Call) and _name(inner) == "values":
        different = written("len(A)", A=_operand(inner))
        yield ("`{}` in place of `{}`", different, node), different


def _of_arguments_alike(arguments: Mapping[str, Any]) -> Iterator[tuple[Words, str, ast.AST]]:
    """Yield what may be read everywhere for an argument: 1 - it, or the lengths that a mask has."""
    for name, value in arguments.items():
        if isinstance(value, float):
            yield ("1 - {} in place of it everywhere", name), name, written(f"1 - {name}")
        for other, also in arguments.items() if isinstance(value, Tensor) else ():
            lengths = isinstance(also, Tensor) and (value.dtype, also.dtype) == (int64, bool_)
            if lengths and also.dim() and value.shape == also.shape[:-1]:
                counted = written(f"{other}.sum(dim=-1)")
                yield ("`{}` in place of {} everywhere", counted, name), name, counted


def _of_products(node: ast.BinOp, arguments: Mapping[str, Any]) -> Edits:
    """Yield two products as one of joined parts in the wrong order, and a factor of more terms."""
    left, right = node.left, node.right
    products = all(isinstance(getattr(x, "op", None), ast.MatMult) for x in (left, right))
    if isinstance(node.op, ast.Add) and products:
        joined = written(
            "torch.cat([B, A], dim=-1) @ torch.cat([C, D], dim=-2)",
            **{"A": left.left, "B": right.left, "C": left.right, "D": right.right},
        )
        words = "`{}` joined in front of `{}`, where the matrices stand the other way round"
        yield (words, right.left, left.left), joined
    if isinstance(node.op, ast.Add | ast.Sub):
        factors, rest = _first_factor(left)
        if factors is not None:
            inside = with_fields(node, left=rest)
            words = "`{}` times all of `{}`: brackets"
            yield (words, factors, inside), written("A * B", A=factors, B=inside)
    given = (left, right) if isinstance(node.op, ast.Add) else ()
    if any(isinstance(arguments.get(getattr(x, "id", "")), list) for x in given):
        newest = written("A[-1:] or B", A=right, B=left)
        yield ("only the newest entry of `{}`, or `{}` at first", right, left), newest
    inner = _operand(left)
    if isinstance(node.op, ast.MatMult) and inner is not None:
        inside = written("(A * B)", A=inner, B=right)
        words = "`{}` inside {}, and not behind it"
        yield (words, right, _name(left)), written("A.sum(dim=-1)", A=_around(left, inside))


def _of_norms(node: ast.AST) -> Edits:
    """Yield a sum of squares, which is a squared norm, as the square of another norm."""
    inner = _operand(node)
    if (
        _name(node) != "sum"
        or not isinstance(inner, ast.BinOp)
        or not isinstance(inner.op, ast.Pow)
    ):
        return
    if node.args or node.keywords or getattr(inner.right, "value", None) != 2:
        return
    for words, text in {
        "the largest singular value": "torch.linalg.norm(A, 2) ** 2",
        "the sum of the sizes": "A.abs().sum() ** 2",
        "the largest size": "A.abs().max() ** 2",
    }.items():
        yield (f"{words}, squared, in place of `{{}}`", node), written(text, A=inner.left)


def _first_factor(node: ast.AST) -> tuple[ast.AST | None, ast.AST]:
    """Return the first factor of a product or a quotient, and the rest of it; None if none."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult | ast.Div):
        return None, node
    first, rest = _first_factor(node.left)
    if first is not None:
        return first, with_fields(node, left=rest)
    return (node.left, node.right) if isinstance(node.op, ast.Mult) else (None, node)


def _of_rounding(node: ast.BinOp) -> Edits:
    """Yield a division that rounds down, and a root whose brackets are missing or that is cut."""
    if isinstance(node.op, ast.Div):
        yield (
            ("`//`, which rounds down, in place of `/` in `{}`", node),
            with_fields(node, op=ast.FloorDiv()),
        )
        root = node.right
        if _is_root(root):
            halved = written("A / B ** 1 / 2", A=node.left, B=root.left)
            yield ("`{}`, which halves, in place of `{}`: brackets", halved, node), halved
    if _is_root(node):
        cut = written("int(A)", A=node)
        yield ("`{}` in place of `{}`", cut, node), cut


def _is_root(node: ast.AST) -> bool:
    """Whether a node is written as something to the power of 0.5."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Pow):
        return False
    return isinstance(node.right, ast.Constant) and node.right.value == 0.5


def _of_mean(node: ast.Call, operand: ast.AST, arguments: Mapping[str, Any]) -> Edits:
    """Yield a mean as a sum, or as a sum that is divided by some other number."""
    if _name(node) == "mean":
        total = _renamed(node, "sum")
        axes = [word.value for word in node.keywords if word.arg == "dim"]
        counted = written("A.size(B)", A=operand, B=axes[0]) if axes else None
        count = counted or written("A.numel()", A=operand)
        less = written("A / (B - 1)", A=total, B=count)
        yield ("a sum divided by one less than its count in place of the mean",), less
    else:
        total = with_fields(
            node, keywords=[*node.keywords, ast.keyword("reduction", ast.Constant("sum"))]
        )
        yield ("a sum of the losses in place of their mean",), total
        first = written("torch.softmax(A, dim=-1)", A=node.args[0])
        yield ("a softmax before {}", _name(node)), _around(node, first)
    for argument, value in arguments.items():
        for axis in range(value.dim() if isinstance(value, Tensor) else 0):
            size = written(f"{argument}.size({axis})")
            words = "a sum divided by `{}` in place of the mean", size
            yield words, written("A / B", A=total, B=size)


def _of_nesting(node: ast.Call) -> Edits:
    """Yield f(g(x)) as g(f(x)), and f(x + y) with a part of it outside."""
    inner = _operand(node)
    deep = _operand(inner)
    if deep is not None and _name(inner) != _name(node):
        words = "{} before {}, and not behind it", _name(node), _name(inner)
        yield words, _around(inner, _around(node, deep))
    for part, rest in _split(inner) if isinstance(inner, ast.BinOp) else ():
        inside = _around(node, part)
        words = "only `{}` inside {}, and the rest of `{}` outside", part, _name(node), inner
        yield words, rest(inside)
    terms = _terms(inner)
    for place, term in enumerate(terms if len(terms) > 2 else ()):
        others = functools.reduce(_sum, [*terms[:place], *terms[place + 1 :]])
        yield (
            ("`{}` outside {}, and not inside", term, _name(node)),
            _sum(_around(node, others), term),
        )
    if isinstance(inner, ast.BinOp):
        left, right = _around(node, inner.left), _around(node, inner.right)
        words = "{} of both parts of `{}` by themselves", _name(node), inner
        yield words, with_fields(inner, left=left, right=right)


def _of_arguments(node: ast.Call) -> Edits:
    """Yield f(g(x), y) as f(x, g(y)), and as f(g(x), g(y))."""
    for place, given in enumerate(node.args):
        inner = _operand(given)
        for other, also in enumerate(node.args):
            if inner is None or other == place or isinstance(also, ast.Starred | ast.Constant):
                continue
            both = [*node.args[:other], _around(given, also), *node.args[other + 1 :]]
            moved = [*both[:place], inner, *both[place + 1 :]]
            words = "{} of `{}`, and not of `{}`", _name(given), also, inner
            yield words, with_fields(node, args=moved)
            yield ("{} of `{}` too", _name(given), also), with_fields(node, args=both)


def _of_reduction(node: ast.Call) -> Edits:
    """Yield a sum or the like along an axis as one entry of it, or with another one before it."""
    operand = _operand(node)
    axes = [word for word in node.keywords if word.arg == "dim"]
    if operand is None or not axes or _name(node) not in (*_REDUCED, "any", "all"):
        return
    for other in ("sum", "mean", "amax"):
        for axis in (-1, -2) if other != _name(node) else ():
            first = written(f"A.{other}({axis}, keepdim=True)", A=operand)
            words = "`{}` before {}", first, _name(node)
            yield words, _around(node, first)
    if not isinstance(axes[0].value, ast.Tuple):
        for place, word in ((-1, "last"), (0, "first")):
            text = f"A.narrow(B, {place}, 1).{_name(node)}(dim=B)"
            one = written(text, A=operand, B=axes[0].value)
            yield (
                (f"only the {word} entry in `{{}}`", node),
                with_fields(one, keywords=node.keywords),
            )


def _of_hiding(node: ast.Call) -> Edits:
    """Yield scores of which some are hidden before a softmax, where nothing should hide them."""
    scores = _operand(node)
    if _name(node) != "softmax" or scores is None:
        return
    hidden = {
        "later places": "torch.ones_like(A).triu(1) != 0",
        "each one's own place": "torch.ones_like(A).triu().tril() != 0",
    }
    for words, text in hidden.items():
        mask = written(text, A=scores)
        new = written("A.masked_fill(B, -torch.inf)", A=scores, B=mask)
        yield (f"{words} hidden before {{}}", _name(node)), _around(node, new)


def _of_places(node: ast.Subscript) -> Edits:
    """Yield an entry for each row, one place too far or too near, that stays within the axis."""
    for axis, place in enumerate(node.slice.elts):
        if isinstance(place, ast.BinOp | ast.Name) and isinstance(node.value, ast.Name):
            for text, word in (
                ("(A + 1).clamp(max=B.size(C) - 1)", "late"),
                ("(A - 1).clamp(min=0)", "early"),
            ):
                new = written(text, A=place, B=node.value, C=ast.Constant(axis))
                places = [*node.slice.elts[:axis], new, *node.slice.elts[axis + 1 :]]
                words = f"`{{}}` one place too {word}, but within the axis", place
                yield (
                    words,
                    with_fields(node, slice=with_fields(node.slice, elts=places)),
                )


def _terms(node: ast.AST | None) -> list[ast.AST]:
    """Return the terms of a sum, or the node itself."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_terms(node.left), *_terms(node.right)]
    return [] if node is None else [node]


def _sum(one: ast.AST, other: ast.AST) -> ast.BinOp:
    return ast.BinOp(one, ast.Add(), other)


def _split(whole: ast.BinOp) -> Iterator[tuple[ast.AST, Callable[[ast.AST], ast.AST]]]:
    """Yield the parts of a sum, or of another operation, each with what puts it back in place."""
    yield whole.left, lambda new: with_fields(whole, left=new)
    yield whole.right, lambda new: with_fields(whole, right=new)
    if isinstance(whole.left, ast.BinOp) and type(whole.left.op) is type(whole.op):
        for part, rest in _split(whole.left):
            yield part, lambda new, rest=rest: with_fields(whole, left=rest(new))


def _of_brackets(node: ast.BinOp) -> Edits:
    """Yield (a + b) * c as a + b * c, f(a) + b as f(a + b), and the other way round."""
    left, right = node.left, node.right
    found = []
    if isinstance(left, ast.BinOp):
        found.append(with_fields(left, right=with_fields(node, left=left.right)))
        if type(left.op) is not type(node.op) or not isinstance(node.op, ast.Add | ast.Mult):
            found.append(with_fields(left, left=with_fields(node, left=left.left)))
    if isinstance(right, ast.BinOp):
        found.append(with_fields(right, left=with_fields(node, right=right.left)))
    for new in found:
        yield ("`{}`, and not `{}`: brackets", new, node), new
    if _operand(left) is not None:
        inside = with_fields(node, left=_operand(left))
        words = f"`{_SIGNS[type(node.op)]} {{}}` inside {{}}, and not behind it"
        yield (words, right, _name(left)), _around(left, inside)
    if _operand(right) is not None:
        inside = with_fields(node, right=_operand(right))
        words = f"`{{}} {_SIGNS[type(node.op)]}` inside {{}}, and not before it"
        yield (words, left, _name(right)), _around(right, inside)
    if isinstance(node.op, ast.MatMult):
        for text in ("A / B.size(-1) ** 0.5", "A / B.size(-1)"):
            scaled = written(text, A=node, B=left)
            yield ("`{}` in place of `{}`", scaled, node), scaled


def _of_sums(node: ast.AST) -> Edits:
    """Yield a residual sum x + f(norm(x)) with its norm, or what is added, in the wrong place."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Add):
        return
    layer = node.right.value if isinstance(node.right, ast.Subscript) else node.right
    norm = _operand(layer)
    if not isinstance(norm, ast.Call):
        return
    parents, inner = parents_of(node.right), _operand(norm)
    words = "what {} gives added, and not the stream itself, in `{}`", _name(norm), node
    yield words, with_fields(node, left=norm)
    if inner is None:
        return
    bare = with_fields(node, right=exchanged_in(parents, norm, inner))
    words = "{} behind the sum, and not before {}"
    yield (words, _name(norm), _name(layer)), _around(norm, bare)
    behind = with_fields(node, right=_around(norm, bare.right))
    yield ("{} behind {}, and not before it", _name(norm), _name(layer)), behind
    both = _around(norm, node)
    yield ("{} behind the sum as well, in `{}`", _name(norm), node), both


def _added_at(node: ast.AST, arguments: Mapping[str, Any]) -> Edits:
    """Yield a line with something more done to what it makes, or to one of its results."""
    if not isinstance(node, ast.Assign | ast.Return):
        return
    values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
    parents = parents_of(node)
    for value in (value for value in values if not isinstance(value, ast.Starred)):
        for words, new in _more_done(value, arguments):
            yield words, exchanged_in(parents, value, new)


def _more_done(value: ast.AST, arguments: Mapping[str, Any]) -> Edits:
    for name in _ADDED:
        yield ("{} around `{}`", name, value), written(_ACTIVATIONS[name], A=value)
    yield ("1 - `{}` in place of it", value), written("1 - A", A=value)
    for axis in (0, 1):
        words = f"the mean of `{{}}` along axis {axis} first, and the rest of it"
        yield (words, value), written(f"A.mean(dim={axis})", A=value)
    for name, given in arguments.items():
        if isinstance(given, list) and isinstance(value, ast.Name):
            yield ("{} in front of `{}`", name, value), written(f"{name} + A", A=value)
        if isinstance(given, Tensor) and given.is_floating_point():
            yield ("{} added to `{}`", name, value), written(f"A + {name}", A=value)
            for axis in range(given.dim()):
                for text in (f"{name}.size({axis})", f"{name}.size({axis}) ** 0.5"):
                    new = written(f"A / {text}", A=value)
                    yield ("`{}` divided by `{}`", value, text), new


class _Everywhere:
    """Exchanges nodes for what `change` makes of them; the tree that it visits stays as it is.

    What holds no exchanged node is shared by the two trees, because copying takes the most time.
    """

    def __init__(self, change: Callable[[ast.AST], ast.AST | None]) -> None:
        self.change = change

    def visit(self, node: Any) -> Any:
        """Return a node, or a list of them, with all that stands in it visited first."""
        if isinstance(node, list):
            visited = [self.visit(one) for one in node]
            return visited if any(map(operator.is_not, visited, node)) else node
        if not isinstance(node, ast.AST):
            return node
        fields = {name: self.visit(value) for name, value in ast.iter_fields(node)}
        fields = {name: new for name, new in fields.items() if new is not getattr(node, name)}
        node = with_fields(node, **fields) if fields else node
        return self.change(node) or node


class _Exchanged(_Everywhere):
    """Exchanges nodes for others; what stands inside an exchanged one is not visited."""

    def __init__(self, others: Mapping[ast.AST, ast.AST]) -> None:
        super().__init__(lambda node: None)
        self.others = others

    def visit(self, node: Any) -> Any:
        """Return what stands in a node's place."""
        known = isinstance(node, ast.AST) and node in self.others
        return self.others[node] if known else super().visit(node)


def _everywhere(
    tree: ast.Module,
    parts: Sequence[ast.FunctionDef],
    nodes: Sequence[ast.AST],
    arguments: Mapping[str, Any],
) -> Iterator[tuple[Words, ast.AST]]:
    """Yield (words, program): one slip at several places, and lines in another order."""
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    names = [_name(call) for call in calls]
    for name in sorted({n for n in names if n and names.count(n) > 1}):
        yield ("no {} anywhere", name), _with_calls(tree, name, _operand)
        for other, text in _ACTIVATIONS.items() if name in _ACTIVATIONS else ():
            words = "{} in place of {} everywhere", other, name
            yield words, _with_calls(tree, name, functools.partial(_written_for, text))
    if names.count("masked_fill") > 1:
        for text in ("-1e9", "float('-inf')"):
            words = ("`{}` behind the mask, and nothing for rows that are empty", text)
            yield words, _with_calls(tree, "masked_fill", functools.partial(_masked_once, text))
    if "stack" in names:
        words = ("the rows of stack reshaped, where they should be stacked along axis 1",)
        yield words, _with_calls(tree, "stack", _reshaped_stack)
    words = [word.arg for call in calls for word in call.keywords if word.arg]
    for word in sorted({w for w in words if words.count(w) > 1} - {"dim"}):
        without = _Everywhere(functools.partial(_without_keyword, word)).visit(tree)
        yield (f"no {word}= anywhere",), without
    given = {argument.arg for part in parts for argument in part.args.args}
    functions = sorted({name for name in names if name in given})
    for place, one in enumerate(functions):
        for other in functions[place + 1 :]:
            swapped = {one: other, other: one}
            yield ("{} and {} exchanged", one, other), _with_names(tree, swapped)
    for words, name, other in _of_arguments_alike(arguments):
        yield words, _Everywhere(functools.partial(_filled, name, other)).visit(tree)
    yield from _once_more(tree, nodes, given)
    yield from _as_before(tree, [*parts, *nodes], given)
    for part in parts:
        last = reversed(part.args.args)
        for argument, value in zip(last, reversed(part.args.defaults), strict=False):
            fixed = _Everywhere(functools.partial(_filled, argument.arg, value)).visit(tree)
            yield ("{} taken as {}, whatever is given", argument.arg, value), fixed
    parents = parents_of(tree)
    for node in [*parts, *nodes]:
        body = getattr(node, "body", None)
        for place in range(len(body) - 1) if isinstance(body, list) else ():
            other = [*body[:place], body[place + 1], body[place], *body[place + 2 :]]
            new = exchanged_in(parents, node, with_fields(node, body=other))
            yield ("`{}` one line earlier", body[place + 1]), new


def _once_more(
    tree: ast.Module, nodes: Sequence[ast.AST], given: set[str]
) -> Iterator[tuple[Words, ast.AST]]:
    """Yield (words, program) with a given function, as a norm, around one more thing read."""
    parents = parents_of(tree)
    calls = [n for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    single = {c.func.id for c in calls if len(c.args) == 1 and not c.keywords} & given
    for call in calls:
        for read in call.args:
            if isinstance(read, ast.Name) and not single & {read.id, call.func.id}:
                for name in sorted(single):
                    new = written(f"{name}(A)", A=read)
                    yield (
                        ("`{}` in place of `{}` in `{}`", new, read, call),
                        exchanged_in(parents, read, new),
                    )


def _as_before(
    tree: ast.Module, nodes: Sequence[ast.AST], given: set[str]
) -> Iterator[tuple[Words, ast.AST]]:
    """Yield (words, program) in which a line reads what the previous line has set anew, as it was.

    An argument that the first line sets anew is left to `_as_given`.
    """
    parents = parents_of(tree)
    for node in nodes:
        body = getattr(node, "body", None)
        for place in range(1, len(body) if isinstance(body, list) else 0):
            before, line = body[place - 1], body[place]
            name = _set_name(before)
            anew = name and any(_reads(part, name) for part in ast.walk(before))
            first = place == 1 and isinstance(node, ast.FunctionDef)
            if not anew or (first and name in given):
                continue
            keep = ast.Assign(
                [ast.Name(f"earlier_{name}", ast.Store())], ast.Name(name, ast.Load())
            )
            for read in [part for part in ast.walk(line) if _reads(part, name)]:
                other = with_fields(read, id=f"earlier_{name}")
                late = exchanged_in(parents_of(line), read, other)
                lines = [*body[: place - 1], keep, before, late, *body[place + 1 :]]
                words = "{} as it was before `{}`, in `{}`", name, before, line
                yield words, exchanged_in(parents, node, with_fields(node, body=lines))


def _attributes(tree: ast.Module, nodes: Sequence[ast.AST]) -> Iterator[tuple[Words, ast.AST]]:
    """Yield (words, program) with one part of an object taken for another, or two exchanged.

    As self.key and self.value, or batch.target_in and batch.target_out.
    """
    parents = parents_of(tree)
    read: dict[str, list[ast.Attribute]] = {}
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            called = parents[node][1] == "func"  # a method of a tensor, but a layer of self
            if node.value.id == "self" or not called:
                read.setdefault(node.value.id, []).append(node)
    for name, found in read.items():
        parts = sorted({node.attr for node in found} - {"shape", "device", "dtype", "T", "mT"})
        found = [node for node in found if node.attr in parts]
        for node in found:
            for other in parts:
                if other != node.attr:
                    new = with_fields(node, attr=other)
                    yield ("`{}` in place of `{}`", new, node), exchanged_in(parents, node, new)
        for place, one in enumerate(parts):
            for other in parts[place + 1 :]:
                change = functools.partial(_exchanged_part, name, {one: other, other: one})
                words = f"`{name}.{one}` and `{name}.{other}` exchanged"
                yield (words,), _Everywhere(change).visit(tree)


def _exchanged_part(name: str, parts: Mapping[str, str], node: ast.AST) -> ast.AST | None:
    own = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    if not own or node.value.id != name or node.attr not in parts:
        return None
    return with_fields(node, attr=parts[node.attr])


def _other_names(part: ast.FunctionDef) -> Iterator[tuple[Words, ast.AST, ast.AST]]:
    """Yield (words, node, name) of one name that is read in place of another."""
    read = [node for line in part.body for node in ast.walk(line) if isinstance(node, ast.Name)]
    names = {node.id for node in read if isinstance(node.ctx, ast.Store)}
    names |= {argument.arg for argument in part.args.args} - {"self"}
    for node in read:
        for other in sorted(names - {node.id}) if node.id in names else ():
            if isinstance(node.ctx, ast.Load):
                new = with_fields(node, id=other)
                yield ("`{}` in place of `{}`", new, node), node, new


def _as_given(part: ast.FunctionDef, parents: dict) -> Iterator[tuple[Words, ast.AST]]:
    """Yield (words, program) in which an argument that was set anew is read as it was given."""
    names = [node for line in part.body for node in ast.walk(line) if isinstance(node, ast.Name)]
    given = {argument.arg for argument in part.args.args}
    for name in sorted(given & {node.id for node in names if isinstance(node.ctx, ast.Store)}):
        keep = ast.Assign([ast.Name(f"given_{name}", ast.Store())], ast.Name(name, ast.Load()))
        for node in names:
            if _reads(node, name):
                new = exchanged_in(parents_of(part), node, with_fields(node, id=f"given_{name}"))
                kept = with_fields(new, body=[keep, *new.body])
                words = "{} as it was given, and not what it has become, in `{}`"
                yield (words, name, _line_of(part, node)), exchanged_in(parents, part, kept)


def _line_of(part: ast.FunctionDef, node: ast.AST) -> ast.AST:
    """Return the statement of a function's body that holds a node."""
    return next(line for line in part.body if any(inner is node for inner in ast.walk(line)))


def _reads(node: ast.AST, name: str | None) -> bool:
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)


def _with_calls(tree: ast.Module, name: str, change: Callable[[ast.Call], Any]) -> ast.Module:
    """Return the program with each call of `name` exchanged for what `change` makes of it."""

    def changed(node: ast.AST) -> ast.AST | None:
        return change(node) if isinstance(node, ast.Call) and _name(node) == name else None

    return _Everywhere(changed).visit(tree)


def _written_for(text: str, call: ast.Call) -> ast.AST | None:
    operand = _operand(call)
    return None if operand is None else written(text, A=operand)


def _masked_once(text: str, call: ast.Call) -> ast.AST | None:
    """Return a masked_fill with minus infinity with another number in its place, of others none."""
    if "inf" in ast.unparse(call.args[1]):
        return with_fields(call, args=[call.args[0], written(text)])
    return _operand(call)


def _reshaped_stack(call: ast.Call) -> ast.AST | None:
    """Return the numbers of a stack along axis 0 in the shape that it has along another axis."""
    if not call.keywords:
        return None
    return written("A.reshape(B.shape)", A=with_fields(call, keywords=[]), B=call)


def _without_keyword(word: str, node: ast.AST) -> ast.AST | None:
    if not isinstance(node, ast.Call):
        return None
    return with_fields(node, keywords=[k for k in node.keywords if k.arg != word])


def _with_names(tree: ast.Module, names: Mapping[str, str]) -> ast.Module:
    """Return the program with names that are read exchanged for others."""

    def changed(node: ast.AST) -> ast.AST | None:
        reads = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        return with_fields(node, id=names[node.id]) if reads and node.id in names else None

    return _Everywhere(changed).visit(tree)
