"""The student's and the instructor's edition of a notebook, both made from the committed one."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from helpers.authoring import Refused
from helpers.authoring.bootstrap import address
from helpers.authoring.notebooks import (
    LARGEST,
    NOTEBOOKS,
    execute,
    find_notebook,
    normalise,
    read_notebook,
    refuse_stderr,
    write_notebook,
)
from helpers.authoring.teaching import Lesson, lessons
from helpers.exercises import REGISTRY, Exercise
from helpers.settings import ROOT

TAG = "exercise:"
TEACHER = "teacher"  # the tag of the cells that only the instructor's edition has
SLIPS = 5  # of an exercise: they stand in their order, with the most common one first
DEFAULT = ROOT / "build"
NOTES = 100_000  # bytes that the notes may add to a notebook, which is near its limit without them
_SECTION = re.compile(r"^## (\d+)\b")
_HEADINGS = re.compile(r"^#+ ", re.MULTILINE)
_PREDICT = re.compile(r'\bpredict\(\s*"([^"]+)"')
_CLAIM = re.compile(r'\bclaim\(\s*"([^"]+)"')
_PREDICT_IN_WORDS = re.compile(r"\*\*Predict( first)?\.\*\*")


def exercises_of(cell: NotebookNode) -> list[str]:
    """Return the names of the exercises whose stub stands in `cell`, such as "nb04.scores"."""
    tags = cell.metadata.get("tags", [])
    return [tag.removeprefix(TAG) for tag in tags if tag.startswith(TAG)]


def exercises(notebook: NotebookNode) -> list[str]:
    """Return the names of the exercises whose stubs are in `notebook`."""
    return [name for cell in notebook.cells for name in exercises_of(cell)]


def solved(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of `notebook` with the source of each reference in place of its stub.

    Raises Refused for a cell that has the tag of an exercise and does not hold its stub.
    """
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        for name in exercises_of(cell):
            if "NotImplementedError" not in cell.source:
                raise Refused(
                    f"The cell {cell.get('id')} has the tag of {name}, so it should hold the stub "
                    "of this exercise. Put ex.NAME.stub back into it."
                )
            cell.source = REGISTRY[name].source
    return notebook


def student(notebook: NotebookNode) -> NotebookNode:
    """Return the edition to hand out: the stubs, without an answer and without old verdicts.

    The outputs of the exercises' cells are taken out, and calls of `.solution()` with them. So are
    the outputs that answer a prediction, because nobody predicts what stands below the question;
    they come when the student runs the cells. What a student has solved is remembered as always.
    """
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = _without_solutions(cell.source)
    for cell in _answers(notebook.cells):
        cell.outputs = []
    return _without_verdicts(notebook)


def instructor(notebook: NotebookNode, lesson: Lesson | None) -> NotebookNode:
    """Return the edition to teach from: the exercises solved, and cells with notes for the teacher.

    lesson: what the teaching guide says of this notebook, None if it says nothing. It follows the
    title, and each step of its plan follows the heading of its section. Below the check of an
    exercise stand its minutes and its common slips, each with the message that it earns.
    """
    notebook = _without_verdicts(solved(notebook))
    cells: list[NotebookNode] = []
    waiting: Exercise | None = None
    for position, cell in enumerate(notebook.cells):
        cells.append(cell)
        if lesson and position == 0:
            cells.append(
                _note(cell, f"**For the teacher.**\n\n{_HEADINGS.sub('#### ', lesson.text)}")
            )
        found = _SECTION.match(cell.source) if cell.cell_type == "markdown" else None
        if lesson and found and (step := lesson.step(int(found[1]))):
            cells.append(_note(cell, f"**For the teacher.** {step.note}"))
        if waiting and f"{waiting.short_name}.check(" in cell.source:
            cells.append(_note(cell, slips(waiting)))
            waiting = None
        for name in exercises_of(cell):
            waiting = REGISTRY[name]
    notebook.cells = cells
    return notebook


def slips(exercise: Exercise) -> str:
    """Return the common slips of an exercise and their messages, as Markdown."""
    parts = [
        f"**For the teacher.** `{exercise.short_name}` takes about {exercise.minutes} minutes. "
        f"Its most common slips, and what the check says to each:"
    ]
    for wrong in exercise.wrong_answers[:SLIPS]:
        parts.append(
            f"- *{wrong.name.replace('_', ' ')}*\n\n  ```text\n{_indented(wrong.message)}\n  ```"
        )
    return "\n\n".join(parts)


EDITIONS: dict[str, Callable[[NotebookNode, Lesson | None], NotebookNode]] = {
    "student": lambda notebook, lesson: student(notebook),
    "instructor": instructor,
}


def write(
    kind: str, numbers: list[str], folder: Path | None = None, run: bool = False
) -> list[Path]:
    """Write an edition of the notebooks of these numbers into `folder`, and return their paths.

    kind: "student" or "instructor". numbers: such as "04"; all notebooks if there is none. run:
    execute them under seed 0, which takes about a minute for each; otherwise they keep the outputs
    of the committed notebooks, except those of the exercises. Raises NotebookRefused for a number
    without a notebook, and Refused where `folder` is the one of the committed notebooks.
    """
    folder = folder or DEFAULT / kind
    if folder.resolve() == NOTEBOOKS.resolve():
        raise Refused(f"{folder} holds the notebooks themselves; name another folder with --out.")
    paths = [find_notebook(number) for number in numbers]
    told = lessons()
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for path in paths or sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")):
        notebook = with_addresses(EDITIONS[kind](read_notebook(path), told.get(path.name[:2])))
        if run:
            notebook = execute(notebook, NOTEBOOKS)
            refuse_stderr(notebook)
            if kind == "student":  # the run has brought back what was taken out
                notebook = student(notebook)
        written.append(folder / path.name)
        write_notebook(normalise(notebook), written[-1], LARGEST + NOTES)
    return written


def with_addresses(notebook: NotebookNode) -> NotebookNode:
    """Return a copy whose links into docs/ lead to the repository, because they lie elsewhere."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace("](../docs/", f"]({address()}/blob/HEAD/docs/")
    return notebook


def _without_solutions(source: str) -> str:
    """Return the code of a cell without the statements that call `.solution()`."""
    if ".solution(" not in source:
        return source
    lines = source.splitlines()
    for node in reversed(ast.parse(source).body):
        if isinstance(node, ast.Expr) and ".solution(" in ast.unparse(node):
            del lines[node.lineno - 1 : node.end_lineno]
    return "\n".join(lines)


def _answers(cells: list[NotebookNode]) -> Iterator[NotebookNode]:
    """Yield the code cells that answer a prediction, asked by `predict` or in the text.

    They stand between the question and the first text behind the claim that answers it. Where no
    claim does, they stand between the question and the first text behind a code cell.
    """
    for position, question in enumerate(cells):
        is_code = question.cell_type == "code"
        asked = set(_PREDICT.findall(question.source)) if is_code else set()
        if not asked and (is_code or not _PREDICT_IN_WORDS.search(question.source)):
            continue
        behind = cells[position + 1 :]
        claims = [i for i, cell in enumerate(behind) if asked & set(_CLAIM.findall(cell.source))]
        code = (i for i, cell in enumerate(behind) if cell.cell_type == "code")
        last = claims[-1] if claims else next(code, len(behind))
        for i, cell in enumerate(behind):
            if cell.cell_type == "code" and not _PREDICT.search(cell.source):
                yield cell
            elif cell.cell_type == "markdown" and i > last:
                break


def _without_verdicts(notebook: NotebookNode) -> NotebookNode:
    """Take the outputs out of the cells of the exercises: the stubs, and the checks, in place."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and (exercises_of(cell) or ".check(" in cell.source):
            cell.outputs = []
    return notebook


def _note(beside: NotebookNode, text: str) -> NotebookNode:
    """Return a cell for the teacher; its id is that of the cell that it follows, so it stays."""
    return new_markdown_cell(text, id=f"teacher-{beside.id}"[:64], metadata={"tags": [TEACHER]})


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
