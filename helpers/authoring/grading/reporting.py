"""What comes out of grading: a table of all marks, and a page of what the class got wrong most."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from helpers.exercises import REGISTRY
from helpers.exercises.engine import CORRECT, NOT_ATTEMPTED, NOT_YET, RAISED, SLOW

MISSING, UNREADABLE, STOPPED = "no such cell", "cannot be read", "stopped"
VERDICTS = (CORRECT, SLOW, NOT_YET, RAISED, STOPPED, NOT_ATTEMPTED, MISSING)
_COMMON = 3  # reasons that the page tells of an exercise


class Mark(NamedTuple):
    """A row of the table. message: the reason in words, which the table leaves to the page."""

    submission: str
    exercise: str
    verdict: str
    misconception: str = ""
    seconds: float = 0.0
    message: str = ""


def table(marks: Iterable[Mark]) -> str:
    """Return the marks as CSV: submission, exercise, verdict, misconception, seconds."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(Mark._fields[:5])
    for mark in marks:
        name = f"'{mark.submission}" if mark.submission[0] in "=+-@" else mark.submission
        rows.writerow([name, *mark[1:4], f"{mark.seconds:.1f}"])
    return out.getvalue()


def page(marks: Sequence[Mark]) -> str:
    """Return what the class got wrong most, as Markdown without the name of any submission."""
    submissions = {mark.submission for mark in marks}
    lines = ["# What the class got wrong most", "", f"Submissions: {len(submissions)}"]
    unread = sum(mark.verdict == UNREADABLE for mark in marks)
    if unread:
        lines += ["", f"Files that cannot be read as a notebook of the course: {unread}"]
    by_exercise: dict[str, list[Mark]] = {}
    for mark in marks:
        if mark.exercise:
            by_exercise.setdefault(mark.exercise, []).append(mark)
    lines += ["", "| exercise | " + " | ".join(VERDICTS) + " |", "|---|" + "---|" * len(VERDICTS)]
    for name, group in by_exercise.items():
        counts = Counter(mark.verdict for mark in group)
        lines.append(f"| {name} | " + " | ".join(str(counts[v] or "") for v in VERDICTS) + " |")
    tried = {
        name: [m for m in group if m.verdict in (NOT_YET, RAISED, STOPPED, SLOW)]
        for name, group in by_exercise.items()
    }
    for name, group in sorted(tried.items(), key=lambda pair: -len(pair[1])):
        if group:
            lines += ["", f"## {name}: {REGISTRY[name].title}", "", *_reasons(group)]
    return "\n".join(lines) + "\n"


def write(marks: Sequence[Mark], out: Path) -> Path:
    """Write the table to `out` and the page beside it; return the page's path."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(table(marks), encoding="utf-8")
    beside = out.with_suffix(".md")
    beside.write_text(page(marks), encoding="utf-8")
    return beside


def _reasons(group: Sequence[Mark]) -> Iterable[str]:
    """Yield the most common reasons, each with how many answers it holds for."""
    reasons = Counter(_reason(mark) for mark in group)
    for (title, text), count in reasons.most_common(_COMMON):
        yield f"- {count} of {len(group)}: **{title}**"
        if text:
            yield f"  {text}"
    rest = sum(count for _, count in reasons.most_common()[_COMMON:])
    if rest:
        yield f"- {rest} of {len(group)}: each for a reason of its own"


def _reason(mark: Mark) -> tuple[str, str]:
    """Return the misconception and its message, or the verdict and what distinguishes it.

    An error is told by its kind alone, because its text may hold anything.
    """
    words = " ".join(mark.message.split())
    if mark.misconception:
        return mark.misconception.replace("_", " "), words
    if mark.verdict == RAISED:
        return f"{mark.verdict}: {words.partition(':')[0][:40].replace('`', '')}", ""
    if mark.verdict == SLOW:
        return mark.verdict, ""
    return mark.verdict, words.replace("`", "'")
