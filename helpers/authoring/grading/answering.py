"""The process of one answer: it runs the learner's function and tells what each call did.

It has no part in the verdict. What it tells is compared by the judge in another process, so an
answer that changes PyTorch, the checks or anything else here has changed nothing there.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import linecache
import math
import os
import sys
from collections import Counter
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import helpers
from helpers.authoring.grading import confinement, wire
from helpers.authoring.grading.confinement import Limits
from helpers.exercises import REGISTRY, running
from helpers.exercises.engine import Exercise
from helpers.exercises.running import Outcome, Raised

TRAINING = -1  # the number of the case at the size of the notebook's training
_TAKEN = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom),
    *(ast.Assign, ast.AnnAssign),
)


class Work(NamedTuple):
    """What the process is given. `source`: the learner's cells; `imports`: of the other ones."""

    exercise: str
    source: str
    imports: str
    folder: str
    limits: Limits
    by_the_kernel: bool | None = None


def serve(connection: Connection, work: Work) -> None:
    """Confine this process, take the learner's function, and answer questions until it is ended.

    The first message lists what is not refused here, the second describes the function; then each
    question ("run", number, seed) or ("count", number, limit) has its answer.
    """
    _leave_everything_but(connection)
    os.chdir(work.folder)
    exercise = REGISTRY[work.exercise]
    names = _names(exercise)
    cases = [*exercise._inputs]  # before anything is refused
    running.fresh_state()
    cases.append(exercise.training_case())
    warm_up(exercise, cases[TRAINING])
    running.CLOCK_LIMIT = work.limits.by_the_clock  # a busy machine is no slip of the learner's
    confinement.confine(work.limits, work.by_the_kernel)
    file = Path(helpers.__file__).resolve()
    connection.send_bytes(wire.dumps(confinement.not_refused(file, 2 * work.limits.memory)))
    name, course = exercise.short_name, exercise.reference
    answer, fault = take(name, work.source, work.imports, names, course)
    connection.send_bytes(wire.dumps(fault or _described(answer)))
    while True:
        kind, number, setting = wire.loads(connection.recv_bytes())
        with running.preserved():
            reply = _told(exercise, answer, cases[number], kind, setting)
        connection.send_bytes(reply)


def warm_up(exercise: Exercise, case: tuple) -> None:
    """Call the course's own answer once on a case, as a notebook does before it counts any steps.

    So neither what PyTorch loads at a first call is counted, nor what the course keeps of it.
    """
    call = exercise.plain(exercise.reference)
    running.run(call, case, exercise.parameters, exercise.gradients, exercise.observe, trusted=True)


def take(
    name: str, source: str, imports: str, names: dict[str, Any], course: Any = None
) -> tuple[Any, Raised | None]:
    """Return the learner's function or class of this name, and what was raised where it was made.

    source: the cells that have the exercise's tag. Only their functions, classes, imports and named
    values are taken, so a trial call below the function does not count. imports: import statements
    of the learner's other cells, of which those are taken whose names are used. names: what the
    notebook gives. course: the course's own version, which is no answer: a check that stands below
    a wrong function leaves it under the function's name. The function is None where there is none.
    """
    file = f"<{name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    try:
        tree = ast.parse(_without_magics(source), file)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return None, Raised(type(error).__name__, str(error))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - names.keys()
    for statement in ast.parse(imports).body:
        if gives(statement) & used:
            with contextlib.suppress(Exception):  # then the function itself says what is missing
                _execute(statement, file, names)
    fault = None
    for statement in tree.body:
        if isinstance(statement, _TAKEN):
            before = names.get(name)
            try:
                _execute(statement, file, names)
                if names.get(name) is course:
                    names[name] = before
            except BaseException as error:
                fault = fault or Raised(type(error).__name__, str(error), statement.lineno)
    answer = names.get(name)
    return answer, None if answer is not None else fault


def imports_of(source: str) -> list[str]:
    """Return the import statements of a cell that stand on their own; none where it is no Python.

    An import of all names (`*`) is left out, because nobody sees which names it gives.
    """
    try:
        body = ast.parse(_without_magics(source)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return [
        ast.unparse(node)
        for node in body
        if isinstance(node, ast.Import | ast.ImportFrom) and "*" not in gives(node)
    ]


def gives(statement: ast.stmt) -> set[str]:
    """Return the names that an import statement gives; none for any other statement."""
    if not isinstance(statement, ast.Import | ast.ImportFrom):
        return set()
    return {(alias.asname or alias.name).split(".")[0] for alias in statement.names}


def _without_magics(source: str) -> str:
    """Return the source with IPython's own lines empty, so that line numbers stay."""
    lines = source.splitlines()
    return "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines)


def _execute(statement: ast.stmt, file: str, names: dict[str, Any]) -> None:
    exec(compile(ast.Module([statement], []), file, "exec"), names)


def _names(exercise: Exercise) -> dict[str, Any]:
    """Return what an answer may use without importing it: as much as its notebook has given.

    A whole is built of the course's classes and of the answers to the earlier exercises, in the
    course's versions, which a right answer equals.
    """
    names: dict[str, Any] = {"__name__": "__main__", "torch": torch, "nn": nn, "F": F, "np": np}
    names |= {"math": math, "Counter": Counter, "Tensor": Tensor}
    module = import_module(f"helpers.exercises.{exercise.name.partition('.')[0]}")
    if exercise.whole:
        names |= vars(sys.modules[exercise.reference.__module__])
    names |= {e.short_name: e.reference for e in module.EXERCISES if not e.whole}
    names.pop(exercise.short_name, None)
    return names


def _described(answer: Any) -> Any:
    """Return ("function" or "class", its signature), or ("value", what stands in its place)."""
    if not callable(answer):
        return "value", answer
    kind = "class" if isinstance(answer, type) else "function"
    try:
        return kind, inspect.signature(answer)
    except (TypeError, ValueError):
        return kind, None


def _told(exercise: Exercise, answer: Any, case: tuple, kind: str, setting: int) -> bytes:
    """Return what a call did as a message; what cannot be told is told to be so."""
    call = exercise.plain(answer)
    if kind == "run":
        more = (exercise.gradients, exercise.observe, False, setting)
        found, counted = running.run(call, case, exercise.parameters, *more), ()
    else:
        found, counter = running.counted(call, case, setting)
        counted = (counter.steps, counter.stopped)
    try:
        return wire.dumps((found, *counted))
    except Exception as error:
        fault = f"The result cannot be read ({type(error).__name__})."
        return wire.dumps((Outcome(misstep=fault), *counted))


def _leave_everything_but(connection: Connection) -> None:
    """Close what this process has inherited, and read from and print to nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    kept = connection.fileno()
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX") if hasattr(os, "sysconf") else 1024)
