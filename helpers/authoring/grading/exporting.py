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
from helpers.authoring.grading.answering import gives, imports_of
from helpers.authoring.grading.submissions import TAG, exercises_of
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
    judged, passed = _test(exercise)
    goes_on = f"if not verdict.passed:\n    {name} = ex.{name}.reference  # to go on with"
    test = new_code_cell("\n".join([judged, goes_on, passed]))
    test.metadata["nbgrader"] = _nbgrader_cell(
        f"test_{name}", grade=True, locked=True, points=exercise.difficulty
    )
    yield from (answer, test)


def _nbgrader_cell(name: str, **settings: Any) -> dict[str, Any]:
    """Return the metadata of a cell in version 3 of nbgrader's schema."""
    usual = {"grade": False, "locked": False, "solution": False, "task": False}
    return {"schema_version": 3, "grade_id": name, **usual, **settings}


def _otter(exercise: Exercise) -> Iterator[NotebookNode]:
    """Yield a question of `otter assign`, and the cell that goes on with its answer."""
    name = exercise.short_name
    yield new_raw_cell(f"# BEGIN QUESTION\nname: {name}\npoints: {exercise.difficulty}")
    yield new_raw_cell("# BEGIN SOLUTION")
    yield _answer(exercise, "# BEGIN SOLUTION", "# END SOLUTION")
    yield new_raw_cell("# END SOLUTION")
    yield new_raw_cell("# BEGIN TESTS")
    yield new_code_cell("\n".join(_test(exercise)))
    yield new_raw_cell("# END TESTS")
    yield new_raw_cell("# END QUESTION")
    yield _goes_on(exercise)


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


def _test(exercise: Exercise) -> tuple[str, str]:
    """Return the code that judges an answer, and the code that fails where it is not right.

    A cell that failed has left no function behind, which is no attempt.
    """
    module, name = exercise.name.split(".")
    return (
        f"from helpers.exercises import {module} as ex\n\n"
        f'verdict = ex.{name}.verdict(globals().get("{name}"))',
        f'assert verdict.kind in ("{CORRECT}", "{SLOW}"), (\n'
        f'    f"{{verdict.kind}}: {{verdict.message}}\\n{{verdict.details}}"\n)',
    )


def _goes_on(exercise: Exercise) -> NotebookNode:
    module, name = exercise.name.split(".")
    source = (
        f"from helpers.exercises import {module} as ex\n\n"
        f'{name} = ex.{name}.check(globals().get("{name}"))'
    )
    return new_code_cell(source, metadata={"deletable": False, "editable": False})


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
