"""Is a correct function fast enough? A ratio to the reference, fair on a busy machine."""

from __future__ import annotations

import contextlib
import io
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from helpers.exercises.running import TookTooLong, copies, limited

LIMIT_RATIO = 3.0  # more than this many times the reference is slow
FLOOR = 2e-4  # seconds: a difference below this per call is never felt, and is mostly noise
_FIRST_LIMITS = (0.4, 1.0)  # seconds for the first call at training size, and for a second chance
_PLAINLY_SLOW = (
    0.2,
    10.0,
)  # a call this long and this many times the reference needs no more proof
_ROUNDS, _REPEATS, _BUDGET = 2, 12, 0.4  # rounds of repeated calls, each at most so many seconds


def slowness(
    function: Callable[..., Any], reference: Callable[..., Any], args: Sequence[Any]
) -> float:
    """Return how many times slower than `reference` the function is, 0.0 if fast enough.

    args: arguments at training size. A function that had to be stopped, twice, gives infinity.
    Noise only ever makes a call longer: so the best of several calls counts, the two functions take
    turns, and "slow" is said only after a second round has confirmed it. Takes about 2 seconds at
    most. Raises what the function raises.
    """
    own, course = copies(args), copies(args)
    reference(*course)  # warm up
    best_course = _seconds(reference, course)
    best_own = _seconds(function, own, _FIRST_LIMITS[0])
    if math.isinf(best_own):
        best_own = _seconds(function, own, _FIRST_LIMITS[1])
    if best_own > _PLAINLY_SLOW[0] and best_own > _PLAINLY_SLOW[1] * best_course:
        return best_own / best_course
    for _ in range(_ROUNDS):
        if _fast(best_own, best_course):
            return 0.0
        until = time.perf_counter() + _BUDGET
        best_own = best_course = math.inf
        for _ in range(_REPEATS):
            best_course = min(best_course, _seconds(reference, course))
            best_own = min(best_own, _seconds(function, own, _FIRST_LIMITS[1]))
            if time.perf_counter() > until:
                break
    return 0.0 if _fast(best_own, best_course) else best_own / best_course


def _fast(own: float, course: float) -> bool:
    return own <= LIMIT_RATIO * course or own - course < FLOOR


def _seconds(function: Callable[..., Any], args: list[Any], limit: float = math.inf) -> float:
    """Return the seconds of one call, infinity if it had to be stopped."""

    def timed() -> float:
        start = time.perf_counter()
        function(*args)
        return time.perf_counter() - start

    with contextlib.redirect_stdout(io.StringIO()):
        if math.isinf(limit):
            return timed()
        try:
            return limited(timed, limit)
        except TookTooLong:
            return math.inf
