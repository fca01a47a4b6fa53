"""The still picture of a diagram, with or without the numbers of a model in it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from helpers import palette
from helpers.figures.charts import AS_IT_IS, show
from helpers.figures.checks import to_array
from helpers.figures.diagrams.spec import (
    ROLES,
    Arrow,
    Box,
    Diagram,
    Numbers,
    check_numbers,
    typeset,
)

COLUMN, ROW = 1.15, 0.95  # inches
COLOURS = 48  # a diagram has few, and with more a notebook grows without looking better
CELLS = 8  # numbers of a vector that a strip shows
SIDE = 12  # rows and columns of a matrix that a grid shows
DIGIT = 0.075  # inches of a digit in a cell
LOWEST = 0.12  # inches that a cell needs in height to have its number written in it
LETTER = 0.056  # columns of a letter of the words beside a grid
LINE = 0.17  # rows of the words above a grid
THICKEST = 5.0  # points, of an arrow whose weight is 1; thicker ones touch boxes beside them
PALEST = 0.5  # of an arrow's colour is left where its weight is 0, or it is lost on dark paper
GAP = 0.03  # columns or rows between a box and the arrows that touch it
FAINT = 0.3  # of what the chosen step does not speak of


def draw(
    diagram: Diagram, numbers: Numbers | None = None, stage: int | None = None, alt: str = ""
) -> None:
    """Show a diagram.

    numbers: of a model, drawn into the boxes as strips of cells and as thick arrows. stage: the
    number of the step to light up, from 1; its sentence stands below. alt: the diagram's own by
    default. Raises ValueError for a step that is not there, or numbers of another diagram.
    """
    if stage is not None and not 1 <= stage <= len(diagram.stages):
        raise ValueError(f"step {stage} of {diagram.title!r}: it has 1 to {len(diagram.stages)}")
    if numbers is not None:
        check_numbers(diagram, [numbers])
    show(picture(diagram, numbers, stage), alt or diagram.alt, COLOURS)


def show_drawing(fig: Figure, alt: str) -> None:
    """Show a figure that is a drawing and holds few colours, such as one of clocks; see `show`."""
    show(fig, alt, COLOURS)


def draw_all(diagrams: Sequence[Diagram], alt: str, columns: int = 2) -> None:
    """Show several diagrams in one figure, so many beside each other, each under its title.

    All are drawn at one scale, and those of a row stand on one line. A last one that is alone in
    its row may be as wide as the figure. Raises ValueError where there is none.
    """
    if not diagrams:
        raise ValueError("no diagrams to draw; give one or more")
    rows = [diagrams[i : i + columns] for i in range(0, len(diagrams), columns)]
    sizes = [[_size(diagram) for diagram in row] for row in rows]
    whole = [row for row in sizes if len(row) > 1 or len(rows[0]) == 1]
    wide = [max(row[i][0] for row in whole if i < len(row)) for i in range(len(rows[0]))]
    wide[-1] += max(0.0, max(row[0][0] for row in sizes) - sum(wide))
    tall = [max(height for _, height in row) for row in sizes]
    fig = Figure(figsize=(sum(wide), sum(tall) + 0.45 * len(rows)))
    grid = fig.add_gridspec(len(rows), len(wide), width_ratios=wide, height_ratios=tall)
    for line, row in enumerate(rows):
        for place, diagram in enumerate(row):
            alone = len(row) == 1
            axes = fig.add_subplot(grid[line, :] if alone else grid[line, place])
            _panel(axes, diagram, Numbers(), None)
            left, bottom = axes.get_xlim()[0], axes.get_ylim()[0]
            room = sum(wide) if alone else wide[place]
            axes.set(xlim=(left, left + room / COLUMN), ylim=(bottom, bottom + tall[line] / ROW))
            axes.set_aspect(ROW / COLUMN, anchor="SW")
    show(fig, alt, COLOURS)


def picture(diagram: Diagram, numbers: Numbers | None = None, stage: int | None = None) -> Figure:
    """Return the figure that `draw` shows."""
    numbers = numbers or Numbers()
    wide, height = _size(diagram)
    text = "" if stage is None else f"{stage}. {diagram.stages[stage - 1].text}"
    width = max(wide, 4.2)
    text = textwrap.fill(text, int(10.5 * width))
    title = textwrap.fill(diagram.title, int(8 * width))
    extra = 0.32 * (title.count("\n") + 1) + 0.26 * (text.count("\n") + 1 if text else 0)
    fig = Figure(figsize=(width, height + extra))
    _panel(fig.add_subplot(), diagram, numbers, stage, title)
    if text:
        fig.supxlabel(text, x=0.02, ha="left", fontsize=13)
    return fig


def _size(diagram: Diagram) -> tuple[float, float]:
    """Return the width and height of a diagram in inches, its title left out."""
    left, bottom, right, top = diagram.extent()
    return COLUMN * (right - left + 0.3), ROW * (top - bottom + 0.35)


def _panel(
    axes: Axes, diagram: Diagram, numbers: Numbers, stage: int | None, title: str = ""
) -> None:
    left, bottom, right, top = diagram.extent()
    axes.set(xlim=(left - 0.15, right + 0.15), ylim=(bottom - 0.2, top + 0.15))
    axes.set_axis_off()
    axes.set_title(title or diagram.title, fontsize=14)
    computed = diagram.computed(stage)
    lit = None if stage is None else set(diagram.stages[stage - 1].lit)
    for arrow in diagram.arrows:
        on = lit is None or {arrow.start, arrow.end} <= lit
        weight = numbers.weights.get(arrow.weight) if arrow.end in computed else None
        _arrow(axes, diagram, arrow, weight, 1.0 if on else FAINT)
    alike = together(diagram.alike, numbers)
    for box in diagram.boxes:
        on = lit is None or box.name in lit
        known = numbers if box.name in computed else Numbers()
        others = alike if box.name in diagram.alike else ()
        _box(axes, box, known, box.name in diagram.masked, 1.0 if on else FAINT, others)


def together(names: Iterable[str], numbers: Numbers) -> list[float]:
    """Return the numbers of boxes that are compared, as many as are shown."""
    found = []
    for name in sorted(set(names) & numbers.values.keys()):
        value = to_array(numbers.values[name], name)
        rows, _ = in_rows(value, name, SIDE if value.ndim > 1 else CELLS)
        found += [number for row in rows for number in row]
    return found


def _box(
    axes: Axes,
    box: Box,
    numbers: Numbers,
    masked: bool,
    alpha: float,
    others: Sequence[float] = (),
) -> None:
    x, y = box.at
    colour = ROLES[box.role]
    corner = (x - box.wide / 2, y - box.tall / 2)
    if box.role != "word":
        parameter = box.role == "parameter"
        patch = FancyBboxPatch(
            corner,
            box.wide,
            box.tall,
            boxstyle="round,pad=0,rounding_size=0.08",
            facecolor="white" if parameter else (colour, 0.35 * alpha),
            edgecolor=(colour, alpha),
            linewidth=2.0 if parameter else 1.4,
            zorder=2,
        )
        axes.add_patch(patch)
        # White below the colour, so that an arrow behind the box does not shine through.
        axes.add_patch(
            FancyBboxPatch(
                corner,
                box.wide,
                box.tall,
                boxstyle=patch.get_boxstyle(),
                facecolor="white",
                edgecolor="none",
                zorder=1.5,
            )
        )
        if masked:  # paler than the border, so that the label can be read on it
            hatched = {"facecolor": "none", "edgecolor": (colour, 0.4 * alpha), "linewidth": 0}
            style = {"boxstyle": patch.get_boxstyle(), "hatch": "///", "zorder": 2}
            axes.add_patch(FancyBboxPatch(corner, box.wide, box.tall, **style, **hatched))
    values = numbers.values.get(box.name)
    label = numbers.words.get(box.name, box.label)
    room = box.tall
    if values is not None:
        room = _cells(axes, box, numbers, alpha, others)
    fits = "$" in label or max(map(len, label.split("\n"))) <= 11 * box.wide
    size = 13 if fits else 10
    middle = y + (box.tall - room) / 2 + (0.05 if box.shape and values is None else 0.0)
    axes.text(x, middle, label, ha="center", va="center", fontsize=size, alpha=alpha, zorder=4)
    if box.shape and values is None:
        low = y - box.tall / 2 + 0.09
        axes.text(
            x,
            low + 0.01,
            typeset(box.shape),
            ha="center",
            va="center",
            fontsize=10 if box.wide > 1.5 else 8.5,
            color="#444444",
            alpha=alpha,
        )


def in_rows(value: Any, name: str, most: int) -> tuple[list[list[float]], bool]:
    """Return the first numbers of a box in rows, at most so many each way, and if it is a grid.

    A vector is one row. Numbers of two dimensions are a grid; of more, the first are put into rows.
    """
    array = to_array(value, name)
    grid = array.ndim > 1
    rows = array.reshape(-1, array.shape[-1]) if grid else array.reshape(1, -1)
    return [[float(f"{v:.6g}") for v in row[:most]] for row in rows[:most]], grid


def written(
    rows: Sequence[Sequence[float]], room: float, letter: float, others: Sequence[float] = ()
) -> list[list[str]] | None:
    """Return the numbers of a box as text with equal decimals, or None where they need more room.

    room: the width of a cell. letter: the width of a digit, in the same unit. There are three
    decimals where two would turn 0.995 into 1.00 or 0.002 into 0.00, if there is room for them.
    others: numbers of other boxes, which ask for as many decimals.
    """
    broken = [v for row in (*rows, others) for v in row if not v.is_integer()]
    exact = 3 if any(float(f"{v:.2f}").is_integer() for v in broken) else 2
    for digits in (exact, 2):
        texts = [[_number(value, digits) for value in row] for row in rows]
        if max(_width(text) for row in texts for text in row) * letter <= room:
            return texts
    return None


def _number(value: float, digits: int) -> str:
    text = f"{value:.0f}" if value.is_integer() else f"{value:.{digits}f}"
    return text if float(text) else text.removeprefix("-")


def _width(text: str) -> float:
    """The width of a number in digits: a point and a sign take half, and so does the edge."""
    return sum(0.5 if letter in ".-" else 1.0 for letter in text) + 0.3


def head_of(tall: float) -> float:
    """Return the rows that a box of this height keeps above a grid, for its label."""
    return min(0.34, 0.5 * tall)


def _cells(
    axes: Axes, box: Box, numbers: Numbers, alpha: float, others: Sequence[float] = ()
) -> float:
    """The numbers of a box as cells: blue below 0, orange above, in shades of this box's largest.

    others: the numbers that they are compared with, whose largest gives the shades then.

    A vector is a strip along the foot, and a matrix is a grid, with the words of its rows and
    columns where there is room for them. A cell with room for its number has it written in it. A
    single number that is no matrix has no colour, if there is nothing to compare it with.
    Returns the rows that are left above the cells, for the label.
    """
    value = to_array(numbers.values[box.name], box.name)
    rows, grid = in_rows(value, box.name, SIDE if value.ndim > 1 else CELLS)
    beside, above = numbers.rows.get(box.name, ()), numbers.columns.get(box.name, ())
    (x, y), low = box.at, 0.08 * box.tall
    left, wide = x - 0.45 * box.wide, 0.9 * box.wide
    stacked = len(rows) > 1 or beside or above
    head = head_of(box.tall) if stacked else 0.6 * box.tall
    name_room = LETTER * max(map(len, beside), default=0) + 0.06
    if beside and name_room <= 0.5 * wide:
        left, wide = left + name_room, wide - name_room
    else:
        beside = ()
    each = wide / len(rows[0])
    if above and LETTER * max(map(len, above)) <= each:
        head += LINE
    else:
        above = ()
    foot = y - box.tall / 2 + low
    part = (box.tall - head - low) / len(rows)  # rows of the diagram that a row of cells takes
    texts = written(rows, COLUMN * each, DIGIT, others)
    tall = part * 0.94
    if not stacked:
        tall = (0.36 if texts else 0.28) * box.tall
    most = max(abs(v) for row in (*rows, others) for v in row) or 1.0
    small = {"fontsize": 8, "va": "center_baseline", "alpha": alpha, "zorder": 4}
    for r, row in enumerate(rows):
        down = foot + (len(rows) - 1 - r) * part
        if beside:
            axes.text(left - 0.04, down + tall / 2, beside[r], ha="right", **small)
        for c, number in enumerate(row):
            share = (number / most + 1) / 2 if grid or len(row) > 1 or others else 0.5
            colour = palette.shade(share, palette.SIGNED_RAMP)
            place = (left + (c + 0.04) * each, down)  # 0.08 of each cell is a gap
            cell = Rectangle(place, each * 0.92, tall, facecolor=colour, alpha=alpha)
            cell.set(edgecolor="#777777", linewidth=0.4, zorder=3, gid=AS_IT_IS)
            axes.add_patch(cell)
            if texts and ROW * tall >= LOWEST:
                axes.text(
                    place[0] + each * 0.46,
                    down + tall / 2,
                    texts[r][c],
                    ha="center",
                    va="center_baseline",
                    fontsize=8.5,
                    color=palette.ink_on(colour),
                    alpha=alpha,
                    zorder=4,
                    gid=AS_IT_IS,
                )
    for c, word in enumerate(above[: len(rows[0])]):
        up = foot + len(rows) * part + 0.4 * LINE
        axes.text(left + (c + 0.5) * each, up, word, ha="center", **small)
    return head - LINE if above else head


def _arrow(axes: Axes, diagram: Diagram, arrow: Arrow, weight: Any, alpha: float) -> None:
    start, end = diagram.box(arrow.start), diagram.box(arrow.end)
    tail, head = ends(start, end, arrow.shift)
    thick = 1.2 if weight is None else 0.6 + THICKEST * float(weight)
    weighted = weight is not None
    axes.annotate(
        "",
        xy=head,
        xytext=tail,
        arrowprops={
            "arrowstyle": "-|>",
            "color": palette.BLACK if not weighted else palette.BLUE,
            "alpha": alpha * (PALEST + (1 - PALEST) * float(weight) if weighted else 1.0),
            "linewidth": thick,
            "linestyle": "--" if arrow.choice else "-",
            "shrinkA": 0,
            "shrinkB": 0,
            "mutation_scale": 12,
            "connectionstyle": f"arc3,rad={0.35 * arrow.bend:g}",
        },
        zorder=1,
    )
    if arrow.label:
        x, y = (tail[0] + head[0]) / 2, (tail[1] + head[1]) / 2
        level = abs(head[0] - tail[0]) > abs(head[1] - tail[1])
        shift = (0.0, 0.15) if level else (0.07, 0.0)
        axes.text(
            x + shift[0],
            y + shift[1],
            arrow.label,
            ha="center" if level else "left",
            va="center",
            fontsize=11,
            alpha=alpha,
        )


def ends(
    start: Box, end: Box, shift: float = 0.0
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return where an arrow leaves `start` and where it reaches `end`, at their edges.

    Boxes above each other are joined straight up or down where their columns overlap, boxes beside
    each other straight across; all others from middle to middle.
    """
    (x, y), (u, v) = start.at, end.at
    left, right = (
        max(x - start.wide / 2, u - end.wide / 2),
        min(x + start.wide / 2, u + end.wide / 2),
    )
    low, high = max(y - start.tall / 2, v - end.tall / 2), min(y + start.tall / 2, v + end.tall / 2)
    if right > left and not high > low:
        narrow = start if start.wide <= end.wide else end
        at = min(max(narrow.at[0] + shift, left), right)
        way = 1 if v > y else -1
        return (at, y + way * (start.tall / 2 + GAP)), (at, v - way * (end.tall / 2 + GAP))
    if high > low and not right > left:
        short = start if start.tall <= end.tall else end
        at = min(max(short.at[1], low), high)
        way = 1 if u > x else -1
        return (x + way * (start.wide / 2 + GAP), at), (u - way * (end.wide / 2 + GAP), at)
    return _rim(start, (u, v)), _rim(end, (x, y))


def _rim(box: Box, towards: tuple[float, float]) -> tuple[float, float]:
    """Where the line from the middle of a box to a point leaves the box."""
    x, y = box.at
    across, up = towards[0] - x, towards[1] - y
    if not across and not up:
        return x, y
    scale = min(
        (box.wide / 2 + GAP) / abs(across) if across else np.inf,
        (box.tall / 2 + GAP) / abs(up) if up else np.inf,
    )
    return x + across * scale, y + up * scale
