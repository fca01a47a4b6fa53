"""The judge of an answer that runs in another process: the exercise's own checks, from afar.

The judge holds the inputs and the expected results, and asks the other process for what each call
did. So the same verdict is found as in a notebook, and nothing in the judge's process can be
reached by the answer.
"""

from __future__ import annotations

import dataclasses
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from inspect import Signature
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

from helpers.authoring import Refused
from helpers.authoring.grading import wire
from helpers.authoring.grading.answering import TRAINING, Work, serve, warm_up
from helpers.authoring.grading.confinement import Limits
from helpers.exercises import REGISTRY, running
from helpers.exercises.comparing import wrap
from helpers.exercises.engine import CORRECT, RAISED, Exercise, Verdict
from helpers.exercises.running import Outcome, Raised
from helpers.exercises.steps import ENOUGH, Counter

STOPPED = "stopped"  # a verdict beside the five of `check`: the process ended, or was ended
# A process that has PyTorch imported already begins the others; it never runs an answer itself.
_CONTEXT = get_context("forkserver" if "forkserver" in get_all_start_methods() else "spawn")


class Judged(NamedTuple):
    """The verdict on an answer, the seconds that it took, and what its process could have done."""

    verdict: Verdict
    seconds: float
    not_refused: tuple[str, ...] = ()


class Judge:
    """Judges the answers to one exercise, each in a process of its own.

    limits: of each answer. by_the_kernel: as for `confinement.confine`.
    """

    def __init__(self, name: str, limits: Limits, by_the_kernel: bool | None = None) -> None:
        self.exercise = _from_afar(REGISTRY[name])
        self.limits, self.by_the_kernel = limits, by_the_kernel
        if hasattr(_CONTEXT, "set_forkserver_preload"):
            _CONTEXT.set_forkserver_preload([serve.__module__])

    def prepare(self) -> Judged:
        """Judge the course's own answer, which shows that the limits leave enough to a right one.

        Raises Refused if they do not.
        """
        with running.preserved():
            warm_up(self.exercise, self.exercise.training_case())
        judged = self.judge(self.exercise.source, "")
        if judged.verdict.kind != CORRECT:
            raise Refused(
                f"Under these limits the course's own answer to {self.exercise.name} is judged "
                f'"{judged.verdict.kind}" ({" ".join(judged.verdict.message.split())}). Raise '
                "--seconds or --memory. If that does not help, send the line along with a question."
            )
        return judged

    def judge(self, source: str, imports: str) -> Judged:
        """Judge an answer. source: the learner's cells; imports: those of the other cells."""
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="answer-") as folder:
            work = Work(
                self.exercise.name, source, imports, folder, self.limits, self.by_the_kernel
            )
            with _Process(work) as process:
                verdict = self._verdict(process)
        return Judged(verdict, time.monotonic() - start, process.not_refused)

    def _verdict(self, process: _Process) -> Verdict:
        try:
            answer = process.begin()
        except _Ended as ended:
            return Verdict(STOPPED, wrap(str(ended)))
        if isinstance(answer, Raised):
            line = f" (line {answer.line})" if answer.line else ""
            return Verdict(RAISED, wrap(f"{answer.kind}: {answer.text[:400]}{line}"))
        self.exercise.process = process
        verdict = self.exercise.verdict(answer)
        # The engine gives a verdict whatever happens, but no result was there to be judged.
        return Verdict(STOPPED, wrap(process.ended)) if process.ended else verdict


class _Ended(Exception):
    """The process of the answer has ended, or was ended; the text says why."""


class _FromAfar(Exercise):
    """An exercise whose answer is asked for the results of its calls in another process."""

    process: _Process | None = None

    def _run(
        self, function: Callable[..., Any], case: tuple, trusted: bool = True, seed: int = 0
    ) -> Outcome:
        if not _stands_in(function):
            return super()._run(function, case, trusted, seed)
        return self.process.outcome("run", self._number(case), seed)[0]

    def _counted(
        self, function: Callable[..., Any], case: tuple, limit: int = ENOUGH
    ) -> tuple[Outcome, Counter]:
        if not _stands_in(function):
            return super()._counted(function, case, limit)
        outcome, steps, stopped = self.process.outcome("count", self._number(case), limit)
        counter = Counter(limit)
        counter.steps, counter.stopped = steps, stopped
        return outcome, counter

    def _number(self, case: tuple) -> int:
        numbers = (number for number, known in enumerate(self._inputs) if known is case)
        return next(numbers, TRAINING)


def _from_afar(exercise: Exercise) -> _FromAfar:
    parts = (part.name for part in dataclasses.fields(exercise) if part.init)
    return _FromAfar(**{name: getattr(exercise, name) for name in parts})


class _StandIn:
    """What the engine is given in place of the learner's function; its process makes the calls."""

    def __init__(self, signature: Signature | None) -> None:
        self.__signature__ = signature

    def __call__(self, *arguments: Any) -> Any:
        raise AssertionError("the call of an answer belongs into its own process")


def _stands_in(function: Any) -> bool:
    return isinstance(function, _StandIn) or (
        isinstance(function, type) and issubclass(function, _StandIn)
    )


class _Process:
    """The process of one answer; a context that ends it, whatever it does."""

    def __init__(self, work: Work) -> None:
        self.limits, self.ended = work.limits, ""
        self.not_refused: tuple[str, ...] = ()
        self._connection, theirs = _CONTEXT.Pipe()
        self._process: BaseProcess = _CONTEXT.Process(target=serve, args=(theirs, work))
        self._process.start()
        theirs.close()
        self._late = False
        self._clock = threading.Timer(work.limits.by_the_clock, self._ring)
        self._clock.daemon = True

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, *error: object) -> None:
        self._clock.cancel()
        self._process.kill()
        self._process.join()
        self._connection.close()

    def begin(self) -> Any:
        """Return what stands in for the learner's function, or the error where it was made."""
        found = self._receive()
        if not isinstance(found, list) or not all(isinstance(what, str) for what in found):
            raise self._end("It sent something else than was asked for.")
        self.not_refused = tuple(found)
        self._clock.start()  # what was done so far was no doing of the learner's
        told = self._receive()
        if isinstance(told, Raised):
            return told
        match told:
            case ("value", value):
                return value
            case ("function", Signature() | None as signature):
                return _StandIn(signature)
            case ("class", Signature() | None as signature):
                return type("Answer", (_StandIn,), {"__signature__": signature})
        raise self._end("It sent something else than was asked for.")

    def outcome(self, kind: str, number: int, setting: int) -> tuple:
        """Ask for a call, and return (Outcome,), and after a "count" its steps and whether it
        was stopped."""
        if self.ended:
            raise _Ended(self.ended)
        try:
            self._connection.send_bytes(wire.dumps((kind, number, setting)))
        except OSError:
            raise self._end(self._why()) from None
        match self._receive():
            case (Outcome(),) as told if kind == "run":
                return told
            case (Outcome(), int() as steps, bool()) as told if kind == "count" and steps >= 0:
                return told
        raise self._end("It sent something else than was asked for.")

    def _receive(self) -> Any:
        try:
            return wire.loads(self._connection.recv_bytes(wire.LARGEST))
        except (EOFError, OSError):
            raise self._end(self._why()) from None
        except wire.BadMessage:
            raise self._end("It sent something else than was asked for.") from None

    def _end(self, reason: str) -> _Ended:
        self.ended = reason
        return _Ended(reason)

    def _ring(self) -> None:
        self._late = True
        self._process.kill()

    def _why(self) -> str:
        """Return why there is no more to be heard of the process."""
        self._process.join(timeout=1)
        status = self._process.exitcode
        if self._late:
            return f"It took more than {self.limits.by_the_clock:g} seconds and was stopped."
        if status is None:
            return "It sent more than a result can be."
        if status in (-signal.SIGXCPU, -signal.SIGKILL) if hasattr(signal, "SIGXCPU") else ():
            return (
                f"It took more than {self.limits.seconds} seconds of processor time, or all the "
                "memory of this machine, and was stopped."
            )
        if status < 0:
            return f"Its process crashed ({signal.strsignal(-status)})."
        return f"It ended its own process, with exit status {status}."
