"""The exercises of a notebook as an assignment for nbgrader or for otter-grader.

Those run all cells of what is handed in. So an assignment holds the exercises alone, without the
trainings between them. An answer is judged there in the learner's own kernel, where an answer that
is written to deceive can change the check; `python -m helpers grade` judges from another process.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

from helpers.authoring.bootstrap import bootstrap_source
from helpers.authoring.editions import TAG
from helpers.authoring.grading.answering import gives, imports_of
from helpers.authoring.grading.submissions import exercises_of
from helpers.authoring.notebooks import NOTEBOOKS, find_notebook, read_notebook, write_notebook
from helpers.exercises import REGISTRY
from helpers.exercises.engine import CORRECT, SLOW, Exercise
from helpers.settings import ROOT

_HEADING = "### Exercise"
_ALWAYS = ("import math", "from collections import Counter", "import torch")


def write(form: str, numbers: list[str], folder: Path | None = None) -> list[Path]:
    """Write the assignments of these notebooks into `folder`, and return their paths.

    form: "nbgrader", whose course folder has them in source/NAME/NAME.ipynb, or "otter", whose
    command `otter assign` is given them one by one. numbers: such as "04"; all if there is none.
    folder: build/ and the name of the form, if not given.
    """
    folder = folder or ROOT / "build" / form
    paths = [find_notebook(number) for number in numbers]
    written = []
    for path in paths or sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")):
        place = folder / "source" / path.stem if form == "nbgrader" else folder
        place.mkdir(parents=True, exist_ok=True)
        write_notebook(assignment(read_notebook(path), FORMS[form]), place / path.name)
        written.append(place / path.name)
    return written


def assignment(
    notebook: NotebookNode, cells_of: Callable[[Exercise], Iterator[NotebookNode]]
) -> NotebookNode:
    """Return the exercises of a notebook as an assignment.

    cells_of: returns the cells of one exercise in the form of a grader. Each exercise stands below
    its own text; its answer goes on as the course's version where it is wrong, as in the notebook.
    """
    title = notebook.cells[0].source.splitlines()[0]
    cells = [
        new_markdown_cell(f"{title}: the exercises\n\nTheir text refers to the notebook itself."),
        new_code_cell(bootstrap_source(), metadata={"jupyter": {"source_hidden": True}}),
        new_code_cell(_imports(notebook)),
    ]
    text = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and _HEADING in cell.source:
            text = cell.source[cell.source.index(_HEADING) :]
        for name in exercises_of(cell):
            cells += [new_markdown_cell(text), *cells_of(REGISTRY[name])]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # the same each time
    return new_notebook(cells=cells, metadata=notebook.metadata)


def _nbgrader(exercise: Exercise) -> Iterator[NotebookNode]:
    """Yield the solution, and the test that gives the points and goes on with a right answer."""
    name = exercise.short_name
    answer = _answer(exercise, "### BEGIN SOLUTION", "### END SOLUTION")
    answer.metadata["nbgrader"] = _nbgrader_cell(name, solution=True)
    test = new_code_cell("\n".join([*_goes_on(exercise), _test(exercise)]))
    test.metadata["nbgrader"] = _nbgrader_cell(
        f"test_{name}", grade=True, locked=True, points=exercise.difficulty
    )
    yield from (answer, test)


def _nbgrader_cell(name: str, **settings: Any) -> dict[str, Any]:
    """Return the metadata of a cell in version 3 of nbgrader's schema."""
    usual = {"grade": False, "locked": False, "solution": False, "task": False}
    return {"schema_version": 3, "grade_id": name, **usual, **settings}


def _otter(exercise: Exercise) -> Iterator[NotebookNode]:
    """Yield a question of `otter assign`.

    Otter runs the tests once more at the end of the notebook. Then the answer's name has what the
    notebook went on with, so a cell before the tests has kept the answer under another name.
    """
    yield new_raw_cell(
        f"# BEGIN QUESTION\nname: {exercise.short_name}\npoints: {exercise.difficulty}"
    )
    yield new_raw_cell("# BEGIN SOLUTION")
    yield _answer(exercise, "# BEGIN SOLUTION", "# END SOLUTION")
    yield new_raw_cell("# END SOLUTION")
    unchanged = {"deletable": False, "editable": False}
    yield new_code_cell("\n".join(_goes_on(exercise)), metadata=unchanged)
    yield new_raw_cell("# BEGIN TESTS")
    yield new_code_cell(_test(exercise))
    yield new_raw_cell("# END TESTS")
    yield new_raw_cell("# END QUESTION")


FORMS: dict[str, Callable[[Exercise], Iterator[NotebookNode]]] = {
    "nbgrader": _nbgrader,
    "otter": _otter,
}


def _answer(exercise: Exercise, begin: str, end: str) -> NotebookNode:
    """Return the cell of the course's answer, with marks around what is left to the learner."""
    lines = exercise.source.splitlines()
    tree = ast.parse(exercise.source).body[0]
    parts = [tree] if isinstance(tree, ast.FunctionDef) else getattr(tree, "body", [])
    names = exercise.to_write or [exercise.short_name]
    for part in reversed(parts):
        if isinstance(part, ast.FunctionDef) and part.name in names:
            first, indent = part.body[0], " " * part.body[0].col_offset
            inside = lines[first.end_lineno : part.end_lineno]
            lines[first.end_lineno : part.end_lineno] = [indent + begin, *inside, indent + end]
    return new_code_cell("\n".join(lines), metadata={"tags": [f"{TAG}{exercise.name}"]})


def _goes_on(exercise: Exercise) -> list[str]:
    """Return the lines that judge an answer, and go on with the course's where it is wrong.

    The answer is kept as own_NAME. A cell that failed has left none behind, which is no attempt,
    and `NAME = ex.NAME.check(NAME)` below a wrong function leaves the course's own version.
    """
    module, name = exercise.name.split(".")
    return [
        f"from helpers.exercises import {module} as ex\n",
        f'own_{name} = globals().get("{name}")',
        f"if own_{name} is ex.{name}.reference:",
        f"    own_{name} = None  # the course's own version is no answer",
        f"verdict_{name} = ex.{name}.verdict(own_{name})",
        f"if not verdict_{name}.passed:",
        f"    {name} = ex.{name}.reference",
        f'print(verdict_{name}.kind, verdict_{name}.message, verdict_{name}.details, sep="\\n")',
    ]


def _test(exercise: Exercise) -> str:
    """Return the line that fails where an answer is not right."""
    said = f"verdict_{exercise.short_name}.kind"
    return f'assert {said} in ("{CORRECT}", "{SLOW}"), {said}'


def _imports(notebook: NotebookNode) -> str:
    """Return what all exercises count on, and those imports of the notebook that they use too."""
    names = [name for cell in notebook.cells for name in exercises_of(cell)]
    used = {word for name in names for word in _global_names(REGISTRY[name].source)}
    lines = [
        line
        for cell in notebook.cells
        if cell.cell_type == "code"
        for line in imports_of(cell.source)
        if used & gives(ast.parse(line).body[0])
    ]
    return "\n".join(dict.fromkeys([*_ALWAYS, *lines]))


def _global_names(source: str) -> set[str]:
    """Return the names that code uses and does not make itself, those of Python among them."""
    tables, found = [symtable.symtable(source, "<answer>", "exec")], set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        found |= {s.get_name() for s in table.get_symbols() if s.is_global() or not s.is_local()}
    return found
