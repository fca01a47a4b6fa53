"""The first code cell of every notebook: its one source, and the course's address and version."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import TYPE_CHECKING

import helpers
from helpers.settings import ROOT

if TYPE_CHECKING:
    from nbformat import NotebookNode

TAG = "bootstrap"

# Plain Python: nothing but the standard library is sure to be there when this runs. The file that
# it looks for is this one, which no other package called `helpers` is likely to have.
_TEMPLATE = r"""
# Set-up: finds the course's helpers, or fetches them where this notebook stands alone.
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path


class CourseNotFound(RuntimeError):
    def _render_traceback_(self):  # what Jupyter shows: the message alone
        return [str(self)]


def is_course(folder):
    return (folder / "helpers/authoring/bootstrap.py").is_file()


ADDRESS, VERSION = "@ADDRESS@", "@VERSION@"
here, spec = Path.cwd(), find_spec("helpers")
installed = Path(spec.origin).parents[1] if spec and spec.origin else here
places = [here, *here.parents, here / "attention-measured", installed]
root = next(filter(is_course, places), None)
if root is None:
    root, fault = here / "attention-measured", ""
    url = os.environ.get("COURSE_ADDRESS") or ADDRESS
    ref = os.environ.get("COURSE_REF") or f"v{VERSION}"
    command = ["git", "clone", "--quiet", "--depth=1", f"--branch={ref}", url]
    os.environ["GIT_TERMINAL_PROMPT"] = "0"  # fail rather than wait for a password
    try:  # by way of a scratch folder, so that half a course is never left behind
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=here) as scratch:
            command.append(f"{scratch}/course")
            readable = {"encoding": "utf-8", "errors": "replace"}
            subprocess.run(command, check=True, capture_output=True, **readable)
            if not is_course(Path(scratch, "course")):
                raise OSError("What lies at this address is another project, not this course.")
            Path(scratch, "course").rename(root)
    except (OSError, subprocess.CalledProcessError) as error:
        fault = getattr(error, "stderr", "") or error
    if not is_course(root):  # where it is, another notebook has fetched it at the same moment
        raise CourseNotFound(
            f"The course's helpers are not here, and fetching {ref} from {url} failed:\n{fault}\n"
            f"Switch the network on (Kaggle: Settings, Internet). If {ref} is not there, take a "
            'branch: run os.environ["COURSE_REF"] = "main" in a new cell. Remove a broken folder '
            "attention-measured if there is one, and run this cell again. Without a network, open "
            "this notebook inside a copy of the whole course."
        )
    for left in here.glob(".fetching-*"):  # by a kernel that was ended while it fetched
        shutil.rmtree(left, ignore_errors=True)
sys.path.insert(0, str(root))
try:
    from helpers.start import start
except ImportError:
    raise CourseNotFound(
        f"This kernel has already imported another package called helpers: {spec.origin}\n"
        "Restart the kernel and run this cell before any other."
    ) from None
seed = start(VERSION)
"""


@cache
def address() -> str:
    """Return the course's address, from `[project.urls]` in pyproject.toml, its only home."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]["urls"]["Repository"]


def bootstrap_source() -> str:
    """Return the source of the bootstrap cell with the course's address and version filled in."""
    text = _TEMPLATE.replace("@ADDRESS@", address()).replace("@VERSION@", helpers.__version__)
    return text.strip("\n")


def put_bootstrap(notebook: NotebookNode) -> NotebookNode:
    """Write the current bootstrap cell into `notebook`, in place, and return it.

    The cell is the one tagged "bootstrap"; without one, it goes after the first cell where that
    is the Markdown title, else first. It is folded away, as a learner has no need to read it.
    """
    from nbformat.v4 import new_code_cell

    tagged = [cell for cell in notebook.cells if TAG in cell.metadata.get("tags", [])]
    if len(tagged) > 1:
        raise ValueError(f"{len(tagged)} cells have the tag {TAG!r}; expected one, remove the rest")
    if not tagged:
        cell = new_code_cell()
        after_title = bool(notebook.cells) and notebook.cells[0].cell_type == "markdown"
        notebook.cells.insert(int(after_title), cell)
        tagged = [cell]
    tagged[0].source = bootstrap_source()
    tagged[0].metadata["tags"] = [TAG]
    tagged[0].metadata["jupyter"] = {"source_hidden": True}
    return notebook
