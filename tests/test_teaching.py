"""The teaching guide: its plans are whole, and they speak of what stands in the notebooks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from helpers.authoring.notebooks import read_notebook
from helpers.authoring.teaching import Lesson, Step, lessons
from helpers.exercises import REGISTRY
from tests import test_numbers_in_prose as prose
from tests.test_notebooks import PATHS

LESSONS = lessons()
HEADING = re.compile(r"^## (\d+)\b", re.MULTILINE)
ROW = re.compile(r"^\| \*\*(\d+) ([^|]+?)\.?\*\*:? [^|]+\| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
HEADED = re.compile(r"^## (\d+)\. (.+?) · (.+?) · (.+?) min\b", re.MULTILINE)
RESULT = re.compile(r"^- Section (\d+):(.*?)(?=^- |\Z)", re.MULTILINE | re.DOTALL)
ASKED = re.compile(r"\(Section\s+(\d+),\s+minute\s+(\d+)\.\)")
PREDICTION = re.compile(r"^predict\(|\*\*Predict( first)?\.", re.MULTILINE)
QUESTION = re.compile(r"\*[^*]+\?\*")
LETTER = re.compile(r"\(([a-e])\)")
PARTS = (
    "**Aim.**",
    "**You will need.**",
    "**Predictions and results.**",
    "**Three questions to ask the room.**",
    "**Where people get stuck.**",
    "**Exercises.** In class",
    "**To cut at 45 minutes.**",
)


def by_section(path: Path) -> dict[int, list[NotebookNode]]:
    """Return the cells of a notebook by the number of their section, 0 before the first one."""
    parts: dict[int, list[NotebookNode]] = {}
    number = 0
    for cell in read_notebook(path).cells:
        found = HEADING.search(cell.source) if cell.cell_type == "markdown" else None
        number = int(found[1]) if found else number
        parts.setdefault(number, []).append(cell)
    return parts


def results(lesson: Lesson) -> list[tuple[int, str]]:
    """Return (section, text) of each line of a lesson's predictions and results."""
    told = lesson.text.partition("**Predictions and results.**")[2].partition("**Three")[0]
    return [(int(section), text) for section, text in RESULT.findall(told)]


def test_each_notebook_has_a_lesson() -> None:
    assert list(LESSONS) == [path.name[:2] for path in PATHS]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_title_is_that_of_the_notebook(path: Path) -> None:
    lesson = LESSONS[path.name[:2]]
    assert read_notebook(path).cells[0].source.startswith(f"# {lesson.number} · {lesson.title}\n")


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=lambda lesson: lesson.number)
def test_a_plan_fills_its_lesson(lesson: Lesson) -> None:
    assert sum(step.long for step in lesson.steps) == 90
    assert sum(step.short for step in lesson.steps) == 45


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_plan_names_sections_that_there_are(path: Path) -> None:
    """What has minutes in the short lesson is what the slides show, and nothing else."""
    every = by_section(path)
    shown = {
        number
        for number, cells in every.items()
        if any("route:class" in cell.metadata.get("tags", []) for cell in cells)
    }
    steps = [step for step in LESSONS[path.name[:2]].steps if step.section]
    assert {step.section for step in steps} <= every.keys()
    assert {step.section for step in steps if step.short} == shown


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_path_at_the_head_tells_of_each_section_what_its_heading_does(path: Path) -> None:
    """Three columns, because a fourth makes the table scroll sideways on a phone."""
    text = "\n\n".join(c.source for c in read_notebook(path).cells if c.cell_type == "markdown")
    rows, headings = ROW.findall(text), HEADED.findall(text)
    assert rows == headings  # the minutes are those of reading, "+", and those of exercises


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_result_stands_in_its_section(path: Path) -> None:
    """Each decimal is that of a run or of a choice; so a refreshed notebook tells of an old one."""
    parts = by_section(path)
    told = results(LESSONS[path.name[:2]])
    assert told
    for section, text in told:
        shown = [new_code_cell(c.source, outputs=c.get("outputs", [])) for c in parts[section]]
        values = prose.computed(shown)
        for written in prose.decimals(new_markdown_cell(text)):
            assert any(prose.rounds_to(value, written) for value in values), (section, written)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_lesson_tells_of_each_prediction_of_its_plan(path: Path) -> None:
    lesson = LESSONS[path.name[:2]]
    asked = {
        section
        for section, cells in by_section(path).items()
        if lesson.step(section) and any(PREDICTION.search(cell.source) for cell in cells)
    }
    told = dict(results(lesson))
    assert asked <= told.keys()
    # With its question, because a teacher who has only the page must be able to ask it.
    assert [section for section in asked if not QUESTION.search(told[section])] == []


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=lambda lesson: lesson.number)
def test_a_lesson_answers_the_end_questions_that_its_plan_names(lesson: Lesson) -> None:
    told = dict(results(lesson))
    for step in lesson.steps:
        if named := re.search(r"[Qq]uestions? (\([a-e]\).*)", step.room):
            letters = set(LETTER.findall(named[1]))
            assert letters <= set(LETTER.findall(told.get(step.section, ""))), step


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=lambda lesson: lesson.number)
def test_a_question_is_asked_while_its_section_is_taught(lesson: Lesson) -> None:
    asked = [(int(section), int(minute)) for section, minute in ASKED.findall(lesson.text)]
    assert len(asked) == 3 and asked == sorted(asked, key=lambda question: question[1])
    for section, minute in asked:
        step = lesson.step(section)
        assert step
        begins = sum(one.long for one in lesson.steps[: lesson.steps.index(step)])
        assert begins <= minute <= begins + step.long, (section, minute, begins)


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=lambda lesson: lesson.number)
def test_a_lesson_is_whole(lesson: Lesson) -> None:
    assert [part for part in PARTS if part not in lesson.text] == []
    questions = lesson.text.partition("ask the room.**")[2].partition("**Where")[0]
    assert re.findall(r"^\d(?=\. \*)", questions, re.MULTILINE) == ["1", "2", "3"]
    exercises = lesson.text.partition("**Exercises.**")[2].partition("**To cut")[0]
    named = re.findall(r"`(\w+)`", exercises)
    prefix = f"nb{lesson.number}."
    assert sorted(named) == sorted(n.removeprefix(prefix) for n in REGISTRY if prefix in n)


def test_a_lesson_is_read_from_the_page() -> None:
    table = "| section | 90 | 45 | in the room | on the board |\n|---|---|---|---|---|\n"
    rows = "| – | 5 | – | Wait. | – |\n| 3 | 20 | 10 | Ask. | a $c_t$ |\n"
    told = "- Section 3: it\n  is 7.\n- Section 8: 9.\n\n1. *Why?* (Section 3, minute 6.) So.\n"
    first = f"## 01 · One\n\nAim.\n\n{table}{rows}\n{told}\nEnd.\n\n"
    text = f"# Teach\n\n{first}## 02 · Two\n\nMore.\n\n## A term\n"
    one, two = lessons(text).values()
    assert (one.title, two.text) == ("One", "More.")
    asked = "*Why?* (Section 3, minute 6.) So."
    third = Step(3, 20, 10, "Ask.", "a $c_t$", ("it is 7.",), (asked,))
    assert one.steps == (Step(0, 5, 0, "Wait.", "–"), third)
    assert "it is 7." in third.note and asked in third.note
    assert one.step(3) == one.steps[1] and one.step(0) is None and one.step(4) is None


def test_each_question_stands_in_the_note_of_its_section() -> None:
    for lesson in LESSONS.values():
        assert sum(len(step.questions) for step in lesson.steps) == 3, lesson.number
        assert sum(len(step.results) for step in lesson.steps) == len(results(lesson))
