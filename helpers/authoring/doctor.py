"""What to send along with a question about the course: `python -m helpers doctor`.

Each part is told by itself, and what cannot be told is said to be so: the parts have to come out
on a machine where something is broken, which may be PyTorch or a package of the course. So only
the standard library is imported on top.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

import helpers
from helpers.start import KEPT, NEEDED, VARIABLES, WIDGETS, SetupError, set_threads

ROOT = Path(helpers.__file__).resolve().parents[1]
PACKAGES = (*KEPT, "matplotlib", "jupyterlab", "ipykernel", "ipywidgets", *WIDGETS, *NEEDED)
# What draws live widgets in JupyterLab: the package that brings each extension, and its folder.
EXTENSIONS = {"ipywidgets": "@jupyter-widgets/jupyterlab-manager", "anywidget": "anywidget"}
CGROUPS, OWN_CGROUP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
MEASURED_SECONDS = 0.5
HINDERED = 1.5  # times what a step takes undisturbed: below this the clock alone may be the reason


def report() -> Iterator[str]:
    """Yield the lines, each as soon as it is known; none of the parts can make it fail."""
    yield f"Attention, Measured {helpers.__version__}: what to send along with a question"
    for name, tell in PARTS.items():
        for position, line in enumerate(_or_why_not(tell).splitlines()):
            yield f"{name if position == 0 else '':<10}{line}"


def python() -> str:
    """Return the version and place of Python, and the system under it."""
    return f"{platform.python_version()} at {_short(sys.executable)}\n{platform.platform()}"


def packages() -> str:
    """Return the version of each package that a notebook needs, or that it is absent."""
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{name} ABSENT")
    return f"{', '.join(found[:5])}\n{', '.join(found[5:])}"


def places() -> str:
    """Return where the course, its data and the downloads lie, and where one may write."""

    def downloads() -> Path:
        from helpers.corpus.multi30k_download import default_folder  # which imports torch

        return default_folder()

    folders: dict[str, Callable[[], Path]] = {
        "course": lambda: ROOT,
        "data": lambda: ROOT / "data",
        "downloads": downloads,
        "here": Path.cwd,
        "scratch": lambda: Path(tempfile.gettempdir()),
    }
    states = {name: _or_why_not(partial(_state, find)) for name, find in folders.items()}
    return "\n".join(f"{name}: {state}" for name, state in states.items())


def git() -> str:
    """Return git's version and the commit of the course."""
    if shutil.which("git") is None:
        return "not installed, or not on the path"
    ask = partial(
        subprocess.run, capture_output=True, encoding="utf-8", errors="replace", timeout=5
    )
    commit = ask(["git", "-C", str(ROOT), "log", "-1", "--format=%h of %cs"]).stdout.strip()
    version = ask(["git", "--version"]).stdout.strip()
    return f"{version}; the course is at commit {commit or 'unknown (no repository)'}"


def cores() -> str:
    """Return how many cores there are, how many this process may use, and its quota of them."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else "all"
    quota = cpu_quota()
    limit = "no quota known" if quota is None else f"quota of {quota:g}"
    return f"{os.cpu_count() or 'unknown number'} visible, {allowed} allowed, {limit}"


def memory() -> str:
    """Return the memory that is free, in GB, and the container's limit where there is one."""
    import psutil  # JupyterLab's kernel brings it along

    now, limit = psutil.virtual_memory(), memory_limit()
    told = f"{now.available / 1e9:.1f} GB free of {now.total / 1e9:.1f} GB"
    if limit is not None and limit < now.total:
        told += f", of which this container may use {limit / 1e9:.1f} GB"
    return told


def threads() -> str:
    """Return how many threads torch computes with after the first cell, and who set them."""
    try:
        set_now = set_threads()
    except SetupError as error:
        return f"PyTorch is broken or missing: {error.__cause__}"
    variables = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    by = set_now.by or "the course"
    return f"{set_now.number} of torch, set by {by}; in the environment: {variables or 'none set'}"


def speed() -> str:
    """Return the seconds of a small training step beside what it takes here undisturbed.

    Undisturbed: the processor's own time for it with one thread, which does not count while
    another process has the core. So the ratio says the same on a slow machine and on a fast one.
    """
    try:
        import torch
    except Exception as error:
        return f"not measured, as PyTorch is broken or missing: {error}"
    step, number = _training_step(), torch.get_num_threads()
    waited, own = _seconds(step)
    if number > 1:
        torch.set_num_threads(1)
        try:
            _, own = _seconds(step)
        finally:
            torch.set_num_threads(number)
    return f"{1000 * waited:.1f} ms for a small training step, {verdict(waited, own, number)}"


def verdict(waited: float, own: float, number: int) -> str:
    """Say whether `waited` seconds are too many for a step that needs `own` with one thread."""
    alone = f"(undisturbed, with one thread: {1000 * own:.1f} ms)"
    if waited < HINDERED * own:
        return f"as expected {alone}"
    why = "something else is using it" + (", or too many threads" if number > 1 else "")
    return f"{waited / own:.1f} times slower than this machine can {alone}: {why}"


def live_widgets() -> str:
    """Return whether JupyterLab can draw live widgets, and if not, what is missing."""
    from jupyter_core.paths import jupyter_path

    missing = [name for name in EXTENSIONS if not _installed(name)]
    if missing:
        return f"no, tables in their place: {' and '.join(missing)} not installed in this Python"
    folders = [Path(folder) for folder in jupyter_path("labextensions")]
    for name, extension in EXTENSIONS.items():
        if not any((folder / extension).is_dir() for folder in folders):
            return f"no: JupyterLab finds no extension {extension}; install {name} anew beside it"
    return "yes in this Python's JupyterLab; other front ends bring their own extensions"


PARTS: dict[str, Callable[[], str]] = {
    "Python": python,
    "packages": packages,
    "cores": cores,
    "memory": memory,
    "git": git,
    "threads": threads,
    "places": places,
    "widgets": live_widgets,
    "speed": speed,
}


def cpu_quota() -> float | None:
    """Return how many cores' time this container may use, None where no quota is known."""
    found = []
    for folder in _cgroup_folders("cpu"):
        both = _numbers(folder / "cpu.max")
        both = both or _numbers(folder / "cpu.cfs_quota_us") + _numbers(
            folder / "cpu.cfs_period_us"
        )
        if len(both) == 2 and min(both) > 0:
            found.append(both[0] / both[1])
    return min(found, default=None)


def memory_limit() -> int | None:
    """Return the bytes of memory that this container may use, None where no limit is known."""
    found = []
    for folder in _cgroup_folders("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            found += _numbers(folder / name)
    return min(found, default=None)


def _or_why_not(tell: Callable[[], str]) -> str:
    """Return what `tell` returns; whatever is broken there, the rest of the report comes out."""
    try:
        return tell()
    except Exception as error:
        return f"cannot be told ({type(error).__name__}: {error})"


def _cgroup_folders(controller: str) -> Iterator[Path]:
    """Yield the folders of Linux's control groups, version 2 and 1, that limit this process."""
    if not OWN_CGROUP.is_file():
        return
    for line in OWN_CGROUP.read_text(encoding="utf-8").splitlines():
        _, controllers, own = line.split(":", 2)
        if controllers == "" or controller in controllers.split(","):
            # Version 1 has a tree for each controller, under its own name or that of its group.
            roots = {CGROUPS / controller, CGROUPS / controllers} if controllers else {CGROUPS}
            inside = PurePosixPath(own.lstrip("/"))
            # A group may be no folder here, where a container sees only a part of the tree.
            yield from (root / part for root in roots for part in (inside, *inside.parents))


def _numbers(path: Path) -> list[int]:
    """Return the whole numbers in a file of a control group; none where it is absent or 'max'."""
    try:
        return [int(word) for word in path.read_text(encoding="utf-8").split()]
    except (OSError, ValueError):
        return []


def _training_step() -> Callable[[], object]:
    """Return one step of training, of the kind and about the size of 02's and 04's."""
    import torch
    from torch import nn

    embedding, output = nn.Embedding(300, 64), nn.Linear(128, 300)
    gru = nn.GRU(64, 128, batch_first=True)
    parameters = [p for part in (embedding, gru, output) for p in part.parameters()]
    optimizer = torch.optim.Adam(parameters)
    words = torch.arange(32 * 13).reshape(32, 13) % 300  # (B, T + 1)

    def step() -> None:
        optimizer.zero_grad()
        states, _ = gru(embedding(words[:, :-1]))  # (B, T, H)
        scores = output(states)  # (B, T, |V|)
        nn.functional.cross_entropy(scores.flatten(0, 1), words[:, 1:].flatten()).backward()
        optimizer.step()

    return step


def _seconds(step: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of one step by the clock, and those of the processor for it."""
    step()  # the first one prepares what all others use
    clock, processor, count = time.perf_counter(), time.process_time(), 0
    while count == 0 or time.perf_counter() - clock < MEASURED_SECONDS:
        step()
        count += 1
    return (time.perf_counter() - clock) / count, (time.process_time() - processor) / count


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _state(find: Callable[[], Path]) -> str:
    """Return the folder's path and whether one can write there, tried out as Windows may lie."""
    folder = find()
    if not folder.is_dir():
        return f"{_short(folder)} (not there)"
    try:
        with tempfile.TemporaryFile(dir=folder):
            return f"{_short(folder)} (writable)"
    except OSError as error:
        return f"{_short(folder)} (NOT writable: {error.strerror})"


def _short(path: str | Path) -> str:
    """Return the path without the name of the user, which is nobody's business."""
    home = Path.home()
    inside = Path(path).is_relative_to(home) and home != Path(home.anchor)
    return str(Path("~", Path(path).relative_to(home)) if inside else path)
