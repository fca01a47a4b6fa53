"""Which slip in the course's answer gives a learner's results? That names what nobody foresaw.

The course's answer is changed in one place, or in two, and called on every input. A slip is told
only if the changed answer does everywhere what the learner's function does, so that it explains all
that fails and does not itself fail where the learner's function is right.
"""

from __future__ import annotations

import ast
import functools
import itertools
import operator
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from types import CodeType
from typing import Any

from helpers.exercises import building, comparing, running
from helpers.exercises.slips import Slip, compiled, inlined, program, slips

LIMIT = 0.1  # seconds of a processor for a call of a changed answer on a small input
TOGETHER = 8  # calls under one limit
PLAIN, SECOND = 40, 60  # slips that a second one is put on, and how many second ones are tried
# Nodes of all the trees that are tried, so that it ends in about a second: of functions with one
# slip and with two, and of wholes, which are built and run at each try.
ONE, TWO, BUILT = 100_000, 40_000, 45_000
_NONE = object()  # the value of a call that failed


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
        case: Sequence[Any],
        names: Sequence[str],
        got: Any,
        pairs: bool,
        truth: bool = False,
    ) -> Iterator[tuple[str, Callable[..., Any]]]:
        """Yield (words, function) of the changed answers that return `got` on a case.

        names: the case's arguments. pairs: whether two slips at once are tried too, after all that
        are one alone. truth: whether only slips are tried that test something else. A function that
        gives the result on this case may still fail on another.
        """
        arguments = dict(zip(names, case, strict=False))
        size = sum(1 for _ in ast.walk(self.tree))
        once = list(slips(self.tree, arguments))
        longer = inlined(self.tree)
        more = slips(longer, arguments) if longer is not self.tree else ()
        tried = (BUILT if self.whole else ONE) // size
        first = itertools.islice(itertools.chain(once, more), tried)
        first = (slip for slip in first if slip.of_truth or not truth)
        for slip, function in self._giving(first, case, got):
            yield f"one change to the course's answer: {slip.words}", function
        twice = itertools.islice(self._twice(once, arguments), TWO // size if pairs else 0)
        for (one, other), function in self._giving(twice, case, got, lambda pair: pair[1].tree):
            words = f"{one.words}; and {other.words}"
            yield f"two changes to the course's answer: {words}", function

    def _twice(self, once: list[Slip], arguments: dict[str, Any]) -> Iterator[tuple[Slip, Slip]]:
        """Yield pairs of slips; the second one's program has both."""
        for one in once[:PLAIN]:
            for other in itertools.islice(slips(one.tree, arguments), SECOND):
                if not any(piece is done for piece in other.said for done in one.said[1:]):
                    yield one, other  # a second slip in the first one's place says nothing

    def _giving(
        self,
        slips_: Iterator[Any],
        case: Sequence[Any],
        got: Any,
        tree_of: Callable[[Any], ast.Module] = operator.attrgetter("tree"),
    ) -> Iterator[tuple[Any, Callable[..., Any]]]:
        """Yield (slip, function) of the slips whose programs define what returns `got` on a case.

        A few are called under one time limit, because to set it takes as long as a call. If it is
        passed, each of them is called anew under its own.
        """
        while few := list(itertools.islice(slips_, TOGETHER)):
            made = [(slip, self._made(tree_of(slip))) for slip in few]
            able = [(slip, function) for slip, function in made if function]
            functions = [function for _, function in able]
            running.fresh_state()
            try:
                values = running.limited(lambda f=functions: _values(f, case), LIMIT)
            except running.TookTooLong:
                values = [_value_in_time(function, case) for function in functions]
            for (slip, function), value in zip(able, values, strict=True):
                if value is not _NONE and comparing.same_outputs(value, got):
                    yield slip, function

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
