"""Which slip in the course's answer gives a learner's results? That names what nobody foresaw.

The course's answer is changed in one place, or in two, and called on every input. A slip is told
only if the changed answer does everywhere what the learner's function does, so that it explains all
that fails and does not itself fail where the learner's function is right.

There are too many pairs of slips to try them all. So those come first of which one is likely by
itself: it gives what a named misconception gives, or it explains a part of the results.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import math
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from torch import Tensor

from helpers.exercises import building, comparing, patterns
from helpers.exercises.slips import Slip, inlined, program, slips, together
from helpers.exercises.trying import NO_VALUE, Aim, Programs, mark, parts, value_in_time

# How many programs with one slip are tried: of functions, and of wholes, which are built and run at
# each try.
ONE, ONE_BUILT = 2_500, 900
# Seconds of a processor after which the pairs of a whole begin at the latest, and all ends. Single
# slips of a function have no such end, because some of them never end and use up their time limit.
SINGLE_UNTIL, UNTIL = 0.6, 1.1
BESIDES = 5  # named misconceptions, with the results that are the nearest
BESIDE = 0.35  # seconds for the named misconceptions with one more slip
HALVES = 5  # slips that explain the most of the results, each of which is tried with all others
ALIKE = 2  # slips that give the results of one misconception
_ROUGH = {"rel_tol": 1e-3, "abs_tol": 1e-3}


class Seen(NamedTuple):
    """A case, what is expected of it, and what the learner's function returned."""

    case: Sequence[Any]
    expected: Any
    got: Any


class Likely(NamedTuple):
    """A named misconception: its message, its code, and what it returns on the first case."""

    message: str
    function: Callable[..., Any]
    value: Any


class _Tried(NamedTuple):
    """A slip, the function of its program, and what that returned; place: in the list of slips."""

    slip: Slip
    function: Callable[..., Any]
    value: Any
    place: int


_Thing = TypeVar("_Thing")
_Found = Iterator[tuple[str, Callable[..., Any]]]
_Plans = Iterator[tuple[Seen, Iterable[tuple[int, int]]]]


class Candidates:
    """The changed answers of one exercise.

    answer: the course's. methods: of a class, those that are left to the learner. parts: the texts
    of the functions that the answer is made of. call: returns what is called with a case's
    arguments, as `Exercise.plain`. whole: whether that is more than the answer itself.
    """

    def __init__(
        self,
        answer: Callable[..., Any],
        source: str,
        methods: Sequence[str],
        call: Callable[[Any], Callable[..., Any]],
        parts: Sequence[str] = (),
        whole: bool = False,
    ) -> None:
        self.answer, self.call, self.whole = answer, call, whole
        self.tree = program(source, methods, parts)
        self.programs = Programs(answer, call)
        self._done: dict[tuple[ast.Module, int], set[frozenset[int]]] = {}

    def giving(
        self,
        seen: Sequence[Seen],
        names: Sequence[str],
        truth: bool = False,
        likely: Sequence[Likely] | None = None,
        latest: float = math.inf,
    ) -> _Found:
        """Yield (words, function) of the changed answers that return what was got on a case.

        seen: what happened on each case, first on the one that tells most. names: the case's
        arguments. truth: whether only slips are tried that test something else. likely: the named
        misconceptions; None if no two slips at once are tried, which come after all that are one
        alone. latest: when two slips are no longer looked for, by the thread's clock of a
        processor. A function that gives the result on this case may still fail on another.
        """
        start, first = time.thread_time(), seen[0]
        arguments = dict(zip(names, first.case, strict=False))
        once = list(slips(self.tree, arguments))
        longer = inlined(self.tree)
        other = longer is not self.tree and (not self.whole or likely is None)
        more = list(slips(longer, arguments)) if other else []
        tries = ONE_BUILT if self.whole else ONE
        until = min(start + SINGLE_UNTIL, latest) if self.whole else math.inf
        found: list[_Tried] = []
        yield from self._alone(once[:tries], first, until, truth, found)
        until = start + (UNTIL if self.whole else math.inf)
        of_longer: list[_Tried] = []
        rest = self._alone(more[: max(tries - len(once), 0)], first, until, truth, of_longer)
        yield from rest
        if likely is None:
            return
        until = min(max(start + UNTIL, time.thread_time() + UNTIL - SINGLE_UNTIL), latest)
        able = _distinct(found, first)
        alike = _alike(able, [one.value for one in likely])
        if self.whole:
            yield from self._named_pairs(likely, seen, until)
        else:
            yield from _ended(found, first, names)
        yield from self._both(self._near(able, alike, found, seen), self.tree, once, until)
        yield from self._both(_with_each(alike, found, first), self.tree, once, until)
        if not self.whole:
            yield from self._beside(likely, alike, arguments, first)
            yield from _ended(of_longer, first, names)
        half = time.thread_time() + max(until - time.thread_time(), 0) / 2
        yield from self._both(_of_longer(of_longer, once, first), longer, more, half)
        yield from self._both(_all_of(able, found, first), self.tree, once, until)

    def _alone(
        self, slips_: Sequence[Slip], seen: Seen, until: float, truth: bool, found: list[_Tried]
    ) -> _Found:
        """Yield (words, function) of single slips that return what was got; found: all that ran."""
        aim = Aim(seen.expected, seen.got)
        places = {id(slip): place for place, slip in enumerate(slips_)}
        some = (slip for slip in slips_ if slip.of_truth or not truth)
        for slip, function, value in self.programs.tried(some, seen.case, until):
            found.append(_Tried(slip, function, value, places[id(slip)]))
            if aim.is_hit(value):
                yield f"one change to the course's answer: {slip.words}", function

    def _both(
        self, plans: _Plans, tree: ast.Module, slips_: Sequence[Slip], until: float
    ) -> _Found:
        """Yield (words, function) of the pairs of slips that return what was got on a plan's case.

        plans: a case, and the pairs of places in the list of slips that are tried on it. tree: the
        program whose slips they are. A pair is tried on a case once.
        """
        for shown, pairs in plans:
            done = self._done.setdefault((tree, id(shown.case)), set())
            aim = Aim(shown.expected, shown.got)
            fresh = together(slips_, _new(pairs, done), tree)
            for pair, function, value in self.programs.tried(fresh, shown.case, until):
                if aim.is_hit(value):
                    yield f"two changes to the course's answer: {pair.words}", function

    def _near(
        self,
        able: list[_Tried],
        alike: list[_Tried],
        found: list[_Tried],
        seen: Sequence[Seen],
    ) -> _Plans:
        """Yield the plans with two likely slips, and with one that explains a part of the results.

        able: of slips that change the result of the first case in the same way, the plainest one.
        alike: those that give what a misconception gives. found: all that ran.
        """
        yield seen[0], itertools.combinations([one.place for one in alike], 2)
        every = [one.place for one in found]
        for half in _halves(able, seen[0]):
            shown = self._not_explained(half, seen)
            if shown:
                yield shown, ((half.place, other) for other in every)

    def _not_explained(self, half: _Tried, seen: Sequence[Seen]) -> Seen | None:
        """Return the first case on which a slip alone does not give the result, None if it does."""
        for one in seen:
            value = half.value if one is seen[0] else value_in_time(half.function, one.case)
            if value is NO_VALUE or not comparing.same_outputs(value, one.got):
                return one
        return None

    def _named_pairs(self, likely: Sequence[Likely], seen: Sequence[Seen], latest: float) -> _Found:
        """Yield (words, function) of two named misconceptions at once that give what was got.

        Those that explain the most of the results come first.
        """
        first = seen[0]
        aim = Aim(first.expected, first.got)
        until = min(time.thread_time() + BESIDE, latest)
        scored = sorted(likely, key=lambda one: _left(_explained(one.value, first)))
        for one, other in _diagonal(scored):
            if time.thread_time() > until:
                return
            both = building.both(one.function, other.function)
            function = both and self.call(self.programs.instances.of(both))
            if function and aim.is_hit(value_in_time(function, first.case)):
                told = " ".join(f"{one.message} {other.message}".split())
                yield f"two slips at once. {told}".removesuffix("."), function

    def _beside(
        self,
        likely: Sequence[Likely],
        alike: Sequence[_Tried],
        arguments: Mapping[str, Any],
        seen: Seen,
    ) -> _Found:
        """Yield (words, function) of what is one slip away from a named misconception's own code.

        Those of which one slip in the course's answer gives the same are tried as pairs elsewhere.
        """
        known = {mark(one.value) for one in alike}
        known.add(mark(seen.expected))  # what does not show here can be no part of the reason
        others = [one for one in likely if mark(one.value) not in known]
        others = sorted(others, key=lambda one: _distance(one.value, seen.got))[:BESIDES]
        programs = Programs(self.answer, self.call, [one.function for one in others])
        aim, until = Aim(seen.expected, seen.got), time.thread_time() + BESIDE
        rows = [
            [(one, slip) for slip in slips(tree, _renamed(tree, arguments))]
            for one, tree in ((one, _own_program(one.function)) for one in others)
            if tree
        ]
        turns = [pair for turn in itertools.zip_longest(*rows) for pair in turn if pair]
        messages = {id(slip): one.message for one, slip in turns}
        some = (slip for _, slip in turns)
        for slip, function, value in programs.tried(some, seen.case, until):
            if aim.is_hit(value):
                told = " ".join(messages[id(slip)].split())
                yield f"two slips. One of them: {told} The other: {slip.words}", function


def _renamed(tree: ast.Module, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a case under the names that another function has for them."""
    own = [argument.arg for argument in tree.body[0].args.args]
    return dict(zip(own, arguments.values(), strict=False))


def _own_program(function: Callable[..., Any]) -> ast.Module | None:
    """Return the program of a function with its module's helpers that it calls, None of others.

    Others are classes, functions made inside another, and lambdas.
    """
    if (
        not inspect.isfunction(function)
        or function.__closure__
        or not function.__name__.isidentifier()
    ):
        return None
    names, texts = [function.__name__], []
    for name in names:
        part = vars(sys.modules[function.__module__]).get(name)
        if not inspect.isfunction(part) or part.__module__ != function.__module__:
            return None
        texts.append(textwrap.dedent(inspect.getsource(part)))
        called = {node.id for node in ast.walk(ast.parse(texts[-1])) if isinstance(node, ast.Name)}
        names += sorted(
            other
            for other in called - set(names)
            if inspect.isfunction(found := vars(sys.modules[function.__module__]).get(other))
            and found.__module__ == function.__module__
        )
    return program(texts[0], (), texts[1:])


def _ended(found: Sequence[_Tried], seen: Seen, names: Sequence[str]) -> _Found:
    """Yield (words, function) of single slips behind which one more thing is done to the result.

    It is done to what the slips have returned, so no program is called for it.
    """
    aim = Aim(seen.expected, seen.got)
    if aim.part is None:
        return
    for one in found:
        own = parts(one.value)
        if len(own) <= aim.part or not _is_float(own[aim.part]):
            continue
        for words, change in patterns.FUNCTIONS.items():
            if aim.is_hit(_with_part(one.value, aim.part, change)):
                said = f"{one.slip.words}; and {words} of the result"
                yield (
                    f"two changes to the course's answer: {said}",
                    _behind(one.function, aim.part, lambda value, case, f=change: f(value)),
                )
        for words, factor in _factors(own[aim.part], aim, seen.case, names):
            change = lambda value, case, f=factor: value * f(case)  # noqa: E731
            if aim.is_hit(_with_part(one.value, aim.part, lambda v, c=change: c(v, seen.case))):
                said = f"{one.slip.words}; and the result {words}"
                yield (
                    f"two changes to the course's answer: {said}",
                    _behind(one.function, aim.part, change),
                )


def _factors(
    value: Tensor, aim: Aim, case: Sequence[Any], names: Sequence[str]
) -> Iterator[tuple[str, Callable[[Sequence[Any]], float]]]:
    """Yield (words, function of a case) of what a result was multiplied by, if a size is it."""
    if tuple(value.shape) != aim.shape:
        return
    number = float(value.detach().reshape(-1)[aim.place])
    if not number or not math.isfinite(number) or not math.isfinite(aim.number):
        return
    factor = aim.number / number
    for plain, words in ((-1.0, "with the other sign"), (2.0, "doubled"), (0.5, "halved")):
        if math.isclose(factor, plain, **_ROUGH):
            yield words, lambda case, f=plain: f
    for place, name in enumerate(names):
        given = case[place] if place < len(case) else None
        for axis in range(given.dim() if isinstance(given, Tensor) else 0):
            for power, words in (
                (1.0, "times `{}.size({})`"),
                (0.5, "times `{}.size({}) ** 0.5`"),
                (-1.0, "divided by `{}.size({})`"),
                (-0.5, "divided by `{}.size({}) ** 0.5`"),
            ):
                size = given.size(axis)
                if size > 1 and math.isclose(factor, size**power, **_ROUGH):
                    yield (
                        words.format(name, axis),
                        lambda case, p=place, a=axis, e=power: case[p].size(a) ** e,
                    )


def _with_part(value: Any, part: int, change: Callable[[Any], Any]) -> Any:
    """Return results of which one is changed."""
    if not isinstance(value, tuple):
        return change(value)
    return (*value[:part], change(value[part]), *value[part + 1 :])


def _behind(
    function: Callable[..., Any], part: int, change: Callable[[Any, Sequence[Any]], Any]
) -> Callable[..., Any]:
    def both(*case: Any) -> Any:
        return _with_part(function(*case), part, lambda value: change(value, case))

    both.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return both


def _is_float(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


def _distinct(found: Sequence[_Tried], seen: Seen) -> list[_Tried]:
    """Return of the slips that give the same result the plainest, and none that changes nothing."""
    known = {mark(seen.expected)}
    chosen = []
    for one in found:
        own = mark(one.value)
        if own not in known:
            known.add(own)
            chosen.append(one)
    return chosen


def _alike(found: Sequence[_Tried], likely: Sequence[Any]) -> list[_Tried]:
    """Return the slips that give what a misconception gives, in the order of the slips."""
    marks = {mark(value) for value in likely}
    return [one for one in found if mark(one.value) in marks]


def _with_each(alike: list[_Tried], found: list[_Tried], seen: Seen) -> _Plans:
    """Yield the plan with one likely slip and any other, the plainer first."""
    yield seen, ((one.place, other.place) for other in found for one in alike)


def _all_of(able: list[_Tried], found: list[_Tried], seen: Seen) -> _Plans:
    """Yield the plans with any two slips, the plainer first.

    At last come those that change nothing alone, as a shift of all scores before a softmax, with
    each of those that do.
    """
    yield seen, _diagonal([one.place for one in able])
    known = mark(seen.expected)
    idle = [one.place for one in found if mark(one.value) == known]
    yield seen, ((other.place, place) for other in able for place in idle)


def _of_longer(found: list[_Tried], once: Sequence[Slip], seen: Seen) -> _Plans:
    """Yield the plan with a slip that only longer lines have, and any other."""
    known = {slip.words for slip in once}
    able = _distinct(found, seen)
    new = {one.place for one in able if one.slip.words not in known}
    pairs = _diagonal([one.place for one in able])
    yield seen, (pair for pair in pairs if not new.isdisjoint(pair))


def _halves(found: Sequence[_Tried], seen: Seen) -> list[_Tried]:
    """Return the slips that explain the most of a result, the best first.

    One that explains nothing may be a half as well, if it spoils nothing: another slip may make
    numbers of what is NaN with it alone.
    """
    scores = [(*_explained(one.value, seen), one) for one in found]
    able = [s for s in scores if s[0] > s[1] or not s[1]]
    best = sorted(able, key=lambda scored: _left(scored[:2]))
    return [one for _, _, one in best[:HALVES]]


def _left(explained: tuple[float, float]) -> float:
    gained, spoilt = explained
    return spoilt - gained


def _explained(value: Any, seen: Seen) -> tuple[float, float]:
    """Return what share of a wrong result a changed answer gives, and what share it spoils.

    They are added up over the tensors that are returned. Other results spoil everything.
    """
    gained = spoilt = 0.0
    for right, got, own in zip(*map(parts, (seen.expected, seen.got, value)), strict=False):
        if not all(isinstance(part, Tensor) for part in (right, got, own)):
            return 0.0, 1.0
        explained, known = comparing.agreeing(own, got), comparing.agreeing(right, got)
        if explained is None or known is None:
            return 0.0, 1.0
        if got.numel():
            gained += (explained & ~known).sum().item() / got.numel()
            spoilt += (known & ~explained).sum().item() / got.numel()
    return gained, spoilt


def _distance(value: Any, got: Any) -> float:
    """Return how far a result is from another one, as a mean; infinite of another shape."""
    total = 0.0
    for one, other in zip(parts(value), parts(got), strict=False):
        if _is_float(one) and _is_float(other):
            if one.shape != other.shape:
                return math.inf
            gaps = (one.detach().double() - other.detach().double()).abs().nan_to_num(9.0, 9.0)
            total += gaps.mean().item() if gaps.numel() else 0.0
    return total


def _new(pairs: Iterable[tuple[int, int]], done: set[frozenset[int]]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of two different places that come for the first time, and remember them."""
    for pair in pairs:
        both = frozenset(pair)
        if len(both) == 2 and both not in done:
            done.add(both)
            yield pair


def _diagonal(some: Sequence[_Thing]) -> Iterator[tuple[_Thing, _Thing]]:
    """Yield all pairs of things, those of which both stand early first."""
    for total in range(1, 2 * len(some) - 2):
        for other in range(total // 2 + 1, min(total, len(some) - 1) + 1):
            yield some[total - other], some[other]
