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

from helpers.exercises import REGISTRY, comparing, edits, running
from helpers.exercises.engine import CORRECT, SLOW, Exercise
from helpers.exercises.inputs import Dice
from tests.equivalent_mutants import EQUIVALENTS
from tests.exercise_tools import define

KILLED, SURVIVED, EQUIVALENT = "killed", "survived", "equivalent"
_LIMITS = 1.0, 5.0  # seconds of processor time for a mutant's calls, and for a verdict
SEED = 2014  # the first case is the one that learners get


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
    parents = edits.parents_of(tree)
    first = dict(zip(exercise.parameters, _expected(exercise)[0][0], strict=False))
    original, found = ast.unparse(tree), []
    seen = {original}
    passed_over = edits.passed_over(tree)
    for node in [n for statement in statements for n in ast.walk(statement)]:
        if node in passed_over:
            continue
        for operator, new in edits.edits_at(node, first):
            if operator == "detached" and new.func.value.id not in exercise.gradients:
                continue
            text = ast.unparse(edits.exchanged_in(parents, node, new))
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
