"""Assignments for nbgrader and otter-grader: their form, and that the course's answers pass."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from helpers.authoring.grading import exporting
from helpers.authoring.grading.submissions import submissions
from helpers.exercises import REGISTRY

BETWEEN = re.compile(r"^( *)#+ BEGIN SOLUTION\n.*?#+ END SOLUTION$", re.MULTILINE | re.DOTALL)


def exported(form: str, number: str, folder: Path) -> NotebookNode:
    (path,) = exporting.write(form, [number], folder)
    return nbformat.read(path, as_version=4)


def failures(notebook: NotebookNode) -> list[str]:
    """Run an assignment without its first cell, and return what its tests say."""
    names: dict = {}
    said = []
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell is not first:
            try:
                exec(cell.source, names)
            except AssertionError as failed:
                said.append(str(failed))
    return said


@pytest.mark.parametrize("number", ["12", "13"])
def test_the_courses_answers_pass_with_what_the_assignment_imports(
    tmp_path: Path, number: str
) -> None:
    """Among them a whole that is built of the course's layers, and of earlier answers."""
    assert failures(exported("nbgrader", number, tmp_path)) == []


def test_what_is_handed_out_holds_no_answer_and_fails(tmp_path: Path) -> None:
    """nbgrader puts its own stub between the marks, as here."""
    notebook = exported("nbgrader", "04", tmp_path)
    for cell in notebook.cells:
        cell.source = BETWEEN.sub(r"\1raise NotImplementedError()", cell.source)
    for name, exercise in REGISTRY.items():
        if name.startswith("nb04."):
            stub = exercise.stub.replace('("your turn")', "()").strip()
            assert stub in [cell.source for cell in notebook.cells]
    said = failures(notebook)
    assert said == ["not attempted"] * 6


def test_a_whole_is_judged_with_the_courses_parts_where_those_of_the_learner_are_wrong(
    tmp_path: Path,
) -> None:
    """One of them cannot even be made, as after a SyntaxError."""
    notebook = exported("nbgrader", "11", tmp_path)
    broken = {"split_heads": "", "merge_heads": "def merge_heads(heads):\n    return heads"}
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = broken.get(grade_id, cell.source)
    said = failures(notebook)
    assert said == ["not attempted", "not yet"]


def test_nbgrader_has_a_cell_with_points_below_each_answer(tmp_path: Path) -> None:
    notebook = exported("nbgrader", "04", tmp_path)
    cells = [cell.metadata.nbgrader for cell in notebook.cells if "nbgrader" in cell.metadata]
    assert len({cell.grade_id for cell in cells}) == len(cells)
    for answer, test in zip(cells[::2], cells[1::2], strict=True):
        assert answer.solution and not answer.grade and not answer.locked
        assert test.grade and test.locked and not test.solution
        assert test.points == REGISTRY[f"nb04.{answer.grade_id}"].difficulty
    assert {cell.schema_version for cell in cells} == {3}


def test_otter_has_a_question_around_each_answer_and_its_test(tmp_path: Path) -> None:
    notebook = exported("otter", "04", tmp_path)
    raw = [cell.source.splitlines() for cell in notebook.cells if cell.cell_type == "raw"]
    one = ["BEGIN QUESTION", "BEGIN SOLUTION", "END SOLUTION", "BEGIN TESTS", "END TESTS"]
    assert [lines[0].removeprefix("# ") for lines in raw] == [*one, "END QUESTION"] * 6
    assert raw[0][1:] == ["name: additive_scores", "points: 3"]


@pytest.mark.parametrize("form", ["nbgrader", "otter"])
def test_the_courses_own_version_is_no_answer(tmp_path: Path, form: str) -> None:
    """It is under the name of a wrong answer that was checked in its own cell."""
    notebook = exported(form, "00", tmp_path)
    for cell in notebook.cells:
        if "exercise:nb00.softmax" in cell.metadata.get("tags", []):
            wrong = "from helpers.exercises import nb00 as ex\nsoftmax = lambda scores: scores"
            cell.source = f"{wrong}\nsoftmax = ex.softmax.check(softmax)"
    assert failures(notebook) == ["not attempted"]


@pytest.mark.parametrize("form", ["nbgrader", "otter"])
def test_tests_that_run_at_the_end_judge_the_learners_own_answer(tmp_path: Path, form) -> None:
    """As otter's do: by then, the notebook has gone on with the course's version."""
    notebook = exported(form, "00", tmp_path)
    tests = [cell for cell in notebook.cells if "assert verdict_softmax" in cell.source]
    for cell in notebook.cells:
        if "exercise:nb00.softmax" in cell.metadata.get("tags", []):
            cell.source = "def softmax(scores):\n    return scores"
    again = [nbformat.v4.new_code_cell(tests[0].source.splitlines()[-1])]
    notebook.cells += again
    assert failures(notebook) == ["not yet"] * 2


@pytest.mark.parametrize("form", ["nbgrader", "otter"])
def test_the_courses_own_command_can_grade_an_assignment_too(tmp_path: Path, form: str) -> None:
    exporting.write(form, ["04"], tmp_path)
    (only,) = submissions(tmp_path)
    assert set(only.answers) == {name for name in REGISTRY if name.startswith("nb04.")}
    assert all(answer is not None for answer in only.answers.values())


def test_each_exercise_has_its_own_text_above_it(tmp_path: Path) -> None:
    notebook = exported("otter", "04", tmp_path)
    texts = [c.source for c in notebook.cells if c.source.startswith("### Exercise")]
    short = [REGISTRY[name].short_name for name in REGISTRY if name.startswith("nb04.")]
    assert len(texts) == 6
    assert all(f"`{name}`" in text.splitlines()[0] for name, text in zip(short, texts, strict=True))
