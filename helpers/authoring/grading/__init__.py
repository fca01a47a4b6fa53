"""Grade notebooks that were handed in: `python -m helpers grade FOLDER`.

Each answer runs in a process of its own, which may only compute; what it returned is judged in
another one. `confinement` says what that protects, and what it does not.

submissions  the cells of the exercises in the notebooks of a folder
answering    the process of one answer: it makes the calls, and has no part in the verdict
confinement  limits of time and memory, and no files, network or processes for an answer
wire         values as text between the two processes
judging      the exercise's own checks, made from another process
reporting    a table of all marks, and a page of what the class got wrong most
exporting    the exercises as assignments for nbgrader and otter-grader
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from helpers.authoring.grading import reporting, submissions
from helpers.authoring.grading.confinement import Limits
from helpers.authoring.grading.judging import Judge
from helpers.authoring.grading.reporting import Mark


def grade(
    folder: Path,
    limits: Limits = Limits(),  # noqa: B008  (it cannot be changed)
    by_the_kernel: bool | None = None,
    say: Callable[[str], None] = print,
) -> list[Mark]:
    """Return the marks of all the notebooks in a folder, by submission and exercise.

    The course's own answer to each exercise is judged first, under the same limits. `say` is told
    how far it is, and what is not refused to an answer on this machine. Raises Refused if there is
    no notebook, or if the limits are too narrow for the course's own answers.
    """
    handed_in = submissions.submissions(folder)
    marks = {
        (one.name, name): Mark(one.name, name, reporting.MISSING)
        for one in handed_in
        for name in one.answers
    }
    for one in handed_in:
        if one.fault:
            marks[one.name, ""] = Mark(one.name, "", reporting.UNREADABLE, message=one.fault)
    told: set[str] = set()
    for name in dict.fromkeys(name for one in handed_in for name in one.answers):
        answers = [(one, one.answers.get(name)) for one in handed_in]
        answers = [(one, source) for one, source in answers if source is not None]
        if not answers:
            continue
        say(f"{name}: {len(answers)} to judge")
        judge = Judge(name, limits, by_the_kernel)
        for what in judge.prepare().not_refused:
            if what not in told:
                told.add(what)
                say(f"On this machine an answer is not refused {what}.")
        for one, source in answers:
            verdict, seconds, _ = judge.judge(source, one.imports)
            marks[one.name, name] = Mark(
                *(one.name, name, verdict.kind, verdict.misconception, seconds, verdict.message)
            )
    order = [(one.name, name) for one in handed_in for name in one.answers or [""]]
    return [marks[place] for place in order]
