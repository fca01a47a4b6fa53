"""`Walk`: a diagram that lights up step by step, with the numbers of a model in its boxes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from helpers.explorer.base import View
from helpers.explorer.static import paragraph
from helpers.figures.charts import figure_html
from helpers.figures.checks import to_array
from helpers.figures.diagrams import (
    ROLES,
    Arrow,
    Box,
    Diagram,
    Numbers,
    ends,
    in_rows,
    picture,
)
from helpers.figures.diagrams.spec import check_numbers
from helpers.figures.diagrams.still import COLOURS

CELLS = 12  # numbers of a box that go to the browser, of a matrix each way
_GREEK = {
    "alpha": "α",
    "beta": "β",
    "cdot": "·",
    "exp": "exp",
    "prod": "∏",
    "sigma": "σ",
    "softmax": "softmax",
    "sqrt": "√",
    "sum": "∑",
    "tanh": "tanh",
    "times": "×",
    "odot": "⊙",
    "partial": "∂",
    "top": "⊤",
}
_PIECE = re.compile(
    r"([_^])\{([^{}]*)\}|([_^])(\\[A-Za-z]+|.)|\\([A-Za-z]+)|([A-Za-z]+)|(\s+)|(.)", re.DOTALL
)


class Walk(View):
    """A diagram to walk through, one stage at a time; pointing at a box shows what is in it.

    diagram: boxes, arrows and stages. numbers: what a model computed, one entry for each moment,
    such as each word that a decoder writes; without any the boxes show their shapes. each: what
    one moment is called, such as "word" or "case". still: the place in `numbers` of the moment that
    the still picture shows, counted from 0; the last by default, because in it everything before
    has left its numbers.
    Raises ValueError for a diagram without stages, or numbers about other boxes; IndexError for a
    moment that is not there.
    """

    def __init__(
        self,
        diagram: Diagram,
        numbers: Sequence[Numbers] | Numbers = (),
        title: str = "",
        each: str = "word",
        still: int = -1,
    ) -> None:
        if not diagram.stages:
            raise ValueError(f"{diagram.title!r} has no stages to walk through; draw it instead.")
        moments = [numbers] if isinstance(numbers, Numbers) else list(numbers)
        self.diagram, self.numbers = diagram, check_numbers(diagram, moments)
        count = len(moments)
        if still != -1 and not -count <= still < count:
            raise IndexError(
                f"still is {still}, and there are {count} moments: it is the place of one of them "
                f"in numbers, from 0 to {count - 1}."
                if count
                else f"still is {still}, and there are no numbers: leave it out."
            )
        self.still = still % max(count, 1)
        super().__init__(
            {
                "view": "walk",
                "title": title or diagram.title,
                "about": diagram.alt,
                "extent": [round(edge, 3) for edge in diagram.extent()],
                "roles": ROLES,
                "boxes": [_box(box, box.name in diagram.masked) for box in diagram.boxes],
                "arrows": [_arrow(diagram, arrow) for arrow in diagram.arrows],
                "stages": [{"text": runs(s.text), "lit": list(s.lit)} for s in diagram.stages],
                "known": [sorted(diagram.computed(n + 1)) for n in range(len(diagram.stages))]
                if diagram.unfolds
                else None,
                "alike": sorted(diagram.alike),
                "moments": [_moment(moment) for moment in self.numbers],
                "each": each,
            }
        )

    def html(self) -> str:
        steps = "".join(f"<li>{escape(plain(stage.text))}</li>" for stage in self.diagram.stages)
        moment = self.numbers[self.still] if self.numbers else None
        picture_html = figure_html(picture(self.diagram, moment), self.diagram.alt, COLOURS)
        about = "Run the cell to walk through it step by step:"
        if moment is not None and len(self.numbers) > 1:
            place = f"{escape(self.state['each'])} {self.still + 1} of {len(self.numbers)}"
            about = f"Shown: {place}, {escape(moment.name)}. {about}"
        return paragraph("", about) + picture_html + f"<ol>{steps}</ol>"

    def sentence(self) -> str:
        return f"{plain(self.diagram.title)}: {plain(self.diagram.alt)}"


def runs(text: str) -> list[list[str]]:
    """Return text with mathtext as pieces [kind, text]: "", "i" italic, "_" below, "^" above."""
    found: list[list[str]] = []
    for place, part in enumerate(text.split("$")):
        found += _math(part) if place % 2 else [["", part]] if part else []
    return found


def plain(text: str) -> str:
    """Return text with mathtext as plain characters, such as "h_i"."""
    return "".join((kind if kind in ("_", "^") else "") + piece for kind, piece in runs(text))


def _math(text: str) -> list[list[str]]:
    found = []
    for match in _PIECE.finditer(text):
        low, inside, mark, one, command, letters, space, other = match.groups()
        if low or mark:
            found.append([low or mark, plain(f"${inside or one}$").replace("-", "−")])
        elif command:
            found.append(["", _GREEK.get(command, command)])
        elif letters:
            found.append(["i" if len(letters) == 1 else "", letters])
        elif other not in ("{", "}"):
            found.append(["", space or other.replace("-", "−")])
    return found


def _box(box: Box, masked: bool) -> dict[str, Any]:
    return {
        "name": box.name,
        "label": runs(box.label),
        "role": box.role,
        "at": list(box.at),
        "size": [box.wide, box.tall],
        "shape": box.shape,
        "formula": runs(box.formula),
        "about": runs(box.about),
        "masked": masked,
    }


def _arrow(diagram: Diagram, arrow: Arrow) -> dict[str, Any]:
    tail, head = ends(diagram.box(arrow.start), diagram.box(arrow.end), arrow.shift)
    return {
        "start": arrow.start,
        "end": arrow.end,
        "line": [round(edge, 3) for edge in (*tail, *head)],
        "bend": arrow.bend,
        "label": runs(arrow.label),
        "weight": arrow.weight,
        "choice": arrow.choice,
    }


def _moment(moment: Numbers) -> dict[str, Any]:
    values: dict[str, dict[str, Any]] = {}
    for name, value in moment.values.items():
        rows, grid = in_rows(value, name, CELLS)
        first = [number for row in rows for number in row]
        values[name] = {"of": to_array(value, name).size, "first": first}
        if grid:
            values[name]["across"] = len(rows[0])
    return {
        "name": moment.name,
        "values": values,
        "words": dict(moment.words),
        "rows": {name: list(words) for name, words in moment.rows.items()},
        "columns": {name: list(words) for name, words in moment.columns.items()},
        "weights": {name: round(float(w), 4) for name, w in moment.weights.items()},
    }
