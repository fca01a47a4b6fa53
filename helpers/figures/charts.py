"""Every figure of the course: one style, one palette, and a text for readers who cannot see it.

`show` is the only way a figure reaches a notebook. It embeds the picture in HTML, because
JupyterLab drops the alternative text of a plain image output.
"""

from __future__ import annotations

import base64
import io
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import log10
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from IPython.display import publish_display_data
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import Collection
from matplotlib.colors import PowerNorm, to_hex, to_rgb, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation, Text
from matplotlib.ticker import LogFormatter, MaxNLocator
from PIL import Image

from helpers import palette

if TYPE_CHECKING:
    from helpers.metrics import Bucket


DOTS_PER_INCH = 110
COLOURS = 64  # of a picture in a notebook
OF_CURVES = 24  # of one that holds curves, dots and bars; with more it grows and looks the same
DARK_PAPER = "#121212"  # 0.95 - 0.88 of white
THIN = 7.0  # contrast with it that a thin arrow needs, as half of its colour may shine through
SHORTEST_ALT = 20  # characters; below that a text cannot say what is seen
SHOWN_FROM = 0.095  # weights that round to 0.1 or more carry their number
# What the others are compared with is grey in every figure, and its marker tells it apart.
COMPARED_WITH = (
    *("no attention, bidirectional", "null curve", "another's context", "guessing"),
    *("bigram", "trigram", "4-gram", "5-gram, Kneser-Ney"),
)
RUN = re.compile(r", (this run|longer training|trained longer)$")  # of the model that is named
LIGHTEST, DARKEST = 0x94, 0x10  # greys of one model in several sizes; both are seen on white
RIM = 1.1  # points, of the light rim on each side of a frame
# A bar that is shorter than its marker is seen all the same, because the marker is hollow and lies
# below the bar, whose ends are wider than the marker.
BAR: dict[str, Any] = {"markersize": 7, "markerfacecolor": "white", "markeredgewidth": 1.8}
BAR |= {"barsabove": True, "capsize": 6}

STYLE = {
    "figure.dpi": DOTS_PER_INCH,
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",  # comes with matplotlib, so pictures are the same everywhere
    "font.size": 13,
    "axes.titlesize": 15,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "axes.labelsize": 13,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": matplotlib.cycler(color=palette.CYCLE),
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E3E3E3",
    "lines.linewidth": 2.6,
    "lines.markersize": 8,
    "legend.frameon": False,
    "image.cmap": palette.WEIGHT_COLOURMAP,
}
matplotlib.rcParams.update(STYLE)


def new_figure(width: float = 8.0, height: float = 4.5) -> tuple[Figure, Axes]:
    """Return an empty figure, sizes in inches, and its one axes (no pyplot, so nothing to leak)."""
    figure = Figure(figsize=(width, height))
    return figure, figure.add_subplot()


# Which of the two renderings of a figure is seen: JupyterLab, a Sphinx book, VS Code, Colab say in
# these ways that their theme is dark. A notebook that is not trusted loses the style, and shows the
# light one, as the dark one is hidden in its own tag.
_DARK_THEMES = (
    '[data-jp-theme-light="false"]',
    'html[data-theme="dark"]',
    "body.vscode-dark",
    "html[theme=dark]",
)
_THEME_STYLE = (
    "<style>"
    + ",".join(f"{theme} .am-light" for theme in _DARK_THEMES)
    + "{display:none!important}"
    + ",".join(f"{theme} .am-dark" for theme in _DARK_THEMES)
    + "{display:block!important}</style>"
)
_FIGURE = '<figure style="margin:0">'
# A notebook that is not trusted loses this style too, and shows the wide figure in every window.
_NARROW_STYLE = (
    "<style>@media (max-width:600px){.am-wide{display:none!important}"
    ".am-narrow{display:block!important}}</style>"
)
AS_IT_IS = "as it is"  # the gid of what keeps its colour in the dark, such as ink on a shade


def show(fig: Figure, alt: str, colours: int = COLOURS, narrow: Figure | None = None) -> None:
    """Show a figure as HTML with `alt` as its text, in a light and a dark rendering, and close it.

    alt: what the figure shows, for readers who do not see it; at least 20 characters. colours: the
    most that its pictures hold, see `png`. narrow: the same figure for windows as narrow as a
    phone's, where it takes the place of the other one.
    The same data gives the same bytes. Raises ValueError where `alt` is missing or too short.
    """
    alt = checked_alt(alt)
    html = figure_html(fig, alt, colours)
    if narrow is not None:
        slim = figure_html(narrow, alt, colours)
        html = html.replace(_FIGURE, '<figure class="am-wide" style="margin:0">', 1)
        html += slim.replace(_FIGURE, '<figure class="am-narrow" style="margin:0;display:none">', 1)
        html += _NARROW_STYLE
        _close(narrow)
    publish_display_data({"text/html": html, "text/plain": alt})
    _close(fig)


def checked_alt(alt: str) -> str:
    """Return an alternative text in one line. Raises ValueError where it is missing or short."""
    if not isinstance(alt, str) or len(alt.strip()) < SHORTEST_ALT:
        raise ValueError(
            f"alt is {alt!r}; expected a sentence of {SHORTEST_ALT} characters or more that says "
            "what the figure shows, for a reader who does not see it."
        )
    return " ".join(alt.split())


def figure_html(fig: Figure, alt: str, colours: int = COLOURS) -> str:
    """Return a figure as HTML, light and dark. The figure's colours are changed by it."""
    light = _image(fig, alt, "am-light", "block", colours)
    darken_figure(fig)
    dark = _image(fig, alt, "am-dark", "none", colours)
    return f"{_FIGURE}{light}{dark}</figure>{_THEME_STYLE}"


def _image(fig: Figure, alt: str, name: str, display: str, colours: int) -> str:
    data = base64.b64encode(png(fig, colours)).decode("ascii")
    style = f'style="display:{display};max-width:100%"'
    return f'<img class="{name}" alt="{escape(alt)}" src="data:image/png;base64,{data}" {style}>'


def lay_out(fig: Figure) -> None:
    """Place what a figure holds, once: each `savefig` would place it anew, and draw it twice."""
    engine = fig.get_layout_engine()
    if engine is not None and fig.axes:
        engine.execute(fig)
        with matplotlib.rc_context({"figure.constrained_layout.use": False}):
            fig.set_layout_engine(None)  # "none" would leave a placeholder, which draws twice too


def png(fig: Figure, colours: int = COLOURS) -> bytes:
    """Return a figure as a small PNG: at most so many colours, no date, no version."""
    lay_out(fig)
    canvas = FigureCanvasAgg(fig)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    # kmeans moves the colours to where pixels are, because the median cut alone takes a shade of a
    # strip for its neighbour.
    few = image.quantize(colours, method=Image.Quantize.MEDIANCUT, kmeans=1, dither=0)
    small = io.BytesIO()
    few.save(small, format="PNG", optimize=True)
    return small.getvalue()


def darken_figure(fig: Figure) -> None:
    """Change the colours of a figure, in place, to those that are read on dark paper.

    Greys change places (black ink becomes light), colours stay unless they are too dark to be seen.
    Shades of weights, and what has the gid "as it is", stay.
    """
    for artist in fig.findobj():
        if artist.get_gid() == AS_IT_IS:
            continue
        if isinstance(artist, Text):
            artist.set_color(_on_dark(artist.get_color(), 4.5))
        elif isinstance(artist, Line2D):
            # All three are read first, since a marker without a colour has that of its line.
            line, face = artist.get_color(), artist.get_markerfacecolor()
            edge = artist.get_markeredgecolor()
            artist.set_color(_on_dark(line))
            artist.set_markerfacecolor(_on_dark(face))
            artist.set_markeredgecolor(_on_dark(edge))
        elif isinstance(artist, Patch):
            _darken_patch(artist)
        elif isinstance(artist, Collection):
            artist.set_edgecolor([_on_dark(c) for c in artist.get_edgecolor()])
            if artist.get_array() is None:
                artist.set_facecolor([_on_dark(c) for c in artist.get_facecolor()])
        if isinstance(artist, Annotation) and artist.arrow_patch is not None:
            _darken_patch(artist.arrow_patch, THIN)


def _darken_patch(patch: Patch, contrast: float = 3.0) -> None:
    alpha = patch.get_alpha()
    face, edge = patch.get_facecolor(), patch.get_edgecolor()
    patch.set_alpha(None)
    patch.set_facecolor(_on_dark(face, contrast))
    patch.set_edgecolor(_on_dark(edge, contrast))
    if alpha is not None:
        patch.set_alpha(alpha)


def _on_dark(colour: Any, contrast: float = 3.0) -> Any:
    """Return the colour on dark paper that takes the place of one on white; its alpha stays."""
    if isinstance(colour, str) and colour.lower() in ("none", "auto"):
        return colour
    red, green, blue, alpha = to_rgba(colour)
    if max(red, green, blue) - min(red, green, blue) < 0.06:
        grey = 0.95 - 0.88 * (red + green + blue) / 3
        return (grey, grey, grey, alpha)
    lighter = palette.lighten(to_hex((red, green, blue)), DARK_PAPER, contrast)
    return (*to_rgb(lighter), alpha)


def attention_map(
    weights: Any,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    gold: Iterable[tuple[int, int]] | None = None,
    title: str,
    alt: str | None = None,
    rows_are: str | None = None,
    columns_are: str | None = None,
) -> None:
    """Show a still attention map: queries as rows, keys as columns.

    weights: (T, S), rows of sum 1 or 0. gold: links (source position, target position), outlined.
    title: states the finding. alt: written from the data if None.
    rows_are, columns_are: what the rows and columns are, in the plural, such as "words that look";
    None for target words and source words.
    Raises ValueError for weights, words or links that do not fit each other.
    """
    from helpers.figures.checks import (
        COLUMNS_ARE,
        ROWS_ARE,
        link_list,
        weights_array,
        with_role,
        word_list,
    )

    rows_are, columns_are = rows_are or ROWS_ARE, columns_are or COLUMNS_ARE
    rows, columns = word_list(rows, "rows"), word_list(columns, "columns")
    matrix = weights_array(weights, len(rows), len(columns))[0, 0]  # (T, S)
    links = link_list(gold, len(rows), len(columns), "gold")
    cell = 0.52 if max(matrix.shape) <= 14 else 0.36
    fig, axes = new_figure(1.9 + cell * len(columns), 1.6 + cell * len(rows) * 0.8)
    image = axes.pcolormesh(matrix, vmin=0, vmax=1, edgecolors="white", linewidth=1.5)
    axes.invert_yaxis()
    axes.xaxis.tick_top()
    axes.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=55, ha="left", va="bottom")
    axes.tick_params(axis="x", rotation=55, pad=0)
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
    axes.tick_params(length=0)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.set_title(textwrap.fill(title, int(7.5 * fig.get_figwidth())))
    axes.set_ylabel(with_role(rows_are, "queries"))
    axes.set_xlabel(with_role(columns_are, "keys"))
    for t, s in np.argwhere(matrix >= SHOWN_FROM):
        ink = palette.ink_on(palette.shade(matrix[t, s]))
        text = f"{matrix[t, s]:.2f}".lstrip("0") if cell < 0.5 else f"{matrix[t, s]:.2f}"
        size = 11 if cell >= 0.5 else 8.5
        axes.text(
            s + 0.5,
            t + 0.5,
            text,
            color=ink,
            ha="center",
            va="center",
            fontsize=size,
            gid=AS_IT_IS,
        )
    for source, target in links:
        axes.add_patch(_outline(source, target, 2.4))
    bar = fig.colorbar(image, ax=axes, fraction=0.05, pad=0.02, aspect=25)
    bar.set_label("attention weight")
    bar.outline.set_visible(False)
    show(fig, alt or _describe(matrix, rows, columns, links, title, rows_are, columns_are))


def wall(
    maps: Mapping[str, Any],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    alt: str,
    across: int = 3,
    gold: Iterable[tuple[int, int]] = (),
    rows_are: str = "",
    columns_are: str = "",
    small: bool = False,
    stacked: bool = False,
) -> None:
    """Show several maps of one sentence beside each other, each under its name.

    maps: name -> weights (T, S), which may break every rule: that is for the reader to see.
    rows, columns: the T target and S source words. Weights above 1 are drawn as 1.
    across: how many maps stand in a row. gold: links (source position, target position), outlined.
    rows_are, columns_are: what rows and columns are, written beside the maps if given.
    small: colours follow the square root of a weight, so that small ones can be told apart.
    stacked: a narrow window shows the maps below each other, so that their words can be read. This
    stores every map twice.
    Raises ValueError for a map of another size.
    """
    from helpers.figures.checks import link_list

    links = link_list(gold, len(rows), len(columns), "gold")
    sides = (rows_are, columns_are)
    figure, *narrow = (
        _hang(maps, rows, columns, links, sides, title, each, small)
        for each in ((across, 1) if stacked else (across,))
    )
    show(figure, alt, narrow=narrow[0] if narrow else None)


def _hang(
    maps: Mapping[str, Any],
    rows: Sequence[str],
    columns: Sequence[str],
    links: Sequence[tuple[int, int]],
    sides: tuple[str, str],
    title: str,
    across: int,
    small: bool,
) -> Figure:
    """Return the figure of `wall`. sides: what rows and columns are, or "" twice."""
    from helpers.figures.checks import to_array

    across, down = min(across, len(maps)), -(-len(maps) // across)
    alone = across < 2  # a column of maps, so high that each needs its words below it
    room = 1.4 if alone else 0.9
    wide, tall = 2.0 + 0.3 * len(columns) * across, 1.2 + down * (room + 0.27 * len(rows))
    fig = Figure(figsize=(wide, tall))
    grid = fig.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    for axes, (name, weights) in zip(grid.flat, maps.items(), strict=False):
        matrix = to_array(weights, name)
        if matrix.shape != (len(rows), len(columns)):
            raise ValueError(
                f"map {name} has shape {matrix.shape}; expected (T, S) = "
                f"({len(rows)}, {len(columns)}), one row a target word, one column a source word"
            )
        scale = PowerNorm(0.5 if small else 1.0, vmin=0, vmax=1)
        image = axes.pcolormesh(matrix, norm=scale, edgecolors="white", linewidth=0.8)
        for source, target in links:
            axes.add_patch(_outline(source, target, 1.6))
        axes.set_title(name, loc="center", pad=6)
        axes.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=90, fontsize=10)
        axes.set_yticks(np.arange(len(rows)) + 0.5, rows, fontsize=10)
        axes.tick_params(length=0, labelbottom=alone or axes in grid[-1])
        axes.grid(False)
        axes.spines[:].set_visible(False)
    grid[0, 0].invert_yaxis()  # shared: one turns them all
    for axes in grid.flat[len(maps) :]:
        axes.set_visible(False)
    place = "top" if alone else "right"
    bar = fig.colorbar(image, ax=grid, location=place, fraction=0.05, pad=0.02, aspect=30)
    bar.set_label("attention weight")
    if small:
        low = [0, 0.1] if alone else [0, 0.05, 0.1]  # a bar that lies has less room for numbers
        bar.set_ticks([*low, 0.2, 0.4, 0.6, 0.8, 1.0])
    bar.outline.set_visible(False)
    if any(sides):
        fig.supylabel(sides[0], fontsize=13)
        fig.supxlabel(sides[1], fontsize=13)
    title = textwrap.fill(title, int(7.5 * wide))
    fig.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=15)
    return fig


def _outline(source: int, target: int, width: float) -> Rectangle:
    """The frame of a gold link's cell, in points; cells are 1 wide and 1 tall."""
    return _frame((source + 0.1, target + 0.1), 0.8, width)


def _frame(corner: tuple[float, float], side: float, width: float) -> Rectangle:
    """A square frame that is seen on every shade, and in the light as in the dark."""
    frame = Rectangle(corner, side, side, fill=False, linewidth=width, gid=AS_IT_IS)
    frame.set(edgecolor=palette.FRAME, clip_on=False)
    frame.set_path_effects([withStroke(linewidth=width + 2 * RIM, foreground=palette.RIM)])
    return frame


def picture_strip(
    picture: Any,
    words: Sequence[str],
    weights: Any,
    gold: Sequence[int | None] | None = None,
    *,
    title: str,
    alt: str,
) -> None:
    """Show where each word of a caption looks: the picture once a word, six in a row.

    picture: (H, W, 3) uint8. words: T. weights: (T, S), rows of sum 1 or 0, over the S cells of a
    square grid in reading order; a cell is the darker the smaller its weight, and the largest
    stands below the picture. gold: for each word its cell, outlined, or None.
    Raises ValueError where these do not fit each other.
    """
    from helpers.figures.checks import cell_list, cell_weights, picture_array, word_list

    image, words = picture_array(picture), word_list(words, "words")
    looks, side = cell_weights(weights, len(words))  # (T, S)
    cells = cell_list(gold, words, side * side) or [None] * len(words)
    across, down = min(6, len(words)), -(-len(words) // 6)
    shape = image.shape[0] / image.shape[1]
    width = max(1.75 * across, 5.0)
    fig = Figure(figsize=(width, 0.6 + down * (0.5 + width / across * shape)))
    grid = fig.subplots(down, across, squeeze=False)
    place = {"extent": (0, side, side, 0), "aspect": shape}
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, word, row, cell in zip(grid.flat, words, looks, cells, strict=False):
        veil = np.zeros((side, side, 4))
        veil[..., 3] = palette.VEIL * (1 - row.reshape(side, side))
        axes.imshow(image, **place)
        axes.imshow(veil, interpolation="nearest", **place)
        axes.set_title(word, loc="center", pad=4)
        if row.max() > 0:
            # Under the picture: on its cell the number would hide a small thing.
            axes.text(side / 2, 1.04 * side, f"{row.max():.2f}", ha="center", va="top", fontsize=11)
        if cell is not None:
            axes.add_patch(_frame((cell % side, cell // side), 1, 2.4))
    fig.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=15)
    show(fig, alt)


def lines(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    xlabel: str,
    ylabel: str,
    title: str,
    alt: str,
    band: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
    log: bool = False,
    shares: bool = False,
    mark: tuple[float, str] | None = None,
) -> None:
    """Show curves with their names at their ends, in the colours of the models.

    series: name, which may go on after a colon -> (x, y). band: name -> (low, high) at the same x,
    drawn as a shaded interval.
    log: each line up the axis is ten times the one below, for y > 0. shares: y is a share, so the
    axis goes from 0 to 1. mark: an x, and what is there: a dotted line, named at its head.
    """
    fig, axes = new_figure()
    axes.set_yscale("log" if log else "linear")
    if log:
        axes.yaxis.set_major_formatter(lambda value, _: _plain_number(value))
        axes.yaxis.set_minor_formatter(_PlainBetween())
    ends, shades = {}, _shades(list(series))
    for place, (name, (x, y)) in enumerate(series.items()):
        colour, marker = _look(name.partition(":")[0], place)
        colour = shades.get(name, colour)
        marker = marker if len(x) <= 25 else None
        axes.plot(x, y, color=colour, marker=marker)
        if band and name in band:
            axes.fill_between(x, *band[name], color=colour, alpha=0.2, linewidth=0)
        ends[name] = (float(y[-1]), colour)
    if all(float(value).is_integer() for x, _ in series.values() for value in x):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))  # there is no step 2.5
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if shares:
        axes.set_ylim(-0.03, 1.03)
    if mark is not None:
        axes.axvline(mark[0], color=palette.GREY, linestyle=":", linewidth=1.5)
        axes.annotate(
            mark[1],
            (mark[0], 1.0),
            (4, -4),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            rotation=90,
            va="top",
            fontsize=12,
        )
    axes.set_title(title)
    _name_ends(axes, ends)
    show(fig, alt, OF_CURVES)


def runs(
    panels: Mapping[str, Sequence[Sequence[float]]],
    x: Sequence[float],
    *,
    xlabel: str,
    ylabel: str,
    title: str,
    alt: str,
    guess: float | None = None,
) -> None:
    """Show a small panel for each model, with one thin line for each of its runs.

    panels: name of a model, which may go on after a colon -> its runs, each as long as x. All
    panels have the same axes, from 0 up.
    guess: what guessing gives, a dotted line. Raises ValueError for a run of another length.
    """
    across = min(2, len(panels))
    down = -(-len(panels) // across)
    fig = Figure(figsize=(8.0, 0.8 + 2.3 * down))
    grid = fig.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    for place, (axes, (name, curves)) in enumerate(zip(grid.flat, panels.items(), strict=False)):
        if lost := [len(curve) for curve in curves if len(curve) != len(x)]:
            raise ValueError(f"{name} has runs of {lost} numbers; x has {len(x)}")
        colour, _ = _look(name.partition(":")[0], place)
        if guess is not None:
            axes.axhline(guess, color=palette.GREY, linestyle=":", linewidth=1.5)
        for curve in curves:
            axes.plot(x, curve, color=colour, linewidth=1.4, alpha=0.8)
        axes.set_title(name, color=palette.darken(colour), fontsize=13, pad=6)
    grid.flat[0].set_ylim(bottom=0)  # last, because a limit that is set fits no later panel
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    fig.supxlabel(xlabel, fontsize=13)
    fig.supylabel(ylabel, fontsize=13)
    fig.suptitle(textwrap.fill(title, 60), x=0.01, ha="left", fontweight="bold", fontsize=15)
    show(fig, alt, OF_CURVES)


def dots(
    rows: Mapping[str, Sequence[float]], *, xlabel: str, title: str, alt: str, zero: bool = True
) -> None:
    """Show a row for each name: the mean, whiskers to both ends, and below them a dot for each run.

    A row of one run shows its mark alone.
    rows: name, which may go on after a colon -> one number a run; a model has its own colour.
    zero: whether the axis begins at 0, a dotted line marks it where runs lie on both sides.
    Raises ValueError for a row without runs.
    """
    if empty := [name for name, values in rows.items() if not len(values)]:
        raise ValueError(f"no runs for {empty}; give one number or more for each row")
    fig, axes = new_figure(8.0, 1.3 + 0.42 * len(rows))
    for place, (name, values) in enumerate(rows.items()):
        colour, marker = _look(name.partition(":")[0], 0)
        middle = float(np.mean(values))
        several = len(values) > 1  # one run has no whiskers, and its mark is its dot
        span = [[middle - min(values)], [max(values) - middle]] if several else None
        axes.errorbar(middle, place, xerr=span, color=colour, marker=marker, linewidth=1.8, **BAR)
        if several:
            axes.scatter(values, [place + 0.27] * len(values), color=colour, alpha=0.6, s=14)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.4, -0.5)  # the first row on top
    if zero:
        low, high = axes.get_xlim()
        low, high = min(low, 0.0), max(high, 0.0)
        axes.set_xlim(low, high + 0.03 * (high - low))  # so that no mark is cut at the edge
        axes.axvline(0, color=palette.GREY, linestyle=":", linewidth=1.5)
    axes.set_xlabel(xlabel)
    # Over the whole figure, because long names of rows leave too little room over the axes.
    fig.suptitle(textwrap.fill(title, 58), x=0.01, ha="left", fontweight="bold", fontsize=15)
    show(fig, alt, OF_CURVES)


def by_length(
    curves: Mapping[str, Sequence[Bucket]],
    *,
    title: str,
    alt: str,
    xlabel: str = "words in the source sentence",
    ylabel: str = "exact match",
) -> None:
    """Show a share by sentence length, one curve per model, with its 95 % intervals.

    curves: model name -> the buckets of `metrics.by_length`, the same lengths for every model. A
    second run of a model, such as "..., trained longer", has its colour and a dashed line.
    The number of sentences stands under each length. Raises ValueError where models differ in it.
    """
    fig, axes = new_figure()
    ticks = None
    ends, shades = {}, _shades(list(curves))
    drawn: set[str] = set()
    for place, (name, buckets) in enumerate(curves.items()):
        model = RUN.sub("", name)
        found = [f"{bucket.label}\nn = {bucket.total}" for bucket in buckets]
        if ticks is not None and found != ticks:
            raise ValueError(
                f"{name} has buckets {found}, the model before it {ticks}; expected the same "
                "sentences for every model. Measure them on one test set."
            )
        ticks = found
        colour, marker = _look(name, place)
        colour = shades.get(name, colour)
        value = np.array([bucket.share for bucket in buckets])
        low, high = np.array([bucket.interval for bucket in buckets]).T  # (buckets,) each
        # A small step aside, so that intervals of two models do not hide each other.
        x = np.arange(len(buckets)) + (place - (len(curves) - 1) / 2) * 0.06
        span = [np.maximum(value - low, 0), np.maximum(high - value, 0)]
        dashed = {"linestyle": "--" if model in drawn else "-"}
        axes.errorbar(x, value, span, color=colour, marker=marker, elinewidth=1.8, **dashed, **BAR)
        drawn.add(model)
        ends[name] = (float(value[-1]), colour)
    if ticks is None:
        raise ValueError("curves is empty; expected at least one model with its buckets.")
    axes.set_xticks(np.arange(len(ticks)), ticks)
    axes.set(xlabel=xlabel, ylabel=f"{ylabel} (95 % interval)", ylim=(-0.03, 1.03))
    axes.set_title(title)
    _name_ends(axes, ends)
    show(fig, alt, OF_CURVES)


def softmaxes(panels: Mapping[str, Any], *, title: str, alt: str) -> None:
    """Show scores and what a softmax makes of them, a column for each kind of scores.

    panels: name -> scores (N, S), a row for each query. Above stands how the scores spread, on one
    axis for all, with their standard deviation; a curve is as high as its panel, so that a narrow
    one does not hide the others. Below stand the S weights of a query, the largest first, each the
    mean over the queries.
    Raises ValueError for a table that is not (N, S), or for no panels.
    """
    from helpers.figures.checks import to_array

    tables = {name: to_array(scores, name) for name, scores in panels.items()}
    shapes = [table.shape for table in tables.values()]
    if not tables or any(len(shape) != 2 for shape in shapes):
        raise ValueError(f"the scores have shapes {shapes}; expected one or more tables (N, S)")
    fig = Figure(figsize=(1.2 + 2.3 * len(tables), 5.5))
    grid = fig.subplots(2, len(tables), sharex="row", sharey="row", squeeze=False)
    reach = max(float(np.abs(table).max()) for table in tables.values())
    # As wide as three deviations of the widest, in steps that show the narrowest as well.
    spread = {name: float(np.std(table)) for name, table in tables.items()}
    reach = min(reach, 3 * max(spread.values()))
    edges = np.linspace(-reach, reach, 201)
    for place, (name, table) in enumerate(tables.items()):
        above, below = grid[:, place]
        counts, _ = np.histogram(table, edges)
        above.stairs(
            counts / max(1, counts.max()), edges, fill=True, color=palette.ROLE_COLOURS["score"]
        )
        above.set_title(name, loc="center", fontsize=13, pad=24)
        deviation = f"standard deviation {spread[name]:.1f}"
        above.text(0.5, 1.04, deviation, transform=above.transAxes, ha="center", fontsize=11)
        raised = np.exp(table - table.max(axis=1, keepdims=True))
        weights = np.sort(raised / raised.sum(axis=1, keepdims=True), axis=1)[:, ::-1].mean(axis=0)
        below.bar(np.arange(1, len(weights) + 1), weights, color=palette.ROLE_COLOURS["score"])
        below.set_ylim(0, 1)
        above.set_xlabel("score")
        below.set_xlabel("word, by weight")
    grid[0, 0].set_ylabel("how many scores\n(most = 1)")
    grid[1, 0].set_ylabel("mean weight")
    fig.suptitle(textwrap.fill(title, 60), x=0.01, ha="left", fontweight="bold", fontsize=15)
    show(fig, alt, OF_CURVES)


class _PlainBetween(LogFormatter):
    """Digits at those ticks between two powers of ten that a short log axis needs."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return _plain_number(x) if super().__call__(x, pos) else ""


def _plain_number(value: float) -> str:
    """Return a number in digits, such as 0.001 or 10,000; below 1e-9 as a power of ten."""
    if value >= 1:
        return f"{value:,.0f}"
    if 0 < value < 1e-9:  # so many zeros could not be counted by eye
        return f"$10^{{{round(log10(value))}}}$"
    return f"{value:.12f}".rstrip("0")


def _look(name: str, place: int) -> tuple[str, str]:
    """Return colour and marker of a series: its own, or those of its place in the cycle.

    One of several runs of a model, such as "..., this run", has those of its model.
    """
    name = RUN.sub("", name)
    markers = tuple(palette.MODEL_MARKERS.values())
    colour = palette.SERIES_COLOURS.get(name, palette.CYCLE[place % len(palette.CYCLE)])
    if name in COMPARED_WITH:
        colour = palette.ROLE_COLOURS["reference"]
    return colour, palette.SERIES_MARKERS.get(name, markers[place % len(markers)])


def _shades(names: Sequence[str]) -> dict[str, str]:
    """Return a grey for each name, the last one darkest, where all are amounts of one thing.

    "32 numbers" and "64 numbers" are one model in two sizes, so they have one hue. It is grey, as
    the model without attention is. Other names get none.
    """
    amounts = [re.fullmatch(r"[\d.,]+ (\w+)", name) for name in names]
    things = {amount[1] if amount else "" for amount in amounts}
    if len(names) < 2 or len(things) > 1 or "" in things:
        return {}
    greys = np.linspace(LIGHTEST, DARKEST, len(names)).round().astype(int)
    return {name: "#" + 3 * f"{grey:02x}" for name, grey in zip(names, greys, strict=True)}


def _name_ends(axes: Axes, ends: Mapping[str, tuple[float, str]]) -> None:
    """Write each curve's name at the right edge, at the height of its last point or close to it.

    ends: name -> (height of the last point, colour).
    """
    limits = axes.get_ylim()
    axes.set_ylim(limits)
    scale = axes.yaxis.get_transform()  # on a logarithmic axis, apart means apart in powers
    low, high = scale.transform(np.array(limits))
    names = sorted(ends, key=lambda name: ends[name][0])
    lines = [name.count(",") + 1 for name in names]
    wanted = scale.transform(np.array([ends[name][0] for name in names])).tolist()
    heights = scale.inverted().transform(np.array(_apart(wanted, lines, 0.065 * (high - low))))
    for name, height in zip(names, heights, strict=True):
        axes.text(
            1.02,
            height,
            name.replace(", ", ",\n"),
            transform=axes.get_yaxis_transform(),
            color=palette.darken(ends[name][1]),
            fontweight="bold",
            va="center",
            linespacing=1.0,
        )


def _apart(heights: list[float], lines: list[int], line: float) -> list[float]:
    """Return ascending `heights` moved apart so that texts of so many `lines` do not touch."""
    moved = list(heights)
    for _ in range(200):
        for i in range(len(moved) - 1):
            overlap = moved[i] + line * (lines[i] + lines[i + 1]) / 2 - moved[i + 1]
            if overlap > 0:
                moved[i] -= overlap / 2
                moved[i + 1] += overlap / 2
    return moved


def _describe(
    matrix: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    links: Sequence[tuple[int, int]],
    title: str,
    rows_are: str,
    columns_are: str,
) -> str:
    """Return the alternative text of a map: sizes, and where each row looks most."""
    looks = ", ".join(
        f"{word} at {columns[int(row.argmax())]} {row.max():.2f}"
        for word, row in zip(rows, matrix, strict=True)
        if row.max() > 0
    )
    gold = f" Gold links are outlined: {len(links)}." if links else ""
    return (
        f"{title}. Attention map with {len(rows)} {rows_are} as rows and {len(columns)} "
        f"{columns_are} as columns. Each row looks most: {looks}.{gold}"
    )


def _close(fig: Figure) -> None:
    """Forget a figure that was made by pyplot; others are freed with their last reference."""
    import sys

    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(fig)
