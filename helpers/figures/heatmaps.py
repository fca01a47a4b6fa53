"""`grids`: a number for each run and each part of a model, as colours, with the table folded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from helpers import palette
from helpers.figures.charts import AS_IT_IS, show
from helpers.figures.checks import to_array
from helpers.figures.tables import folded_table

CELL = (0.54, 0.3)  # inches
DIGITS = 2


def grids(
    panels: Mapping[str, Any],
    *,
    rows: Sequence[object],
    columns: Sequence[str],
    rows_are: str,
    title: str,
    alt: str,
    measure: str = "share",
    across: int = 3,
    columns_are: str = "",
) -> None:
    """Show a grid of colours for each panel, so many in a row, and below them a folded table.

    panels: the name of what was measured -> numbers from 0 to 1, a row for each run and a column
    for each part. rows, columns: what these are called. rows_are, columns_are: what a row or a
    column is, such as "seed". measure: what the colours show. alt: see `show`. Raises ValueError
    for a panel of another size, or with a number outside 0 to 1, which would be drawn as another
    number.
    """
    size = (len(rows), len(columns))
    tables = {name: to_array(numbers, name) for name, numbers in panels.items()}
    for name, numbers in tables.items():
        if numbers.shape != size or numbers.min() < 0 or numbers.max() > 1:
            raise ValueError(
                f"{name} has the shape {numbers.shape}, with numbers from {numbers.min():g} to "
                f"{numbers.max():g}; expected {size}, a row for each of {list(rows)} and a column "
                f"for each of {list(columns)}, and numbers from 0 to 1."
            )
    names = (rows_are, columns_are)
    fig = _picture(tables, rows, columns, names, title, measure, min(across, len(tables)))
    show(fig, alt)
    called = [f"{columns_are} {column}".strip() for column in columns]
    header = [rows_are, *(f"{name}: {column}" for name in tables for column in called)]
    joined = np.concatenate(list(tables.values()), axis=1).tolist()
    body = [(str(name), *numbers) for name, numbers in zip(rows, joined, strict=True)]
    folded_table("The numbers as a table", body, header, DIGITS)


def _picture(
    tables: Mapping[str, np.ndarray],
    rows: Sequence[object],
    columns: Sequence[str],
    names: tuple[str, str],
    title: str,
    measure: str,
    across: int,
) -> Figure:
    down = -(-len(tables) // across)
    room = 0.5 + (0.25 if names[1] else 0.0)
    wide = 1.9 + across * (CELL[0] * len(columns) + 0.25)
    fig = Figure(figsize=(wide, room + down * (0.75 + CELL[1] * len(rows))))
    grid = fig.subplots(down, across, sharey=True, squeeze=False)
    for axes, (name, numbers) in zip(grid.flat, tables.items(), strict=False):
        image = axes.pcolormesh(numbers, vmin=0, vmax=1, edgecolors="white", linewidth=1.2)
        axes.set_title(name, loc="center", pad=6, fontsize=12, fontweight="normal")
        axes.set_xticks(np.arange(len(columns)) + 0.5, columns, fontsize=11)
        axes.set_yticks(np.arange(len(rows)) + 0.5, [str(row) for row in rows], fontsize=11)
        axes.tick_params(length=0)
        axes.grid(False)
        axes.spines[:].set_visible(False)
        for (r, c), number in np.ndenumerate(numbers):
            ink = palette.ink_on(palette.shade(number))
            place = {"ha": "center", "va": "center", "fontsize": 10, "color": ink, "gid": AS_IT_IS}
            axes.text(c + 0.5, r + 0.5, f"{number:.{DIGITS}f}", **place)
    grid[0, 0].invert_yaxis()  # shared: one turns them all
    for axes in grid[:, 0]:
        axes.set_ylabel(names[0])
    for axes in grid[-1, :]:
        axes.set_xlabel(names[1])
    for axes in grid.flat[len(tables) :]:
        axes.set_visible(False)
    bar = fig.colorbar(image, ax=grid, fraction=0.05, pad=0.02, aspect=25)
    bar.set_label(measure)
    bar.outline.set_visible(False)
    fig.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=14)
    return fig
