"""Call a learner's function without being hurt by it, and keep what happened.

Each call gets its own copies of the arguments, a time limit, seeded generators and a captured
standard output, and leaves nothing changed behind it. Whatever it raises is kept as a value; only
KeyboardInterrupt goes through. A function that `torch.compile` wraps is run as it was written,
because its first call would compile for seconds, and compiling does not change what is computed.
"""

from __future__ import annotations

import _thread
import contextlib
import copy
import ctypes
import dis
import functools
import importlib
import inspect
import io
import linecache
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch

from helpers.exercises.inputs import Misstep, NotWritten
from helpers.exercises.restoring import restored
from helpers.exercises.steps import ENOUGH, Counter, Enough

# Seconds of a processor for a call on a small input, so that a loop that never ends is stopped; for
# one at training size; and on top of them, for a function that calls torch.compile itself.
CALL_LIMIT, TRAINING_LIMIT, COMPILING = 2.0, 10.0, 60.0
CLOCK_LIMIT = 120.0  # seconds by the clock, for what waits: a busy machine is no endless loop
_PATIENCE = 0.3  # seconds for which the gentler way to stop a call is given a chance
_PLAIN = {torch.Tensor, int, float, bool, str}  # arguments that are copied one by one
_OWN_FOLDER = str(Path(__file__).resolve().parent)


class TookTooLong(BaseException):
    """Raised inside a call that is over its time limit."""


@dataclass
class Raised:
    """An exception of the learner's code: its type, text and the learner's own line."""

    kind: str
    text: str
    line: int | None = None  # counted from the function's first line, which is 1
    code: str = ""
    stub: bool = False  # a `raise NotImplementedError` of the learner's own


@dataclass
class Outcome:
    """What one call did. `value` is meaningful if nothing was raised and no rule was broken."""

    value: Any = None
    raised: Raised | None = None
    misstep: str = ""
    late: bool = False
    mutated: tuple[str, ...] = ()
    seen: Any = None
    gradients: dict[str, torch.Tensor | None] = field(default_factory=dict)
    detached: bool = False
    printed: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether the function did nothing yet: its stub's error, or None or ... for a result."""
        if self.raised:
            return self.raised.stub
        parts = self.value if isinstance(self.value, tuple) and self.value else (self.value,)
        return not self.misstep and not self.late and all(p is None or p is ... for p in parts)


@contextlib.contextmanager
def preserved() -> Iterator[None]:
    """Seed everything inside, leave compiled functions uncompiled, and restore everything after."""
    loaded = compiler_is_loaded()  # loading it here would take seconds
    stance = torch.compiler.set_stance("force_eager") if loaded else contextlib.nullcontext()
    with restored(), torch.inference_mode(False), stance:
        warnings.simplefilter("ignore")
        fresh_state()
        yield


def compiler_is_loaded() -> bool:
    """Return whether anybody has called torch.compile so far."""
    return "torch._dynamo" in sys.modules


def load_compiler() -> None:
    """Import what torch.compile needs, as an optimizer does at its first use; takes two seconds."""
    importlib.import_module("torch._dynamo")


def fresh_state(seed: int = 0) -> None:
    """Seed the generators, and set the default dtype and grad mode that the exercises count on."""
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)  # torch.manual_seed queues for absent devices too
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)


def _processor_clock() -> Callable[[], float]:
    """Return a function that tells any thread what this one has used of a processor, in seconds."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return time.process_time  # all the threads together
    clock = time.pthread_getcpuclockid(threading.get_ident())
    return lambda: time.clock_gettime(clock)


def limited(function: Callable[[], Any], seconds: float, by_the_clock: float | None = None) -> Any:
    """Return `function()`, or raise TookTooLong in it once it has used `seconds` of a processor.

    A busy machine makes a call longer by the clock, but not in processor time. by_the_clock:
    seconds after which the call is stopped all the same, because it may be waiting for something;
    CLOCK_LIMIT if not given.

    A watching thread raises the exception in this one, between two lines of Python, which works on
    every system and off the main thread too. If that does not help, because a power of large whole
    numbers is computed in a single call into C, a signal does it (see `_alarm`). Other long calls
    into C are waited for.
    """
    thread = ctypes.c_ulong(threading.get_ident())
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    # The exception can arrive anywhere, in the closing code as well. So that code can be called
    # again wherever it was interrupted, and uses bare locks and lists: a lock of the threading
    # module that is interrupted half-way stays shut for ever.
    finished, gone = _thread.allocate_lock(), _thread.allocate_lock()
    finished.acquire()
    gone.acquire()
    watcher_ended: list[bool] = []
    closed: list[bool] = []
    used = _processor_clock()
    start = used()
    until = time.monotonic() + (CLOCK_LIMIT if by_the_clock is None else by_the_clock)
    may_load_compiler = not compiler_is_loaded()

    def left() -> float:
        compiles = may_load_compiler and compiler_is_loaded()
        budget = seconds + COMPILING * compiles
        return min(budget - (used() - start), until - time.monotonic())

    def watch() -> None:
        wait = seconds
        while not finished.acquire(timeout=wait):
            wait = left()
            if wait <= 0:
                raise_in(thread, ctypes.py_object(TookTooLong))
                wait = 0.1  # again, in case a destructor or the code itself swallowed the first
        watcher_ended.append(True)
        gone.release()

    def close() -> None:
        if not watcher_ended and finished.locked():
            finished.release()
        while not watcher_ended:
            gone.acquire(timeout=0.05)
        for _ in range(10):  # one that is still on its way arrives at a jump like this loop's.
            pass  # (Taking it back with NULL would leave Python 3.11 looking for it for ever.)
        closed.append(True)

    with _quiet_destructors(), _alarm(seconds, left):
        _thread.start_new_thread(watch, ())
        try:
            try:
                return function()
            finally:
                close()
        except TookTooLong:
            while not closed:
                try:
                    close()
                except TookTooLong:
                    continue
            raise


@contextlib.contextmanager
def _alarm(seconds: float, left: Callable[[], float]) -> Iterator[None]:
    """Raise TookTooLong in this thread by a signal once left() is well below 0.

    A power of large whole numbers is one call into C, in which no other thread can run; but it
    looks for signals. They reach the main thread only, and on Windows there is no such timer.
    seconds: after which left() is asked for the first time.
    """
    possible = hasattr(signal, "setitimer") and (
        threading.current_thread() is threading.main_thread()
    )
    if not possible or signal.getitimer(signal.ITIMER_REAL)[0]:  # or somebody else's is running
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        if left() < -_PATIENCE:
            raise TookTooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds + _PATIENCE, _PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if before is None else before)


@contextlib.contextmanager
def _quiet_destructors() -> Iterator[None]:
    """Say nothing of a TookTooLong that Python delivered inside a destructor and dropped there."""
    usual = sys.unraisablehook

    def hook(dropped: Any) -> None:
        if dropped.exc_type is not TookTooLong:
            usual(dropped)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = usual


def copies(args: Sequence[Any]) -> list[Any]:
    """Return a deep copy of the arguments: new tensors, new lists, new toy models."""
    if all(type(value) in _PLAIN for value in args):  # copy.deepcopy takes three times as long
        return [value.clone() if type(value) is torch.Tensor else value for value in args]
    return copy.deepcopy(list(args))


def run(
    function: Callable[..., Any],
    args: Sequence[Any],
    names: Sequence[str],
    gradients: Sequence[str] = (),
    observe: Callable[..., Any] | None = None,
    trusted: bool = False,
    seed: int = 0,
    ends: bool | None = None,
) -> Outcome:
    """Call `function` on copies of `args` and return what it did.

    names: the parameters' names, one for each argument. gradients: the names of those whose
    gradient is looked at, in a second call (of a fixed random combination of the returned numbers).
    observe: given the arguments after the call, returns what toy models saw. trusted: whether it is
    the course's own function, behind which nothing has to be put back. ends: whether it needs no
    time limit; as the course's own, if not given. seed: of the generators, before each call.
    """
    ends = trusted if ends is None else ends
    outcome, used = _call(function, copies(args), trusted, seed, ends)
    if outcome.raised or outcome.misstep or outcome.late:
        return outcome
    outcome.mutated = tuple(n for n, a, b in zip(names, args, used, strict=False) if _changed(a, b))
    outcome.seen = observe(*used) if observe else None
    if gradients and not outcome.mutated:
        fresh = copies(args)
        leaves = {name: fresh[names.index(name)].requires_grad_() for name in gradients}
        with_grad, _ = _call(function, fresh, trusted, seed, ends)
        if with_grad.raised or with_grad.misstep or with_grad.late:
            return with_grad
        after = contextlib.nullcontext() if trusted else restored(generators=False)
        with after:  # a torch.autograd.Function of the learner's runs here
            _add_gradients(outcome, with_grad.value, leaves)
    return outcome


def counted(
    function: Callable[..., Any], args: Sequence[Any], limit: int = ENOUGH
) -> tuple[Outcome, Counter]:
    """Call `function` on copies of `args` and return what it did, and its steps up to `limit`."""
    counter = Counter(limit)
    outcome, _ = _call(function, copies(args), counter=counter)
    return outcome, counter


def _call(
    function: Callable[..., Any],
    args: list[Any],
    trusted: bool = False,
    seed: int = 0,
    ends: bool = False,
    counter: Counter | None = None,
) -> tuple[Outcome, list[Any]]:
    outcome, printed = Outcome(), io.StringIO()
    fresh_state(seed)  # before each call, so the generators need not be put back behind it
    after = contextlib.nullcontext() if trusted else restored(generators=False)
    try:
        with after, contextlib.redirect_stdout(printed):
            if counter:
                call = functools.partial(counter.call, lambda: function(*args))
                outcome.value = limited(call, TRAINING_LIMIT)
            elif ends:
                outcome.value = function(*args)
            else:
                outcome.value = limited(lambda: function(*args), CALL_LIMIT)
    except KeyboardInterrupt:
        raise
    except TookTooLong:
        outcome.late = True
    except Misstep as broken:
        outcome.misstep = str(broken)
    except NotWritten as empty:
        outcome.raised = Raised(type(empty).__name__, str(empty), stub=True)
    except Enough:
        pass  # the counter knows
    except BaseException as error:
        outcome.raised = describe(error, function)
    outcome.printed = printed.getvalue()
    return outcome, args


def _add_gradients(outcome: Outcome, value: Any, leaves: dict[str, torch.Tensor]) -> None:
    results = [t for t in tensors(value) if t.requires_grad and t.is_floating_point()]
    outcome.detached = not results
    if not results:
        return
    generator = torch.Generator().manual_seed(1)
    total = sum((t * torch.randn(t.shape, generator=generator).to(t)).sum() for t in results)
    try:
        found = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    except Exception as error:
        outcome.raised = Raised(type(error).__name__, f"in the backward pass: {error}")
    else:
        outcome.gradients = dict(zip(leaves, found, strict=True))


def tensors(value: Any) -> list[torch.Tensor]:
    """Return the tensors in a result: itself, or those in its tuple or list."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, tuple | list):
        return [tensor for part in value for tensor in tensors(part)]
    return []


def _changed(before: Any, after: Any) -> bool:
    if isinstance(before, torch.Tensor):
        return not (before.dtype == after.dtype and torch.equal(before, after))
    return isinstance(before, list | set | dict) and before != after


def describe(error: BaseException, function: Callable[..., Any]) -> Raised:
    """Keep an exception as a value, with the deepest line that lies in the learner's own code."""
    try:
        text = str(error)
    except Exception:
        text = "(its message cannot be shown)"
    frames, trace = [], error.__traceback__
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    files = _files(inspect.unwrap(function))
    own = [f for f in frames if f.tb_frame.f_code.co_filename in files]
    if not own:
        own = [f for f in frames if not f.tb_frame.f_code.co_filename.startswith(_OWN_FOLDER)][:1]
    if not own:
        return Raised(type(error).__name__, text)
    last = own[-1]
    frame_code = last.tb_frame.f_code
    source = linecache.getline(frame_code.co_filename, last.tb_lineno, last.tb_frame.f_globals)
    # torch raises NotImplementedError too ("not implemented for 'Long'"): only a raise statement
    # of the learner's own means that the exercise was not attempted.
    own_raise = (
        last is frames[-1] and dis.opname[frame_code.co_code[last.tb_lasti]] == "RAISE_VARARGS"
    )
    return Raised(
        type(error).__name__,
        text,
        last.tb_lineno - frame_code.co_firstlineno + 1,
        source.strip(),
        stub=isinstance(error, NotImplementedError) and own_raise,
    )


def _files(answer: Any) -> set[str]:
    """Return the names of the files, or notebook cells, that a function or a class stands in."""
    parts = list(vars(answer).values()) if isinstance(answer, type) else [answer]
    return {part.__code__.co_filename for part in parts if hasattr(part, "__code__")}
