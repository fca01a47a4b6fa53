"""Execute notebooks under seeds and collect what they claim; what is done is not done again.

A run is one notebook under one seed, with a saboteur or without. It takes seconds to minutes, and
leaves one small file in build/ledger. The file's name holds a checksum of the code that the run
depends on, so that a changed notebook is run anew, and an interrupted ledger goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from helpers.authoring import Refused
from helpers.authoring.ledger import saboteurs
from helpers.authoring.ledger.stated import claims_in, without_bounds
from helpers.authoring.notebooks import (
    NOTEBOOKS,
    NotebookRefused,
    environment,
    execute,
    find_notebook,
    read_notebook,
)
from helpers.results import results_path
from helpers.settings import ROOT

RUNS = ROOT / "build" / "ledger"
CELL_SECONDS = 3600  # a busy machine is no reason to lose a run
# What draws, explains and judges answers has no part in the value of a claim.
SHELVES = ("corpus", "models", "tasks", "analysis")
_RECORD = re.compile(r'load_results\("(\d\d)"\)')


class LedgerRefused(Refused):
    """The ledger cannot be made as asked, or a claim does not hold; the message says which."""


@dataclass(frozen=True)
class Task:
    """What to run: the notebook's number, the seed, and the saboteur's name or ''."""

    notebook: str
    seed: int
    saboteur: str = ""

    def __str__(self) -> str:
        return f"{self.notebook} seed {self.seed}{' · ' * bool(self.saboteur)}{self.saboteur}"


@dataclass(frozen=True)
class Run:
    """What a run gave: its claims as `COURSE_CLAIMS` records them, its seconds, its faults.

    faults: what went wrong besides claims, such as an assert that failed, a line for each cell.
    """

    task: Task
    claims: list[dict[str, Any]]
    seconds: float
    faults: list[str]


def run_all(
    tasks: Sequence[Task],
    jobs: int = 1,
    folder: Path = RUNS,
    notebooks: Path = NOTEBOOKS,
    say: Callable[[str], None] = print,
) -> list[Run]:
    """Return the runs of all tasks, in their order; those that are stored are not made again.

    jobs: how many at a time, each with one thread. folder: where runs are stored. say: is told of
    each run, and how long the rest will take. An interruption loses only the runs that were under
    way. A fault without a saboteur is no run: it is told, and raised when all others are done.
    Raises LedgerRefused for such faults, and for jobs below 1.
    """
    if jobs < 1:
        raise LedgerRefused(f"--jobs is {jobs}; expected 1 or more")
    stored = {task: _stored(task, folder, notebooks) for task in tasks}
    runs = {task: run for task, run in stored.items() if run}
    left = [task for task in stored if task not in runs]
    if runs:
        say(f"{len(runs)} of {len(stored)} runs are stored in {folder}")
    faults: list[str] = []
    for run in _made(left, jobs, folder, notebooks):
        runs[run.task] = run
        if run.faults and not run.task.saboteur:
            faults += [f"{run.task}: {fault}" for fault in run.faults]
        say(_progress(run, len(runs), [t for t in stored if t not in runs], runs, jobs))
    if faults:
        raise LedgerRefused("a notebook does not run to its end:\n" + "\n".join(faults))
    return [runs[task] for task in stored]


def _made(tasks: list[Task], jobs: int, folder: Path, notebooks: Path) -> Iterator[Run]:
    """Yield the runs of the tasks as they are done."""
    if jobs == 1 or len(tasks) < 2:
        yield from (make(task, folder, notebooks) for task in tasks)
        return
    # A process for each worker, because nbclient and the environment of a run are its own.
    pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))
    try:
        futures = [pool.submit(make, task, folder, notebooks) for task in tasks]
        yield from (future.result() for future in as_completed(futures))
    finally:
        pool.shutdown(cancel_futures=True)


def make(task: Task, folder: Path = RUNS, notebooks: Path = NOTEBOOKS) -> Run:
    """Execute one task and store its run, unless something went wrong that no saboteur explains."""
    path = find_notebook(task.notebook, notebooks)
    with tempfile.TemporaryDirectory() as scratch:
        claims = Path(scratch, "claims.jsonl")
        began = time.perf_counter()
        notebook = prepared(read_notebook(path), task)
        try:
            with environment(COURSE_CLAIMS=str(claims)):
                done = execute(notebook, path.parent, task.seed, CELL_SECONDS, go_on=True)
            faults = list(_faults(done))
        except NotebookRefused as refusal:  # a cell took too long, or the kernel died
            faults = [str(refusal)]
        seconds = time.perf_counter() - began
        lines = claims.read_text(encoding="utf-8").splitlines() if claims.exists() else []
    run = Run(task, [json.loads(line) for line in lines], seconds, faults)
    if task.saboteur or not run.faults:
        _store(run, folder, notebooks)
    return run


def prepared(notebook: NotebookNode, task: Task) -> NotebookNode:
    """Return `notebook` with a cell behind the bootstrap cell that lets no claim stop it.

    With a saboteur it ends behind the last cell that states a claim which the saboteur breaks.
    """
    cells = list(notebook.cells)
    if task.saboteur:
        broken = [f'"{claim}"' for claim in saboteurs.SABOTEURS[task.saboteur].breaks]
        last = max(i for i, c in enumerate(cells) if any(claim in c.source for claim in broken))
        cells = cells[: last + 1]
    tags = [cell.metadata.get("tags", []) for cell in cells]
    first = next((i for i, names in enumerate(tags) if "bootstrap" in names), -1)
    given = f"{task.saboteur!r}, {task.notebook!r}" if task.saboteur else ""
    source = f"from helpers.authoring.ledger.preparing import prepare\n\nprepare({given})"
    cells.insert(first + 1, new_code_cell(source))
    return NotebookNode({**notebook, "cells": cells})


def code_of(task: Task, notebooks: Path = NOTEBOOKS) -> str:
    """Return the checksum of all code that the values of a task's claims depend on."""
    notebook = read_notebook(find_notebook(task.notebook, notebooks))
    cells = [without_bounds(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    own = [results_path(number) for number in sorted({*_RECORD.findall("\n".join(cells))})]
    own += sorted((ROOT / "helpers" / "exercises").glob(f"nb{task.notebook}/*.py"))
    digest = hashlib.sha256(_code_of_helpers())
    if task.saboteur:
        digest.update(saboteurs.code_of(task.saboteur, task.notebook).encode())
    for part in [*cells, *(path.read_text(encoding="utf-8") for path in own if path.is_file())]:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:16]


@cache
def _code_of_helpers() -> bytes:
    folder = ROOT / "helpers"
    paths = [*folder.glob("*.py"), *(p for s in SHELVES for p in (folder / s).rglob("*.py"))]
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.read_bytes())
    return digest.digest()


def _faults(notebook: NotebookNode) -> Iterable[str]:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                lines = output.evalue.strip().splitlines() or [""]
                yield f"cell {cell.get('id')}: {output.ename}: {lines[0]}"


def _path(task: Task, folder: Path, notebooks: Path) -> Path:
    saboteur = f"-{task.saboteur.replace(' ', '_')}" if task.saboteur else ""
    return folder / f"{task.notebook}-{task.seed}{saboteur}-{code_of(task, notebooks)}.json"


def _store(run: Run, folder: Path, notebooks: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = _path(run.task, folder, notebooks)
    scratch = path.with_suffix(".part")
    scratch.write_text(json.dumps(asdict(run), indent=1, ensure_ascii=False), encoding="utf-8")
    os.replace(scratch, path)


def _stored(task: Task, folder: Path, notebooks: Path) -> Run | None:
    path = _path(task, folder, notebooks)
    if not path.is_file():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    stated = claims_in(read_notebook(find_notebook(task.notebook, notebooks)))
    bands = {one.claim: one.band for one in stated}
    claims = [said | {"band": bands[said["claim"]](said["band"])} for said in kept["claims"]]
    return Run(task, claims, kept["seconds"], kept["faults"])


def _progress(run: Run, done: int, left: list[Task], runs: dict[Task, Run], jobs: int) -> str:
    """Return a line for a run that is done: what it gave, and how long the rest will take."""
    timed: dict[str, list[float]] = {}
    for other in runs.values():
        timed.setdefault(other.task.notebook, []).append(other.seconds)
    usual = mean(mean(seconds) for seconds in timed.values())
    seconds = sum(mean(timed.get(task.notebook, [usual])) for task in left) / jobs
    rest = f"about {duration(seconds)} left" if left else "all done"
    return (
        f"{done} of {done + len(left)} · {run.task}: {len(run.claims)} claims, "
        f"{run.seconds:.0f} s · {rest}"
    )


def duration(seconds: float) -> str:
    """Return a time in words, such as "2 h 40 min" or "35 s"."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
