"""Does Python itself loop over the data? Its steps are counted, so no clock decides.

A step is a line or a call of code outside the libraries, or an operation that it asks torch for.
Their number is the same on a busy machine, with more threads and at every run. A function that
leaves the loops to torch takes as many steps on much data as on little.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from torch.overrides import TorchFunctionMode

RATIO = 10  # a loop that the course needs too may be written with so many times its steps
FLOOR = 40  # steps: a loop over a few heads or layers, or another branch, is no loop over the data
ENOUGH = 5_000  # steps that are waited for: a loop that ends soon has a result to compare

_COURSE = str(Path(__file__).parents[1])
_PYTHON = str(Path(os.__file__).parent)


_uncounted = [False]  # whether what runs now is no step of anybody's


@contextlib.contextmanager
def uncounted() -> Iterator[None]:
    """Count no steps inside, where the course does something that is done once and kept."""
    before = _uncounted[0]
    _uncounted[0] = True
    try:
        yield
    finally:
        _uncounted[0] = before


class Enough(BaseException):
    """Raised inside a function that has taken all the steps that its counter waits for."""


class _Operations(TorchFunctionMode):
    """Counts the operations that are asked of torch from Python."""

    def __init__(self, counter: Counter) -> None:
        super().__init__()
        self.counter = counter

    def __torch_function__(self, operation, types, args=(), kwargs=None):
        self.counter.add(self._pieces(operation, args, kwargs or {}))
        return operation(*args, **(kwargs or {}))

    @staticmethod
    def _pieces(operation, args, kwargs) -> int:
        """Return the steps of an operation: 1, or a tensor's length where a loop takes it apart.

        A loop over a long tensor first makes a small tensor of each of its parts, in one operation
        that takes seconds and cannot be stopped.
        """
        if getattr(operation, "__name__", "") == "unbind" and args:
            dim = args[1] if len(args) > 1 else kwargs.get("dim", 0)
            pieces = args[0].size(dim) if args[0].dim() else 1
            return pieces if pieces > ENOUGH else 1
        return 1


class Counter:
    """Counts the steps of a call, and stops it after `limit` of them."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.steps = 0
        self.stopped = False
        self._counts: dict[CodeType, bool] = {}

    def call(self, function: Callable[[], Any]) -> Any:
        """Return `function()`. Raises Enough in it at the limit.

        A debugger's or a coverage tool's own trace function waits meanwhile.
        """
        before = sys.gettrace()
        with _Operations(self):
            sys.settrace(self._enter)
            try:
                return function()
            finally:
                sys.settrace(before)

    def add(self, steps: int = 1) -> None:
        """Count a step, or several."""
        if _uncounted[0]:
            return
        self.steps += steps
        if self.steps > self.limit:
            self.stopped = True
            raise Enough

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Callable | None:
        code = frame.f_code
        if code not in self._counts:
            self._counts[code] = not _in_a_library(code.co_filename)
        if not self._counts[code]:
            return None
        self.add()
        return self._line

    def _line(self, frame: FrameType, event: str, argument: Any) -> Callable:
        if event == "line":
            self.add()
        return self._line


def _in_a_library(file: str) -> bool:
    if file.startswith(_COURSE):  # which may itself be installed as a library
        return file == __file__
    installed = {"site-packages", "dist-packages"} & set(Path(file).parts)
    return bool(installed) or file.startswith((_PYTHON, "<frozen"))


def allowed(little: int, course_little: int, course_much: int) -> int:
    """Return how many steps on much data are no loop that the course's version could not need.

    little: the function's steps on little data. course_little, course_much: those of the course's
    version on both.
    """
    return little + RATIO * max(0, course_much - course_little) + FLOOR
