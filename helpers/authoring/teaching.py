"""Read docs/teaching.md: what a teacher is told of each notebook, kept in one place for all uses.

The page is part of the book as it is. The instructor's edition and the notes of the slides take
from it the lesson of a notebook, and the steps of its plan, each at its section.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from helpers.settings import ROOT

GUIDE = ROOT / "docs" / "teaching.md"
_LESSON = re.compile(r"^## (\d\d) · ([^\n]+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_STEP = re.compile(r"^\| (\d+|–) \| (\d+|–) \| (\d+|–) \| (.+?) \| (.+?) \|$", re.MULTILINE)
_RESULT = re.compile(r"^- Section (\d+): (.*?)\n(?=- |\n)", re.MULTILINE | re.DOTALL)
_QUESTION = re.compile(
    r"^\d\. (\*[^\n].*?\(Section\s+(\d+),\s+minute\s+\d+\.\).*?)\n(?=\d\. |\n)",
    re.MULTILINE | re.DOTALL,
)
_NOTHING = "–"


class Step(NamedTuple):
    """One row of a lesson's plan.

    section: its number in the notebook, 0 for what belongs to no section, such as a break.
    long, short: its minutes in a lesson of 90 and in one of 45, 0 where it is left out.
    room: what happens. board: what is drawn, or "–". results, questions: what comes out in this
    section, and what to ask the room in it.
    """

    section: int
    long: int
    short: int
    room: str
    board: str
    results: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """The step in a few sentences of Markdown, to stand beside its section."""
        drawn = "" if self.board == _NOTHING else f" *On the board:* {self.board}"
        short = f"{self.short} of 45" if self.short else "left out of 45"
        told = f"**{self.long} of 90 minutes, {short}.** {self.room}{drawn}"
        questions = [f"**Ask the room.** {question}" for question in self.questions]
        results = [f"**What comes out:** {result}" for result in self.results]
        return "\n\n".join([told, *questions, *results])


class Lesson(NamedTuple):
    """What docs/teaching.md says of one notebook; text is its Markdown, the plan included."""

    number: str
    title: str
    text: str
    steps: tuple[Step, ...]

    def step(self, section: int) -> Step | None:
        """Return the plan's row for a section of the notebook, None if it has none."""
        return next((step for step in self.steps if section and step.section == section), None)


def lessons(text: str | None = None) -> dict[str, Lesson]:
    """Return the lessons by the number of their notebook. text: a guide other than docs/."""
    text = GUIDE.read_text(encoding="utf-8") if text is None else text
    return {
        number: Lesson(number, title, body.strip(), _steps(body))
        for number, title, body in _LESSON.findall(text)
    }


def _steps(text: str) -> tuple[Step, ...]:
    results = [(int(section), _line(told)) for section, told in _RESULT.findall(text)]
    questions = [(int(section), _line(asked)) for asked, section in _QUESTION.findall(text)]
    steps = []
    for *numbers, room, board in _STEP.findall(text):
        section, long, short = (0 if cell == _NOTHING else int(cell) for cell in numbers)
        more = (
            tuple(words for place, words in told if section and place == section)
            for told in (results, questions)
        )
        steps.append(Step(section, long, short, room, board, *more))
    return tuple(steps)


def _line(text: str) -> str:
    return " ".join(text.split())
