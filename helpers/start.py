"""What the first cell of every notebook does once the course is found: check, install, seed."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import helpers

# Small packages that Colab or Kaggle may lack. PyTorch and NumPy are never installed or changed:
# replacing them under a running kernel breaks it, and a GPU build would be lost.
NEEDED = ("tqdm", "sacrebleu", "pooch")
WIDGETS = ("anywidget",)
KEPT = ("torch", "numpy")

# By hand of the reader; where both are set, torch takes the first.
VARIABLES = ("MKL_NUM_THREADS", "OMP_NUM_THREADS")
_thread_is_ours = False  # the number that torch has now was set here


class SetupError(RuntimeError):
    """The course cannot start here; the message says what to do."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows: the message alone, as the code is not what went wrong."""
        return [f"The course cannot start yet.\n\n{self}"]


class Threads(NamedTuple):
    """How many threads torch computes with, and who set the number ("" for the course)."""

    number: int
    by: str

    def __str__(self) -> str:
        if self.number == 1:
            return "1 thread"
        return f"{self.number} threads ({self.by})"


def start(version: str = helpers.__version__) -> int:
    """Make this kernel ready for a notebook and return the seed of the run.

    version: the version of the course that the notebook belongs to.
    Checks that PyTorch and NumPy are there, installs small packages that are missing, sets the
    number of threads, seeds Python, NumPy and PyTorch, and prints one line. Raises SetupError,
    saying what to do.
    """
    lacking = [name for name in KEPT if find_spec(name) is None]
    if lacking:
        raise SetupError(
            f"This kernel's Python lacks {' and '.join(lacking)}: {sys.executable}\n"
            "Install the course as README.md says, and open the notebook with the JupyterLab of "
            "that environment."
        )
    install_missing(NEEDED, WIDGETS)
    threads = set_threads()
    from helpers.settings import DEVICE, seed_everything

    try:
        seed = seed_everything()
    except ValueError as error:
        raise SetupError(str(error)) from None
    print(f"Attention, Measured {helpers.__version__} · seed {seed} · {DEVICE} · {threads}")
    if version != helpers.__version__:
        print(
            f"This notebook belongs to version {version}, the helpers in "
            f"{Path(helpers.__file__).parent.name}/ to {helpers.__version__}. "
            "Take both from the same version if a cell fails."
        )
    return seed


def set_threads() -> Threads:
    """Let torch compute with one thread, unless the reader has set a number by hand.

    The models of the course are small: a second thread takes a quarter off a training step of 04,
    on a machine that does nothing else. Where another process uses its core, or a container may
    use only a part of the cores that it sees, the two wait for each other, and the step takes up
    to 200 times as long.

    By hand: OMP_NUM_THREADS or MKL_NUM_THREADS in the environment, or torch.set_num_threads,
    called since the course set its one thread, or before with a number that torch does not choose
    itself. Raises SetupError if torch cannot be imported.
    """
    global _thread_is_ours
    may_be_the_readers = "torch" in sys.modules
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a library that Windows cannot load
        raise SetupError(
            f"PyTorch is in this Python but cannot be imported: {sys.executable}\n"
            f"It says: {error}\nInstall it anew as README.md says. When you ask for help, send "
            "along what `python -m helpers doctor` prints."
        ) from error
    number = torch.get_num_threads()
    for name in VARIABLES:
        first = os.environ.get(name, "").split(",")[0].strip()
        if first.isdecimal() and int(first) > 0:
            return Threads(number, f"{name}={os.environ[name]}")
    if number != 1 and may_be_the_readers and (_thread_is_ours or number != _torch_default()):
        return Threads(number, "torch.set_num_threads")
    torch.set_num_threads(1)
    _thread_is_ours = True
    return Threads(1, "")


def _torch_default() -> int | None:
    """Return the number of threads that torch chooses itself, None if that cannot be found out.

    Only a new Python can tell: the number depends on cores, hyper-threading and the build.
    """
    command = [sys.executable, "-c", "import torch; print(torch.get_num_threads())"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    return int(done.stdout) if done.returncode == 0 else None


def install_missing(needed: tuple[str, ...], optional: tuple[str, ...] = ()) -> list[str]:
    """Install the packages that cannot be imported, and return their names.

    The installed PyTorch and NumPy are passed to pip as constraints, so that they stay as they
    are. Raises SetupError if one of `needed` cannot be had; a missing `optional` one is announced.
    """
    missing = [name for name in needed if find_spec(name) is None]
    if missing and (fault := _pip_install(missing)):
        raise SetupError(
            f"These packages are missing and could not be installed: {', '.join(missing)}\n"
            f"pip said: {fault}\n"
            "Is there a network? On Kaggle, switch on Internet in the notebook's settings. "
            f"Or install them yourself: pip install {' '.join(missing)}"
        )
    extras = [name for name in optional if find_spec(name) is None]
    if extras and (fault := _pip_install(extras)):
        print(f"Without {', '.join(extras)} you see tables in place of interactive maps. ({fault})")
        extras = []
    return missing + extras


def _pip_install(names: list[str]) -> str:
    """Return '' if pip installed `names`, else the line that says why not."""
    print(f"Installing {', '.join(names)} ...")
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "constraints.txt"
        kept = (f"{name}=={importlib.metadata.version(name)}\n" for name in KEPT)
        constraints.write_text("".join(kept), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--retries=1", "--timeout=15"]
        command += ["--no-input", f"--constraint={constraints}", *names]
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL
        )
    importlib.invalidate_caches()
    return _fault(done.stderr, done.returncode) if done.returncode else ""


def _fault(said: str, status: int) -> str:
    """Return the last error in what pip said on stderr, else its last line that is no notice."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    others = [line for line in lines if not line.startswith(("[notice]", "WARNING"))]
    return (errors or others or [f"exit status {status}"])[-1]
