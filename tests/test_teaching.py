"""The teaching guide: its plans are whole, and they speak of what stands in the notebooks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from helpers.authoring.notebooks import read_notebook
from helpers.authoring.teaching import Lesson, Step, lessons
from helpers.exercises import REGISTRY
from tests.test_notebooks import PATHS

LESSONS = lessons()
HEADING = re.compile(r"^## (\d+)\b", re.MULTILINE)
IN_CLASS = re.compile(r"^\| (\d+) [^|]+\|[^|]+\|[^|]+\| (\d+|–) \|[^|]+\|$", re.MULTILINE)
PARTS = (
    "**Aim.**",
    "**Three questions to ask the room.**",
    "**Where people get stuck.**",
    "**Exercises.** In class",
    "**To cut at 45 minutes.**",
)


def sections(path: Path) -> tuple[set[int], set[int]]:
    """Return the numbers of all sections of a notebook, and of those with cells for the class."""
    every, shown, number = set(), set(), 0
    for cell in read_notebook(path).cells:
        found = HEADING.search(cell.source) if cell.cell_type == "markdown" else None
        if found:
            number = int(found[1])
            every.add(number)
        if "route:class" in cell.metadata.get("tags", []):
            shown.add(number)
    return every, shown


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
    every, shown = sections(path)
    steps = [step for step in LESSONS[path.name[:2]].steps if step.section]
    assert {step.section for step in steps} <= every
    assert {step.section for step in steps if step.short} == shown


def test_a_notebook_that_tells_its_minutes_in_class_tells_those_of_the_plan() -> None:
    told = {path: IN_CLASS.findall(read_notebook(path).cells[2].source) for path in PATHS}
    told = {path: rows for path, rows in told.items() if rows}
    assert len(told) >= 2
    for path, rows in told.items():
        steps = LESSONS[path.name[:2]].steps
        expected = {step.section: step.short for step in steps if step.section and step.short}
        assert {int(n): int(m) for n, m in rows if m != "–"} == expected, path.name


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
    text = f"# Teach\n\n## 01 · One\n\nAim.\n\n{table}{rows}\n## 02 · Two\n\nMore.\n\n## A term\n"
    one, two = lessons(text).values()
    assert (one.title, two.text) == ("One", "More.")
    assert one.steps == (Step(0, 5, 0, "Wait.", "–"), Step(3, 20, 10, "Ask.", "a $c_t$"))
    assert one.step(3) == one.steps[1] and one.step(0) is None and one.step(4) is None
