"""Every notebook with its exercises solved. (Unsolved, pytest collects and runs them itself.)

pytest's own run trains the models and judges every claim. Solved, the learner's functions take the
place of the course's, which the exercises' checks hold to be equal; whether the cells work with
them is asked with brief trainings, and on the core route alone. `-m long` asks with whole ones.
"""

from __future__ import annotations

import ast
import copy
import re
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from helpers.authoring.editions import TAG, exercises, exercises_of, solved
from helpers.authoring.notebooks import NOTEBOOKS, NotebookRefused, execute, read_notebook
from helpers.exercises import REGISTRY

PATHS = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
DEEPER = "route:deeper"
BRIEF = "from tests.brief import make_brief\n\nmake_brief()"
CORRECT = re.compile(r"^\W*(\w+): correct$", flags=re.MULTILINE)


def core_route(notebook: NotebookNode) -> NotebookNode:
    """Return `notebook` as one reads it who skips every deeper section.

    The exercises of the deeper sections come at the end, because they are to be confirmed too:
    the imports of their sections, the stub, and the cell of the check.
    """
    core, exercises_left = [], []
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if DEEPER not in tags:
            core.append(cell)
        elif cell.cell_type == "code":
            checks = ".check(" in cell.source
            is_exercise = checks or any(tag.startswith(TAG) for tag in tags)
            source = cell.source if is_exercise else imports_of(cell.source)
            exercises_left.append(new_code_cell(source, metadata={"tags": tags}))
    return new_notebook(cells=core + exercises_left, metadata=notebook.metadata)


def imports_of(source: str) -> str:
    """Return the import statements of a cell, without those inside functions."""
    statements = ast.parse(source).body
    imports = [node for node in statements if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join(ast.unparse(node) for node in imports)


def briefly(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of `notebook` that trains briefly; see tests/brief.py."""
    notebook = copy.deepcopy(notebook)
    tags = [cell.metadata.get("tags", []) for cell in notebook.cells]
    first = next(i for i, names in enumerate(tags) if "bootstrap" in names)
    notebook.cells.insert(first + 1, new_code_cell(BRIEF))
    return notebook


def unconfirmed(notebook: NotebookNode) -> list[str]:
    """Return the exercises of an executed notebook whose check did not print "correct"."""
    printed = [o.text for c in notebook.cells for o in c.get("outputs", []) if "text" in o]
    correct = set(CORRECT.findall("\n".join(printed)))
    return [name for name in exercises(notebook) if name.partition(".")[2] not in correct]


def test_there_are_notebooks() -> None:
    assert PATHS, f"no notebook in {NOTEBOOKS}"


@pytest.mark.authors
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_core_route_solved(path: Path) -> None:
    done = execute(briefly(core_route(solved(read_notebook(path)))), path.parent)
    assert unconfirmed(done) == []


@pytest.mark.long
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
        for name in exercises_of(cell):
            assert cell.source.strip() == REGISTRY[name].stub.strip(), name
            core = DEEPER not in cell.metadata.get("tags", [])
            assert core == REGISTRY[name].core, f"{name}: `progress` and the section disagree"


def small_notebook(name: str, check: str) -> NotebookNode:
    stub = new_code_cell(REGISTRY[name].stub, metadata={"tags": [f"{TAG}{name}"]})
    imports = "import math\nfrom collections import Counter\nimport torch"
    return new_notebook(cells=[new_code_cell(imports), stub, new_code_cell(check)])


def test_the_core_route_leaves_out_what_is_deeper_but_its_exercises() -> None:
    """A name that only a deeper cell gives is missing on the core route."""
    deeper = {"tags": [DEEPER]}
    stub = new_code_cell("def f(): ...", metadata={"tags": [DEEPER, f"{TAG}nb00.f"]})
    cells = [
        new_code_cell("import math\nx = 1", metadata=deeper),
        new_markdown_cell("why", metadata=deeper),
        stub,
        new_code_cell("f = ex.f.check(f)", metadata=deeper),
        new_code_cell("print(x)"),
    ]
    left = [cell.source for cell in core_route(new_notebook(cells=cells)).cells]
    assert left == ["print(x)", "import math", "def f(): ...", "f = ex.f.check(f)"]


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
