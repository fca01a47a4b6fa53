"""What learners hand in: the cells of the exercises in the notebooks of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import nbformat

from helpers.authoring import Refused
from helpers.authoring.editions import TAG
from helpers.authoring.grading.answering import imports_of
from helpers.exercises import REGISTRY

LARGEST = 30_000_000  # bytes: a notebook of the course has less than one, with its pictures


class Submission(NamedTuple):
    """One notebook that was handed in.

    name: its path in the folder. answers: the source of the cells of each exercise, in their
    order; None where no cell has the tag. imports: the import statements of the other cells.
    fault: why nothing can be graded, or "".
    """

    name: str
    answers: dict[str, str | None]
    imports: str = ""
    fault: str = ""


def submissions(folder: Path) -> list[Submission]:
    """Return all the notebooks in a folder and in the folders inside it, by name.

    Raises Refused if there is none.
    """
    paths = [
        path
        for path in sorted(folder.rglob("*.ipynb"))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not paths:
        raise Refused(f"{folder} holds no notebooks (*.ipynb). Put the submissions there.")
    return [_read(path, path.relative_to(folder).as_posix()) for path in paths]


def _read(path: Path, name: str) -> Submission:
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            return Submission(name, {}, fault=f"no file of less than {LARGEST:,} bytes")
        notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        tagged = [(exercises_of(cell), str(cell.source)) for cell in cells]
    except Exception as error:  # a file may hold anything
        return Submission(name, {}, fault=f"not a notebook ({type(error).__name__})")
    found = {exercise for names, _ in tagged for exercise in names}
    if not found:
        return Submission(name, {}, fault="no cell has the tag of an exercise")
    notebooks = {exercise.partition(".")[0] for exercise in found}
    return Submission(
        name,
        {
            exercise: "\n\n".join(source for names, source in tagged if exercise in names)
            if exercise in found
            else None
            for exercise in REGISTRY
            if exercise.partition(".")[0] in notebooks
        },
        "\n".join(line for names, source in tagged if not names for line in imports_of(source)),
    )


def exercises_of(cell: nbformat.NotebookNode) -> list[str]:
    """Return the names of the course's exercises whose tags a cell has."""
    tags = cell.metadata.get("tags", [])
    names = [tag.removeprefix(TAG) for tag in tags if isinstance(tag, str) and tag.startswith(TAG)]
    return [name for name in names if name in REGISTRY]
