"""Pictures of positional encodings: the hands of clocks, and all numbers on one map."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor

from helpers import palette
from helpers.figures.checks import to_array


def clock_hands(encoding: Tensor, pairs: Sequence[int]) -> Figure:
    """Return a figure with a clock for each position and pair of columns, to be shown.

    encoding: (length, width), columns 2i and 2i + 1 a sine and a cosine. pairs: the numbers i that
    are drawn, a row each. The hand of a clock points up at angle 0 and turns to the right.
    Raises ValueError for a pair that is not there.
    """
    numbers = to_array(encoding, "encoding")
    length, width = numbers.shape
    if lost := [i for i in pairs if not 0 <= i < width // 2]:
        raise ValueError(
            f"pairs {lost} are not there; an encoding of {width} columns has pairs "
            f"0 to {width // 2 - 1}"
        )
    fig = Figure(figsize=(1.6 + 0.58 * length, 0.7 + 0.58 * len(pairs)))
    axes = fig.add_subplot()
    axes.set_title("The hands of lower clocks turn more slowly")
    axes.set(xlim=(-2.6, length - 0.4), ylim=(len(pairs) - 0.4, -0.8), aspect="equal")
    axes.set_axis_off()
    for place in range(length):
        axes.text(place, -0.62, f"{place}", ha="center", va="center", fontsize=13)
    axes.text(-0.7, -0.62, "position", ha="right", va="center", fontsize=13)
    for line, pair in enumerate(pairs):
        columns = f"columns {2 * pair}, {2 * pair + 1}"
        axes.text(-0.7, line, columns, ha="right", va="center", fontsize=13)
        for place in range(length):
            sine, cosine = numbers[place, 2 * pair], numbers[place, 2 * pair + 1]
            face = Circle((place, line), 0.38, facecolor="none", edgecolor=palette.GREY, lw=1.2)
            axes.add_patch(face)
            # Up on the page is the smaller number, because the rows are counted downwards.
            tip = place + 0.36 * sine, line - 0.36 * cosine
            look = {"arrowstyle": "-|>", "color": palette.BLACK, "lw": 2}
            axes.annotate("", tip, (place, line), arrowprops={**look, "shrinkA": 0, "shrinkB": 0})
    return fig


def encoding_map(encoding: Tensor) -> Figure:
    """Return a figure of all numbers of an encoding (length, width), a row for each position."""
    numbers = to_array(encoding, "encoding")
    fig = Figure(figsize=(7.5, 5.0))
    axes = fig.add_subplot()
    ramp = LinearSegmentedColormap.from_list("signed", list(palette.SIGNED_RAMP))
    image = axes.imshow(numbers, cmap=ramp, vmin=-1, vmax=1, aspect="auto")
    axes.grid(False)
    axes.set_title("Left columns change fast, right columns slowly")
    axes.set(xlabel="column (dimension) of the vector", ylabel="position")
    bar = fig.colorbar(image, ax=axes, pad=0.02)
    bar.set_label("number")
    bar.outline.set_visible(False)
    return fig
