"""Call many changed programs on one case, and look quickly whether one returns what was got.

Most of the time of a search would go into compiling, into the time limit of each call and into
comparing whole results. So a line that programs share is compiled once, many calls have one limit
together, and of most results a single number is looked at.
"""

from __future__ import annotations

import ast
import functools
import itertools
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from types import CodeType
from typing import Any, TypeVar

import torch
from torch import Tensor

from helpers.exercises import building, comparing, running
from helpers.exercises.slips import Pair, Slip, compiled

LIMIT = 0.1  # seconds of a processor for a call of a changed answer on a small input
FEW, MANY = 8, 64  # calls under one limit, at first and at most
NO_VALUE = object()  # the value of a call that failed
_RETURNED = "_returned"
_ROUGH = 1e-3

Some = TypeVar("Some", Slip, Pair)


class Programs:
    """Makes functions of an answer's changed programs, and calls them.

    answer: the course's. call: returns what is called with a case's arguments, as `Exercise.plain`.
    others: functions whose modules' names the programs may read as well.
    """

    def __init__(
        self,
        answer: Callable[..., Any],
        call: Callable[[Any], Callable[..., Any]],
        others: Sequence[Callable[..., Any]] = (),
    ) -> None:
        self.answer, self.call = answer, call
        self.names: dict[str, Any] = {}
        for function in (*others, answer):
            self.names |= vars(sys.modules[function.__module__])
        self._codes: dict[ast.stmt, CodeType | None] = {}
        self.instances = building.Instances(answer)  # type: ignore[arg-type]

    def tried(
        self, slips_: Iterator[Some], case: Sequence[Any], until: float
    ) -> Iterator[tuple[Some, Callable[..., Any], Any]]:
        """Yield (slip, function, value) of the programs that return something on a case.

        Several are called under one time limit, because to set it takes longer than a call. If it
        is passed, each of them is called anew under its own. until: when to end, by the thread's
        clock of a processor.
        """
        size = FEW
        while time.thread_time() < until and (few := list(itertools.islice(slips_, size))):
            made = [(one, self.function(one.tree)) for one in few]
            able = [(one, function) for one, function in made if function]
            functions = [function for _, function in able]
            running.fresh_state()
            start = time.thread_time()
            try:
                values = running.limited(lambda f=functions: _values(f, case), LIMIT)
                quick = time.thread_time() - start < LIMIT / 3
                size = min(2 * size, MANY) if quick else size
            except running.TookTooLong:
                values = [value_in_time(function, case) for function in functions]
                size = FEW
            for (one, function), value in zip(able, values, strict=True):
                if value is not NO_VALUE:
                    yield one, function, value

    def function(self, tree: ast.Module) -> Callable[..., Any] | None:
        """Return what is called with a case's arguments, None if the program is none."""
        whole, *parts = tree.body
        names = dict(self.names)
        with warnings.catch_warnings(action="ignore"):  # "is" with a number, a call of a number
            try:
                for part in parts:
                    exec(self._code(part), names)
                lines = self._lines(whole)
                if lines is None:
                    exec(self._code(whole), names)
            except (SyntaxError, ValueError, TypeError):  # two slips at one place may be no program
                return None
        if lines is not None:
            return self.call(_by_lines(whole.args, lines, names))
        function = names[whole.name]
        return self.call(self.instances.of(function))

    def _lines(self, whole: ast.stmt) -> list[CodeType] | None:
        """Return the codes of a function's lines, None unless it returns at its end alone."""
        if not isinstance(whole, ast.FunctionDef) or whole.args.vararg or whole.args.kwonlyargs:
            return None
        *lines, last = whole.body
        if not isinstance(last, ast.Return) or last.value is None:
            return None
        codes = [self._line(line) for line in (*lines, last)]
        return None if None in codes or any(isinstance(x, ast.Return) for x in lines) else codes

    def _line(self, line: ast.stmt) -> CodeType | None:
        """Return the code of a line, None if a return stands inside it."""
        if line not in self._codes:
            code = None
            if isinstance(line, ast.Return):
                name = ast.copy_location(ast.Name(_RETURNED, ast.Store()), line)
                kept = ast.copy_location(ast.Assign([name], line.value), line)
                code = compiled(kept, self._file)
            elif not _returns(line):
                code = compiled(line, self._file)
            self._codes[line] = code
        return self._codes[line]

    def _code(self, part: ast.stmt) -> CodeType:
        """Return the code of a function or a class; compiled once."""
        if part not in self._codes:
            self._codes[part] = compiled(part, self._file)
        return self._codes[part]

    @property
    def _file(self) -> str:
        return f"<{self.answer.__name__}>"


class Aim:
    """What a learner's function returned on a case, and a quick look whether another result is it.

    The number that is looked at first is the one that is furthest from what is expected.
    """

    def __init__(self, expected: Any, got: Any) -> None:
        self.got, self.part, self.place, self.number = got, None, 0, math.nan
        self.shape: tuple[int, ...] = ()
        largest = 0.0
        for part, (right, own) in enumerate(zip(parts(expected), parts(got), strict=False)):
            if not _are_floats(own) or not own.numel():
                continue
            if not _are_floats(right) or right.shape != own.shape:
                self._look_at(part, own, 0)
                break
            gap = (own.detach().double() - right.detach().double()).abs().nan_to_num(0.0, 0.0)
            if gap.max() > largest:
                largest = gap.max().item()
                self._look_at(part, own, int(gap.argmax()))

    def _look_at(self, part: int, own: Tensor, place: int) -> None:
        self.part, self.place, self.shape = part, place, tuple(own.shape)
        self.number = own.detach().reshape(-1)[place].item()

    def is_hit(self, value: Any) -> bool:
        """Return whether a value is what was got; of a whole, its outputs."""
        if self.part is not None and math.isfinite(self.number):
            own = parts(value)
            own = own[self.part] if len(own) > self.part else None
            if not isinstance(own, Tensor) or tuple(own.shape) != self.shape:
                return False
            number = float(own.detach().reshape(-1)[self.place])
            if not math.isclose(number, self.number, rel_tol=_ROUGH, abs_tol=_ROUGH):
                return False
        try:
            return comparing.same_outputs(value, self.got)
        except RecursionError:  # a list that holds itself
            return False


def parts(value: Any) -> tuple:
    """Return the results of a function that returns several, or its one."""
    return value if isinstance(value, tuple) else (value,)


def mark(value: Any) -> float | str:
    """Return a number that equal results have in common, rounded; of no tensors a text."""
    try:
        tensors = running.tensors(value)
    except RecursionError:  # a list that holds itself
        return ""
    if not tensors:
        return repr(value)
    total = 0.0
    for number, tensor in enumerate(tensors):
        flat = tensor.detach().double().reshape(-1).nan_to_num(7.0, 9.0, -9.0)
        total += (flat * _ramp(flat.numel())).sum().item() * (number + 1)
    return float(f"{total:.4g}")


@functools.cache
def _ramp(length: int) -> Tensor:
    return torch.linspace(1.0, 2.0, length, dtype=torch.float64)


def value_in_time(function: Callable[..., Any], case: Sequence[Any]) -> Any:
    """Return what a function returns on copies of a case, NO_VALUE if it fails or takes long."""
    running.fresh_state()
    try:
        return running.limited(lambda: _value(function, case), LIMIT)
    except running.TookTooLong:
        return NO_VALUE


def _values(functions: Sequence[Callable[..., Any]], case: Sequence[Any]) -> list[Any]:
    """Return what each function returns on copies of a case, NO_VALUE of one that fails."""
    return [_value(function, case) for function in functions]


def _value(function: Callable[..., Any], case: Sequence[Any]) -> Any:
    try:
        with building.outputs_alone():
            return function(*running.copies(case))
    except (KeyboardInterrupt, running.TookTooLong):
        raise
    except BaseException:  # a changed answer may do anything, and a toy model's Misstep too
        return NO_VALUE


def _are_floats(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


def _returns(line: ast.stmt) -> bool:
    """Return whether a return of the function itself, and not of one inside it, is in a line."""
    if isinstance(line, ast.Return):
        return True
    if isinstance(line, ast.FunctionDef | ast.ClassDef):
        return False
    return any(_returns(part) for part in ast.iter_child_nodes(line) if isinstance(part, ast.stmt))


def _by_lines(
    arguments: ast.arguments, lines: Sequence[CodeType], names: dict[str, Any]
) -> Callable[..., Any]:
    """Return a function that runs the lines one after the other; its names serve one call."""
    own = [argument.arg for argument in arguments.args]
    missing = len(own) - len(arguments.defaults)
    usual = {
        name: ast.literal_eval(value)
        for name, value in zip(own[missing:], arguments.defaults, strict=True)
    }

    def function(*given: Any) -> Any:
        found = {**names, **usual, **dict(zip(own, given, strict=False))}
        for line in lines:
            exec(line, found)
        return found[_RETURNED]

    return function
