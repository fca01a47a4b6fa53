"""Drawings of recurrent networks, unrolled: one column a step, time from left to right."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from helpers import figures, palette


class Step(NamedTuple):
    """One column of an unrolled network; "" leaves a box out."""

    input: str
    state: str
    output: str = ""


# Height of each row of boxes, and its colour.
_ROWS = {
    "output": (2.0, palette.GREEN),
    "state": (1.0, palette.BLUE),
    "input": (0.0, palette.ORANGE),
}
_WIDTH, _HEIGHT = 0.7, 0.5


def unrolled(
    panels: Mapping[str, Sequence[Step]], *, alt: str, columns: int = 1, weights: bool = False
) -> None:
    """Show unrolled networks, a panel each under its title: inputs below, outputs above.

    panels: title -> its steps, each with a state. Labels may hold mathtext such as "$h_1$".
    columns: panels beside each other. weights: write W_x and W_h beside their arrows.
    Raises ValueError for a panel without steps.
    """
    empty = [title for title, steps in panels.items() if not steps]
    if empty or not panels:
        raise ValueError(f"nothing to draw for {empty or 'panels'}; give each panel its steps")
    lines = -(-len(panels) // columns)
    every = [step for steps in panels.values() for step in steps]
    longest = max(len(steps) for steps in panels.values())
    top = 2.4 if any(step.output for step in every) else 1.4
    width = 0.5 + 1.15 * longest
    fig = Figure(figsize=(columns * width, lines * (top + 0.9)))
    for place, (title, steps) in enumerate(panels.items(), start=1):
        axes = fig.add_subplot(lines, columns, place)
        axes.set_title(textwrap.fill(title, int(9 * width)), fontsize=13)
        axes.set(xlim=(-0.6, longest - 0.4), ylim=(-0.4, top))
        axes.set_axis_off()
        _panel(axes, steps, ("$W_x$", "$W_h$") if weights else ("", ""))
    figures.show(fig, alt)


def chains(panels: Mapping[str, Sequence[str]], *, alt: str) -> None:
    """Show what is computed from what: each panel a row of boxes with arrows, under its title.

    panels: title -> labels from left to right, which may hold mathtext.
    Raises ValueError for a panel without labels.
    """
    empty = [title for title, labels in panels.items() if not labels]
    if empty or not panels:
        raise ValueError(f"nothing to draw for {empty or 'panels'}; give each panel its labels")
    longest = max(len(labels) for labels in panels.values())
    fig = Figure(figsize=(0.5 + 1.75 * longest, 1.35 * len(panels)))
    for place, (title, labels) in enumerate(panels.items(), start=1):
        axes = fig.add_subplot(len(panels), 1, place)
        axes.set_title(title, fontsize=13)
        axes.set(xlim=(-0.5, longest - 0.5), ylim=(-0.4, 0.4))
        axes.set_axis_off()
        for x, label in enumerate(labels):
            _box(axes, x, 0.0, label, palette.BLUE)
            if x:
                _arrow(axes, (x - 1, 0.0), (x, 0.0))
    figures.show(fig, alt)


def _panel(axes: Axes, steps: Sequence[Step], names: tuple[str, str]) -> None:
    for x, step in enumerate(steps):
        for row, (y, colour) in _ROWS.items():
            text = getattr(step, row)
            if text:
                _box(axes, x, y, text, colour)
        if step.input:
            _arrow(axes, (x, 0.0), (x, 1.0))
            axes.text(x + 0.06, 0.5, names[0], va="center", fontsize=12)
        if step.output:
            _arrow(axes, (x, 1.0), (x, 2.0))
        if x:
            _arrow(axes, (x - 1, 1.0), (x, 1.0))
            axes.text(x - 0.5, 1.12, names[1], ha="center", va="bottom", fontsize=12)


def _box(axes: Axes, x: float, y: float, text: str, colour: str) -> None:
    corner = (x - _WIDTH / 2, y - _HEIGHT / 2)
    style = "round,pad=0,rounding_size=0.08"
    axes.add_patch(
        FancyBboxPatch(
            corner, _WIDTH, _HEIGHT, boxstyle=style, facecolor=colour + "33", edgecolor=colour
        )
    )
    axes.text(x, y, text, ha="center", va="center", fontsize=12)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw an arrow from edge to edge of two boxes, given by their centres."""
    along = end[0] != start[0]
    gap = _WIDTH / 2 if along else _HEIGHT / 2
    shift = (gap + 0.02, 0.0) if along else (0.0, gap + 0.02)
    axes.annotate(
        "",
        xy=(end[0] - shift[0], end[1] - shift[1]),
        xytext=(start[0] + shift[0], start[1] + shift[1]),
        arrowprops={"arrowstyle": "-|>", "color": palette.BLACK, "shrinkA": 0, "shrinkB": 0},
    )
