"""A diagram as data: boxes, arrows, and steps that light them up in turn.

One specification gives the still picture (`still.draw`), the walk in the notebook
(`helpers.explorer.Walk`), and what the tests hold it to (`proof.faults`). Time runs from left to
right, and computation upwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from helpers import palette

# What a box is, by the part that it plays; the colours are those of every picture of the course.
# Scores and weights of attention are "score". What is said of target words is "output": their
# scores and probabilities, a word that is fed once more, the loss. "reference" is the right answer.
ROLES = {
    "word": palette.GREY,
    "source": palette.ORANGE,
    "decoder": palette.BLUE,
    "score": palette.SKY,
    "context": palette.PURPLE,
    "output": palette.GREEN,
    "value": palette.ROLE_COLOURS["value"],
    "right": palette.ROLE_COLOURS["right"],
    "wrong": palette.ROLE_COLOURS["wrong"],
    "parameter": palette.GREY,
    "reference": palette.ROLE_COLOURS["reference"],
    "head 1": palette.YELLOW,
    "head 2": palette.VERMILLION,
}


@dataclass(frozen=True)
class Box:
    """One thing that is given, learnt or computed.

    name: by which arrows and steps call it. label: what stands in it; may hold mathtext such as
    "$h_1$". role: one of `ROLES`; parameters are drawn as an outline, all else is filled. at:
    column and row of its middle. shape: of its tensor, in the words or letters of the course, such
    as "hidden". formula and about: what pointing at it shows, about in one sentence.
    wide, tall: its size in columns and rows. bound: whether it stands for a tensor that gradients
    flow through; a word, or an operation, does not.
    """

    name: str
    label: str
    role: str
    at: tuple[float, float]
    shape: str = ""
    formula: str = ""
    about: str = ""
    wide: float = 0.78
    tall: float = 0.5
    bound: bool = True


@dataclass(frozen=True)
class Arrow:
    """Box `start` is used to compute box `end`.

    label: written beside it. weight: name of the number in `Numbers.weights` that makes it thick.
    choice: a word is chosen here (argmax), so no gradient flows back; drawn dashed. bend: how far
    it bows to the side, in columns, where it would run through another box; shift: how far a
    vertical one stands to the side, in columns.
    """

    start: str
    end: str
    label: str = ""
    weight: str = ""
    choice: bool = False
    bend: float = 0.0
    shift: float = 0.0


@dataclass(frozen=True)
class Stage:
    """One step of the walk: a sentence, and the boxes that it speaks of."""

    text: str
    lit: tuple[str, ...]


@dataclass(frozen=True)
class Numbers:
    """What a model computed for one moment of a diagram, such as one step of a decoder.

    name: of this moment, such as the word that is written. values: box -> its numbers, any shape;
    a picture shows the first of them, two dimensions as a grid. words: box -> the word to show in
    place of its label. weights: the name of an arrow's weight -> a number from 0 to 1. rows and
    columns: box -> the words that name the rows and columns of its grid.
    """

    name: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    rows: Mapping[str, Sequence[str]] = field(default_factory=dict)
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Diagram:
    """Boxes, the arrows between them, and the steps in which they are explained.

    alt: what is seen, for a reader who does not see it. masked: boxes that are drawn hatched, since
    nothing may look at them. unfolds: a box shows its numbers and words only from the first stage
    on that speaks of it, as nothing has been computed before. alike: boxes whose numbers are to be
    compared, so they share one scale of shades and one count of decimals.
    Raises ValueError for names that are used twice or are not there.
    """

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    stages: tuple[Stage, ...] = ()
    alt: str = ""
    masked: frozenset[str] = frozenset()
    unfolds: bool = False
    alike: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        names = [box.name for box in self.boxes]
        twice = sorted({name for name in names if names.count(name) > 1})
        named = {n for a in self.arrows for n in (a.start, a.end)}
        named |= {n for stage in self.stages for n in stage.lit} | self.masked | self.alike
        lost = sorted(named - set(names))
        roles = sorted({box.role for box in self.boxes} - set(ROLES))
        if twice or lost or roles or not self.boxes:
            raise ValueError(
                f"the diagram {self.title!r} has {len(self.boxes)} boxes; named twice: {twice}, "
                f"used but not there: {lost}, unknown roles: {roles}"
            )

    def box(self, name: str) -> Box:
        """Return the box of this name. Raises KeyError if there is none."""
        for box in self.boxes:
            if box.name == name:
                return box
        raise KeyError(f"no box {name!r}; there are {', '.join(box.name for box in self.boxes)}")

    def computed(self, stage: int | None) -> set[str]:
        """Return the boxes whose numbers are shown at a stage, counted from 1; None for all."""
        if not self.unfolds or stage is None:
            return {box.name for box in self.boxes}
        return {name for one in self.stages[:stage] for name in one.lit}

    def reachable(self) -> set[tuple[str, str]]:
        """Return all pairs (A, B) in which B can be reached from A by arrows, choices left out."""
        pairs = {(a.start, a.end) for a in self.arrows if not a.choice}
        ways = set(pairs)
        while more := {(a, d) for a, b in ways for c, d in pairs if b == c} - ways:
            ways |= more
        return ways

    def extent(self) -> tuple[float, float, float, float]:
        """Return left, bottom, right and top of all boxes, in columns and rows."""
        left = min(b.at[0] - b.wide / 2 for b in self.boxes)
        right = max(b.at[0] + b.wide / 2 for b in self.boxes)
        bottom = min(b.at[1] - b.tall / 2 for b in self.boxes)
        top = max(b.at[1] + b.tall / 2 for b in self.boxes)
        return left, bottom, right, top


def arrows(*ways: str, **options: Any) -> tuple[Arrow, ...]:
    """Return the arrows of ways such as "x_1 > h_1 > y_1"; options go to each `Arrow`."""
    made = []
    for way in ways:
        stops = [stop.strip() for stop in way.split(">")]
        made += [Arrow(a, b, **options) for a, b in zip(stops, stops[1:], strict=False)]
    return tuple(made)


def typeset(shape: str) -> str:
    """Return a shape with "d_k" as mathtext, so that the k stands below."""
    return re.sub(r"\b([a-z])_(\w+)", r"$\1_{\2}$", shape)


def check_numbers(diagram: Diagram, numbers: Iterable[Numbers]) -> Sequence[Numbers]:
    """Return the moments as a list.

    Raises ValueError for one about a box that is not there, or with words for other rows or columns
    than its numbers have.
    """
    kept, names = list(numbers), {box.name for box in diagram.boxes}
    known = {arrow.weight for arrow in diagram.arrows}
    for moment in kept:
        lost = set().union(moment.values, moment.words, moment.rows, moment.columns) - names
        if lost or set(moment.weights) - known:
            raise ValueError(
                f"the numbers of {moment.name!r} are about {sorted(lost)} and "
                f"{sorted(set(moment.weights) - known)}, which {diagram.title!r} does not have"
            )
        for axis, named in enumerate((moment.rows, moment.columns)):
            for box, words in named.items():
                shape = np.shape(moment.values.get(box, 0))
                if len(shape) != 2 or shape[axis] != len(words):
                    raise ValueError(
                        f"{len(words)} words name the {('rows', 'columns')[axis]} of {box!r}, and "
                        f"its numbers have the shape {shape}; expected a matrix, a word for each."
                    )
    return kept
