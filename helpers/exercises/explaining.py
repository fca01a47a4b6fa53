"""Which slip in the course's answer gives a learner's results? That names what nobody foresaw.

The course's answer is changed in one place, or in two, and called on every input. A slip is told
only if the changed answer does everywhere what the learner's function does, so that it explains all
that fails and does not itself fail where the learner's function is right.
"""

from __future__ import annotations

import ast
import functools
import itertools
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from helpers.exercises import building, comparing, running
from helpers.exercises.slips import Slip, inlined, program, slips

LIMIT = 0.1  # seconds of a processor for a call of a changed answer on a small input
PLAIN, SECOND = 40, 60  # slips that a second one is put on, and how many second ones are tried
# Nodes of all the trees that are tried, so that it ends in about a second: of functions with one
# slip and with two, and of wholes, which are built and run at each try.
ONE, TWO, BUILT = 100_000, 40_000, 60_000


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
        self.answer, self.methods, self.call = answer, methods, call
        self.tree, self.whole = program(source, methods, parts), whole
        self._instances: dict[tuple, Any] = {}

    def giving(
        self, case: Sequence[Any], names: Sequence[str], got: Any, pairs: bool
    ) -> Iterator[tuple[str, Callable[..., Any]]]:
        """Yield (words, function) of the changed answers that return `got` on a case.

        names: the case's arguments. pairs: whether two slips at once are tried too, after all that
        are one alone. A function that gives the result on this case may still fail on another.
        """
        arguments = dict(zip(names, case, strict=False))
        size = sum(1 for _ in ast.walk(self.tree))
        once = list(slips(self.tree, arguments, self.methods))
        longer = inlined(self.tree, self.methods)
        more = slips(longer, arguments, self.methods) if longer is not self.tree else ()
        tried = (BUILT if self.whole else ONE) // size
        for slip in itertools.islice(itertools.chain(once, more), tried):
            function = self._giving(slip.tree, case, got)
            if function:
                yield f"one change to the course's answer: {slip.words}", function
        twice = itertools.islice(self._twice(once, arguments), TWO // size if pairs else 0)
        for one, other in twice:
            function = self._giving(other.tree, case, got)
            if function:
                words = f"{one.words}; and {other.words}"
                yield f"two changes to the course's answer: {words}", function

    def _twice(self, once: list[Slip], arguments: dict[str, Any]) -> Iterator[tuple[Slip, Slip]]:
        """Yield pairs of slips; the second one's program has both."""
        for one in once[:PLAIN]:
            for other in itertools.islice(slips(one.tree, arguments, self.methods), SECOND):
                if not any(piece is done for piece in other.said for done in one.said[1:]):
                    yield one, other  # a second slip in the first one's place says nothing

    def _giving(self, tree: ast.Module, case: Sequence[Any], got: Any) -> Callable[..., Any] | None:
        """Return what a program defines if it returns `got` on a case, else None."""
        try:
            function = self._made(tree)
        except (SyntaxError, ValueError, TypeError):  # two slips at one place may be no program
            return None
        given = running.copies(case)
        running.fresh_state()
        try:
            with building.outputs_alone():
                value = running.limited(lambda: function(*given), LIMIT)
        except KeyboardInterrupt:
            raise
        except BaseException:  # a changed answer may do anything, and a toy model's Misstep too
            return None
        return function if comparing.same_outputs(value, got) else None

    def _made(self, tree: ast.Module) -> Callable[..., Any]:
        """Return what is called with a case's arguments, made from a program."""
        name, names = self.answer.__name__, dict(vars(sys.modules[self.answer.__module__]))
        with warnings.catch_warnings(action="ignore"):  # "is" with a number, a call of a number
            exec(compile(ast.fix_missing_locations(tree), f"<{name}>", "exec"), names)
        function = names[name]
        if isinstance(function, type):
            return self.call(functools.partial(self._instance, function))
        return self.call(function)

    def _instance(self, own: type, *sizes: Any) -> Any:
        """Return an instance with the methods of `own`; made once, because that takes long."""
        if sizes not in self._instances:
            self._instances[sizes] = self.answer(*sizes)
        instance = self._instances[sizes]
        instance.__class__ = own
        return instance
