"""The picture of the ledger: every claim a line, with its values beside the edge of its band."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from helpers import palette
from helpers.authoring.ledger.rows import Row, read_rows, worst_first
from helpers.figures import charts
from helpers.results import NEAR, in_deviations, seeds_of

COLUMN = 60  # claims side by side with others, where there are more
FARTHEST = 100.0  # standard deviations; what stands farther in is drawn here
NEAREST = -2.0
TICKS = (0, 4, 10, 30, 100)
LEGEND = (
    "distance of each run to the edge of its band, in standard deviations (red: outside the band, "
    "grey: nearer than 4)\n"
    "diamonds: no seed changes the value (grey: it is read from a record) · °: a live claim that "
    "no saboteur has broken"
)
KEY = "claims"  # where the file keeps the checksum of the rows that it shows


def beside(path: Path) -> Path:
    """Return where the picture of a ledger stands."""
    return path.with_suffix(".png")


def checksum(path: Path) -> str:
    """Return what tells one ledger from another."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write(path: Path) -> Path:
    """Draw the ledger at `path` into the file beside it, with its checksum, and return that."""
    info = PngInfo()
    info.add_text(KEY, checksum(path))
    with Image.open(io.BytesIO(charts.png(figure(read_rows(path))))) as image:
        image.save(beside(path), pnginfo=info, optimize=True)
    return beside(path)


def alt(rows: Sequence[Row]) -> str:
    """Return what the picture says, for a reader who does not see it."""
    live = [row for row in rows if row["kind"] == "live"]
    varied = [row for row in live if row["margin_sd"] is not None]
    near = [row["claim"] for row in varied if row["margin_sd"] < NEAR]
    counts = set(seeds_of(rows).values())
    dots = f"{min(counts, default=0)} dots" + " or more" * (len(counts) > 1)
    least = min(varied, key=lambda row: row["margin_sd"], default=None)
    nearest = (
        f" The one nearest to its edge is {least['claim']}, at {least['margin_sd']:.1f} standard "
        "deviations."
        if least
        else ""
    )
    return (
        f"{len(rows)} claims, a line each, those nearest to the edge of their band on top. Each of "
        f"the {len(live)} live ones has {dots}, one a seed, and none lies outside its band. "
        f"{len(near)} of them stand nearer than {NEAR:g} standard deviations.{nearest} "
        f"{len(rows) - len(live)} read a record."
    )


def figure(rows: Sequence[Row]) -> Figure:
    """Return the picture: the distance to the nearest edge of the band, in standard deviations."""
    rows = worst_first(rows)
    across = max(1, -(-len(rows) // COLUMN))
    down = max(1, -(-len(rows) // across))
    columns = [rows[k * down : (k + 1) * down] for k in range(across)]
    fig = Figure(figsize=(max(4.2 * across, 7.0), 1.8 + 0.19 * down))
    grid = fig.subplots(1, len(columns), squeeze=False)[0]
    for axes, column in zip(grid, columns, strict=True):
        _draw(axes, column)
        axes.set_ylim(down - 0.4, -0.6)
    fig.supxlabel(
        LEGEND if across > 1 else LEGEND.replace(" (", "\n(").replace(" · ", "\n"), size=10
    )
    fig.suptitle("How far each claim stands from its band", x=0.01, ha="left", weight="bold")
    return fig


def _draw(axes: Axes, rows: Sequence[Row]) -> None:
    axes.set_xscale("symlog", linthresh=NEAR)
    axes.axvspan(NEAREST, 0, color=palette.VERMILLION, alpha=0.18, linewidth=0)
    axes.axvspan(0, NEAR, color=palette.GREY, alpha=0.18, linewidth=0)
    for place, row in enumerate(rows):
        places = in_deviations(row["values"], row["band"])
        if places:
            places = [min(max(x, NEAREST), FARTHEST) for x in places]
            axes.hlines(place, min(places), max(places), color=palette.BLUE, linewidth=0.8)
            axes.scatter(places, [place] * len(places), s=9, color=palette.BLUE, alpha=0.5)
        else:  # nothing varies: a record, or a result that no seed changes
            colour = palette.GREY if row["kind"] == "recorded" else palette.GREEN
            axes.scatter([FARTHEST], [place], s=22, marker="D", color=colour)
    axes.set_xlim(NEAREST, FARTHEST * 1.3)
    axes.set_xticks(TICKS, [str(tick) for tick in TICKS], fontsize=9)
    axes.set_yticks(range(len(rows)), [_label(row) for row in rows], fontsize=8)
    axes.tick_params(axis="y", length=0)


def _label(row: Row) -> str:
    """Return the claim's id, with a mark where no saboteur has broken it."""
    bare = row["kind"] == "live" and row["saboteur"] is None
    return f"{row['claim']}{' °' if bare else ''}"
