"""What the first cell of every notebook does once the course is found: check, install, seed."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import helpers

# Small packages that Colab or Kaggle may lack. PyTorch and NumPy are never installed or changed:
# replacing them under a running kernel breaks it, and a GPU build would be lost.
NEEDED = ("tqdm", "sacrebleu", "pooch")
WIDGETS = ("anywidget",)
KEPT = ("torch", "numpy")


class SetupError(RuntimeError):
    """The course cannot start here; the message says what to do."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows: the message alone, as the code is not what went wrong."""
        return [f"The course cannot start yet.\n\n{self}"]


def start(version: str = helpers.__version__) -> int:
    """Make this kernel ready for a notebook and return the seed of the run.

    version: the version of the course that the notebook belongs to.
    Checks that PyTorch and NumPy are there, installs small packages that are missing, seeds
    Python, NumPy and PyTorch, and prints one line. Raises SetupError, saying what to do.
    """
    lacking = [name for name in KEPT if find_spec(name) is None]
    if lacking:
        raise SetupError(
            f"This kernel's Python lacks {' and '.join(lacking)}: {sys.executable}\n"
            "Install the course as README.md says, and open the notebook with the JupyterLab of "
            "that environment."
        )
    install_missing(NEEDED, WIDGETS)
    from helpers.settings import DEVICE, seed_everything

    seed = seed_everything()
    print(f"Attention, Measured {helpers.__version__} · seed {seed} · {DEVICE}")
    if version != helpers.__version__:
        print(
            f"This notebook belongs to version {version}, the helpers in "
            f"{Path(helpers.__file__).parent.name}/ to {helpers.__version__}. "
            "Take both from the same version if a cell fails."
        )
    return seed


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
    """Return '' if pip installed `names`, else the last line of what it said."""
    print(f"Installing {', '.join(names)} ...")
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "constraints.txt"
        kept = (f"{name}=={importlib.metadata.version(name)}\n" for name in KEPT)
        constraints.write_text("".join(kept), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--retries=1", "--timeout=15"]
        command += ["--no-input", f"--constraint={constraints}", *names]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    importlib.invalidate_caches()
    lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
    return lines[-1] if done.returncode else ""
