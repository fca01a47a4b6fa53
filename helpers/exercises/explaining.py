"""Which slip in the course's answer gives a learner's results? That names what nobody foresaw.

The course's answer is changed in one place, or in two, and called on every input. A slip is told
only if the changed answer does everywhere what the learner's function does, so that it explains all
that fails and does not itself fail where the learner's function is right.

There are too many pairs of slips to try them all. So those come first of which one is likely by
itself: it gives what a named misconception gives, or it explains a part of the results.
"""

from __future__ import annotations

import ast
import functools
import itertools
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import CodeType
from typing import Any, NamedTuple, TypeVar

from torch import Tensor

from helpers.exercises import building, comparing, running
from helpers.exercises.slips import Pair, Slip, compiled, inlined, program, slips, together

LIMIT = 0.1  # seconds of a processor for a call of a changed answer on a small input
TOGETHER = 8  # calls under one limit
# How many programs with one slip are tried, and how many with two: of functions, and of wholes,
# which are built and run at each try.
ONE, TWO = 2_500, 3_000
ONE_BUILT, TWO_BUILT = 900, 500
# Seconds of a processor after which the pairs of a whole begin at the latest, and all ends. Single
# slips of a function have no such end, because some of them never end and use up their LIMIT.
SINGLE_UNTIL, UNTIL = 0.6, 1.0
HALVES = 5  # slips that explain the most of the results, each of which is tried with all others
ALIKE = 2  # slips that give the results of one misconception
_ROUGH = {"rel_tol": 1e-3, "abs_tol": 1e-3}
_NONE = object()  # the value of a call that failed


_Some = TypeVar("_Some", Slip, Pair)


class Seen(NamedTuple):
    """A case, what is expected of it, and what the learner's function returned."""

    case: Sequence[Any]
    expected: Any
    got: Any


class _Tried(NamedTuple):
    """A slip, the function of its program, and what that returned; place: in the list of slips."""

    slip: Slip
    function: Callable[..., Any]
    value: Any
    place: int = -1


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
        self.answer, self.call = answer, call
        self.tree, self.whole = program(source, methods, parts), whole
        self._instances: dict[tuple, Any] = {}
        self._codes: dict[ast.stmt, CodeType] = {}

    def giving(
        self,
        seen: Sequence[Seen],
        names: Sequence[str],
        truth: bool = False,
        likely: Sequence[Any] | None = None,
    ) -> Iterator[tuple[str, Callable[..., Any]]]:
        """Yield (words, function) of the changed answers that return what was got on a case.

        seen: what happened on each case, first on the one that tells most. names: the case's
        arguments. truth: whether only slips are tried that test something else. likely: what the
        named misconceptions return on the first case; None if no two slips at once are tried, which
        come after all that are one alone. A function that gives the result on this case may still
        fail on another.
        """
        start, first = time.thread_time(), seen[0]
        arguments = dict(zip(names, first.case, strict=False))
        once = list(slips(self.tree, arguments))
        longer = inlined(self.tree)
        more = slips(longer, arguments) if longer is not self.tree else ()
        tries = ONE_BUILT if self.whole else ONE
        found: list[_Tried] = []
        plain = (slip for slip in once[:tries] if slip.of_truth or not truth)
        until = start + (SINGLE_UNTIL if self.whole else math.inf)
        yield from self._alone(plain, first, until, found)
        longer_ones = (slip for slip in more if slip.of_truth or not truth)
        longer_ones = itertools.islice(longer_ones, max(tries - len(once), 0))
        until = start + (UNTIL if self.whole else math.inf)
        rest = self._alone(longer_ones, first, until, [])
        if not self.whole or likely is None:
            yield from rest
        if likely is not None:
            places = {id(slip): place for place, slip in enumerate(once)}
            found = [one._replace(place=places[id(one.slip)]) for one in found]
            able = [o for o in found if not comparing.same_outputs(o.value, first.expected)]
            until = max(start + UNTIL, time.thread_time() + UNTIL - SINGLE_UNTIL)
            done: set[frozenset[int]] = set()
            near, far = self._near(able, once, seen, likely), _far(found, able, first, likely)
            yield from self._both(near, once, until, done)
            yield from rest
            yield from self._both(far, once, until, done)

    def _alone(
        self, slips_: Iterator[Slip], seen: Seen, until: float, found: list[_Tried]
    ) -> Iterator[tuple[str, Callable[..., Any]]]:
        """Yield (words, function) of single slips that return what was got; found: all that ran."""
        for slip, function, value in self._tried(slips_, seen.case, until):
            found.append(_Tried(slip, function, value))
            if comparing.same_outputs(value, seen.got):
                yield f"one change to the course's answer: {slip.words}", function

    def _both(
        self,
        plans: Iterable[tuple[Seen, Iterable[tuple[int, int]]]],
        once: list[Slip],
        until: float,
        done: set[frozenset[int]],
    ) -> Iterator[tuple[str, Callable[..., Any]]]:
        """Yield (words, function) of the pairs of slips that return what was got on a plan's case.

        plans: a case, and the pairs of places in the list of slips that are tried on it. done: the
        pairs that have been tried, which grows.
        """
        tries = TWO_BUILT if self.whole else TWO
        for shown, pairs in plans:
            fresh = together(once, (pair for pair in pairs if _is_new(pair, done)))
            some = itertools.islice(fresh, max(tries - len(done), 0))
            for pair, function, value in self._tried(some, shown.case, until):
                if comparing.same_outputs(value, shown.got):
                    yield f"two changes to the course's answer: {pair.words}", function

    def _near(
        self, able: list[_Tried], once: list[Slip], seen: Sequence[Seen], likely: Sequence[Any]
    ) -> Iterator[tuple[Seen, Iterable[tuple[int, int]]]]:
        """Yield the plans with two likely slips, and with one that explains a part of the results.

        able: the slips that change something on the first case.
        """
        yield seen[0], itertools.combinations([one.place for one in _alike(able, likely)], 2)
        for half in _halves(able, seen[0]):
            shown = self._not_explained(half, seen)
            if shown:
                yield shown, ((half.place, other) for other in range(len(once)))

    def _not_explained(self, half: _Tried, seen: Sequence[Seen]) -> Seen | None:
        """Return the first case on which a slip alone does not give the result, None if it does."""
        for one in seen:
            value = half.value if one is seen[0] else _value_in_time(half.function, one.case)
            if value is _NONE or not comparing.same_outputs(value, one.got):
                return one
        return None

    def _tried(
        self, slips_: Iterator[_Some], case: Sequence[Any], until: float
    ) -> Iterator[tuple[_Some, Callable[..., Any], Any]]:
        """Yield (slip, function, value) of the programs that return something on a case.

        A few are called under one time limit, because to set it takes as long as a call. If it is
        passed, each of them is called anew under its own. until: when to end, by the thread's clock
        of a processor.
        """
        while time.thread_time() < until and (few := list(itertools.islice(slips_, TOGETHER))):
            made = [(one, self._made(one.tree)) for one in few]
            able = [(one, function) for one, function in made if function]
            functions = [function for _, function in able]
            running.fresh_state()
            try:
                values = running.limited(lambda f=functions: _values(f, case), LIMIT)
            except running.TookTooLong:
                values = [_value_in_time(function, case) for function in functions]
            for (one, function), value in zip(able, values, strict=True):
                if value is not _NONE:
                    yield one, function, value

    def _made(self, tree: ast.Module) -> Callable[..., Any] | None:
        """Return what is called with a case's arguments, None if the program is none."""
        name, names = self.answer.__name__, dict(vars(sys.modules[self.answer.__module__]))
        with warnings.catch_warnings(action="ignore"):  # "is" with a number, a call of a number
            try:
                for part in tree.body:
                    exec(self._compiled(part), names)
            except (SyntaxError, ValueError, TypeError):  # two slips at one place may be no program
                return None
        function = names[name]
        if isinstance(function, type):
            return self.call(functools.partial(self._instance, function))
        return self.call(function)

    def _compiled(self, part: ast.stmt) -> CodeType:
        """Return the code of a part of a program; what no slip has changed is compiled once."""
        if part in self._codes:
            return self._codes[part]
        code = compiled(part, f"<{self.answer.__name__}>")
        if part in self.tree.body:
            self._codes[part] = code
        return code

    def _instance(self, own: type, *sizes: Any) -> Any:
        """Return an instance with the methods of `own`; made once, because that takes long."""
        if sizes not in self._instances:
            self._instances[sizes] = self.answer(*sizes)
        instance = self._instances[sizes]
        instance.__class__ = own
        return instance


def _alike(found: Sequence[_Tried], likely: Sequence[Any]) -> list[_Tried]:
    """Return the slips that give what a misconception gives, at most a few of each."""
    chosen: list[_Tried] = []
    marks = [_mark(one.value) for one in found]
    for value in likely:
        mark = _mark(value)  # because to compare all the numbers takes much longer
        close = (
            one for one, own in zip(found, marks, strict=True) if math.isclose(own, mark, **_ROUGH)
        )
        same = (one for one in close if comparing.same_outputs(one.value, value))
        chosen += [
            one for one in itertools.islice(same, ALIKE) if all(one is not o for o in chosen)
        ]
    return sorted(chosen, key=lambda one: one.place)


def _mark(value: Any) -> float:
    """Return a number that equal results have in common: a sum of the first tensor's numbers."""
    tensors = running.tensors(value)
    return tensors[0].detach().double().nan_to_num().sum().item() if tensors else 0.0


def _far(
    found: list[_Tried], able: list[_Tried], seen: Seen, likely: Sequence[Any]
) -> Iterator[tuple[Seen, Iterable[tuple[int, int]]]]:
    """Yield the plans with one likely slip and any other, and with any two, the plainer first."""
    places, alike = [one.place for one in found], _alike(able, likely)
    yield seen, ((one.place, place) for place in places for one in alike)
    yield seen, _diagonal(places)


def _halves(found: Sequence[_Tried], seen: Seen) -> list[_Tried]:
    """Return the slips that explain the most of a result, the best first and no two alike."""
    scores = [(_explained(one.value, seen), one) for one in found]
    chosen: list[_Tried] = []
    for score, one in sorted(scores, key=lambda scored: -scored[0]):
        if score <= 0 or len(chosen) == HALVES:
            break
        if not any(comparing.same_outputs(one.value, other.value) for other in chosen):
            chosen.append(one)
    return chosen


def _explained(value: Any, seen: Seen) -> float:
    """Return what share of a wrong result a changed answer gives, less what it spoils.

    It is added up over the tensors that are returned.
    """
    total = 0.0
    for right, got, own in zip(*map(_parts, (seen.expected, seen.got, value)), strict=False):
        if not all(isinstance(part, Tensor) for part in (right, got, own)) or not got.numel():
            continue
        explained, known = comparing.agreeing(own, got), comparing.agreeing(right, got)
        if explained is not None and known is not None:
            gained = (explained & ~known).sum() - (known & ~explained).sum()
            total += gained.item() / got.numel()
    return total


def _parts(value: Any) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def _is_new(pair: tuple[int, int], done: set[frozenset[int]]) -> bool:
    """Return whether a pair of two different places comes for the first time, and remember it."""
    both = frozenset(pair)
    new = len(both) == 2 and both not in done
    done.add(both)
    return new


def _diagonal(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield all pairs of places, those of which both stand early first."""
    for total in range(1, 2 * len(places) - 2):
        for other in range(total // 2 + 1, min(total, len(places) - 1) + 1):
            yield places[total - other], places[other]


def _values(functions: Sequence[Callable[..., Any]], case: Sequence[Any]) -> list[Any]:
    """Return what each function returns on copies of a case, _NONE of one that fails."""
    return [_value(function, case) for function in functions]


def _value(function: Callable[..., Any], case: Sequence[Any]) -> Any:
    try:
        with building.outputs_alone():
            return function(*running.copies(case))
    except (KeyboardInterrupt, running.TookTooLong):
        raise
    except BaseException:  # a changed answer may do anything, and a toy model's Misstep too
        return _NONE


def _value_in_time(function: Callable[..., Any], case: Sequence[Any]) -> Any:
    running.fresh_state()
    try:
        return running.limited(lambda: _value(function, case), LIMIT)
    except running.TookTooLong:
        return _NONE
