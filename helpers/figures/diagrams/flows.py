"""Drawings of what is computed from what: boxes and arrows at given places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from helpers import figures, palette

_WIDTH, _HEIGHT = 0.7, 0.5
_FLOW = (palette.ORANGE, palette.BLUE, palette.PURPLE, palette.GREEN)  # by row, from the bottom


def flow(
    panels: Mapping[str, tuple[Mapping[str, tuple[float, float]], Sequence[tuple[str, str]]]],
    *,
    alt: str,
) -> None:
    """Show what is computed from what: boxes at their places, arrows between them, a panel each.

    panels: title -> (boxes, arrows). boxes: label, which may hold mathtext -> (x, y) in columns
    and rows from the lower left; rows from the bottom are inputs, states, contexts, outputs.
    arrows: (from, to), by label. An arrow that would run through a box is bent.
    Raises ValueError for a panel without boxes or an arrow to a box that is not there.
    """
    for title, (boxes, arrows) in panels.items():
        lost = {end for arrow in arrows for end in arrow} - set(boxes)
        if lost or not boxes:
            raise ValueError(f"nothing to draw for {title!r}: {sorted(lost) or 'boxes'} missing")
    across = max(x for boxes, _ in panels.values() for x, _ in boxes.values())
    up = max(y for boxes, _ in panels.values() for _, y in boxes.values())
    fig = Figure(figsize=(len(panels) * (1.15 * across + 1.6), 0.95 * up + 1.5))
    for place, (title, (boxes, arrows)) in enumerate(panels.items(), start=1):
        axes = fig.add_subplot(1, len(panels), place)
        axes.set_title(title, fontsize=13)
        axes.set(xlim=(-0.6, across + 0.6), ylim=(-0.4, up + 0.4))
        axes.set_axis_off()
        for label, (x, y) in boxes.items():
            _box(axes, x, y, label, _FLOW[min(int(y), len(_FLOW) - 1)])
        taken = set(boxes.values())
        for start, end in ((boxes[a], boxes[b]) for a, b in arrows):
            middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
            _arrow(axes, start, end, bend=-0.5 if middle in taken else 0.0)
    figures.show(fig, alt)


def _box(axes: Axes, x: float, y: float, text: str, colour: str) -> None:
    corner = (x - _WIDTH / 2, y - _HEIGHT / 2)
    style = "round,pad=0,rounding_size=0.08"
    axes.add_patch(
        FancyBboxPatch(
            corner, _WIDTH, _HEIGHT, boxstyle=style, facecolor=colour + "33", edgecolor=colour
        )
    )
    axes.text(x, y, text, ha="center", va="center", fontsize=12)


def _arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], bend: float = 0.0
) -> None:
    """Draw an arrow from edge to edge of two boxes, given by their centres."""
    across, up = end[0] - start[0], end[1] - start[1]
    if bend:  # leave and enter at the side, around what lies between
        shift = (_WIDTH / 2 + 0.02, 0.0)
        start, end = (start[0] + shift[0], start[1]), (end[0] + shift[0], end[1])
    else:
        level = up == 0
        gap = (_WIDTH / 2 + 0.02) if level else 0.0
        rise = 0.0 if level else _HEIGHT / 2 + 0.02
        side, way = (1 if across > 0 else -1), (1 if up > 0 else -1)
        start = (start[0] + side * gap, start[1] + way * rise)
        end = (end[0] - side * gap, end[1] - way * rise)
    axes.annotate(
        "",
        xy=end,
        xytext=start,
        arrowprops={
            "arrowstyle": "-|>",
            "color": palette.BLACK,
            "shrinkA": 0,
            "shrinkB": 0,
            "connectionstyle": f"arc3,rad={-bend}",
        },
    )
