"""Every notebook with its exercises solved. (Unsolved, pytest collects and runs them itself.)"""

from __future__ import annotations

import copy
import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from helpers.authoring.notebooks import NOTEBOOKS, NotebookRefused, execute, read_notebook
from helpers.exercises import REGISTRY

PATHS = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
TAG = "exercise:"
CORRECT = re.compile(r"^\W*(\w+): correct$", flags=re.MULTILINE)


def exercises(notebook: NotebookNode) -> list[str]:
    """Return the names of the exercises whose stubs are in `notebook`, such as "nb04.scores"."""
    tags = [tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])]
    return [tag.removeprefix(TAG) for tag in tags if tag.startswith(TAG)]


def solved(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of `notebook` with the source of each reference in place of its stub."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        for name in exercises(nbformat.from_dict({"cells": [cell]})):
            assert "NotImplementedError" in cell.source, f"the cell of {name} holds no stub"
            cell.source = REGISTRY[name].source
    return notebook


def unconfirmed(notebook: NotebookNode) -> list[str]:
    """Return the exercises of an executed notebook whose check did not print "correct"."""
    printed = [o.text for c in notebook.cells for o in c.get("outputs", []) if "text" in o]
    correct = set(CORRECT.findall("\n".join(printed)))
    return [name for name in exercises(notebook) if name.partition(".")[2] not in correct]


def test_there_are_notebooks() -> None:
    assert PATHS, f"no notebook in {NOTEBOOKS}"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_solved(path: Path) -> None:
    done = execute(solved(read_notebook(path)), path.parent)
    assert unconfirmed(done) == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_exercises_are_those_of_the_registry(path: Path) -> None:
    """Each exercise stands in its notebook once, as the stub that the registry gives."""
    notebook, module = read_notebook(path), f"nb{path.name[:2]}"
    assert sorted(exercises(notebook)) == sorted(n for n in REGISTRY if n.startswith(f"{module}."))
    for cell in notebook.cells:
        for name in exercises(nbformat.from_dict({"cells": [cell]})):
            assert cell.source.strip() == REGISTRY[name].stub.strip(), name


def small_notebook(name: str, check: str) -> NotebookNode:
    stub = new_code_cell(REGISTRY[name].stub, metadata={"tags": [f"{TAG}{name}"]})
    imports = "import math\nfrom collections import Counter\nimport torch"
    return new_notebook(cells=[new_code_cell(imports), stub, new_code_cell(check)])


def test_an_exercise_that_is_not_confirmed_is_found(tmp_path: Path) -> None:
    """The stub unsolved, then solved: only the second is confirmed."""
    name = sorted(REGISTRY)[0]
    module, function = name.split(".")
    lines = [
        f"import sys; sys.path.insert(0, {str(NOTEBOOKS.parent)!r})",
        f"from helpers.exercises import {module} as ex",
        f"{function} = ex.{function}.check({function})",
    ]
    notebook = small_notebook(name, "\n".join(lines))
    assert unconfirmed(execute(notebook, tmp_path)) == [name]
    assert unconfirmed(execute(solved(notebook), tmp_path)) == []


def test_a_solved_notebook_that_fails_is_found(tmp_path: Path) -> None:
    notebook = small_notebook(sorted(REGISTRY)[0], "raise ValueError('broken further down')")
    with pytest.raises(NotebookRefused, match="broken further down"):
        execute(solved(notebook), tmp_path)
