"""Pictures of positional encodings: added to a word, as hands of clocks, all numbers on one map.

Shapes: d_model numbers of a vector.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor

from helpers import palette
from helpers.figures.checks import to_array
from helpers.figures.diagrams.spec import Box, Diagram, Numbers, Stage, arrows

SHOWN = 3  # numbers of a vector that the picture of a sum has room for


def word_plus_position(word: str, places: tuple[int, int]) -> Diagram:
    """One word at two places, and what a layer gets from each; tensors: `trace_word_plus_position`.

    places: where the word stands, counted from 0.
    """
    early, late = places
    same = f"The vector of '{word}', the same at every place."
    boxes = (
        Box("word", f"'{word}'", "word", (1.45, 0), tall=0.36, bound=False),
        _vector("e", "word vector", "source", (1.45, 0.95), same),
        _vector("p1", f"position {early}", "source", (0, 0.95), f"The encoding of place {early}."),
        _vector("p2", f"position {late}", "source", (2.9, 0.95), f"The encoding of place {late}."),
        _vector("x1", f"$x_{{{early}}}$", "source", (0, 2.5), f"What stands at place {early}."),
        _vector("x2", f"$x_{{{late}}}$", "source", (2.9, 2.5), f"What stands at place {late}."),
    )
    ways = arrows("word > e > x1", "e > x2", "p1 > x1", "p2 > x2")
    stages = (
        Stage(f"'{word}' occurs twice, and its vector is the same both times.", ("word", "e")),
        Stage(f"Place {early} and place {late} have different vectors.", ("p1", "p2")),
        Stage("Word and position are added, number by number.", ("e", "p1", "p2", "x1", "x2")),
        Stage("So the layer sees two different vectors for the same word.", ("x1", "x2")),
    )
    alt = (
        f"The vector of the word '{word}' in the middle, the vector of position {early} on the "
        f"left and that of position {late} on the right. Word and position {early} are added up to "
        f"x_{early}, and word and position {late} to x_{late}. The two sums differ, although the "
        "word is the same."
    )
    title = f"One '{word}', two places, two vectors"
    alike = frozenset(box.name for box in boxes if box.bound)
    return Diagram(title, boxes, ways, stages, alt, unfolds=True, alike=alike)


def _vector(name: str, label: str, role: str, at: tuple[float, float], about: str) -> Box:
    return Box(name, label, role, at, "d_model", "", about, wide=1.32, tall=0.72)


def trace_word_plus_position(
    word: Tensor, encoding: Tensor, places: tuple[int, int]
) -> dict[str, Tensor]:
    """Return every tensor of `word_plus_position` in one graph.

    word: its vector (d_model,). encoding: (length, d_model). places: as in the diagram.
    """
    first, second = (encoding[place].clone() for place in places)
    vector = word.clone()
    parts = {"e": vector, "p1": first, "p2": second}
    return parts | {"x1": vector + first, "x2": vector + second}


def follow_word_plus_position(word: Tensor, encoding: Tensor, places: tuple[int, int]) -> Numbers:
    """Return the first numbers of each vector of `word_plus_position`; see the trace."""
    parts = trace_word_plus_position(word, encoding, places)
    return Numbers("", {name: vector[:SHOWN].tolist() for name, vector in parts.items()})


def clock_hands(encoding: Tensor, pairs: Sequence[int]) -> Figure:
    """Return a figure with a clock for each position and hand, to be shown.

    encoding: (length, width), columns 2i and 2i + 1 the sine and the cosine of hand i. pairs: the
    numbers i of the hands that are drawn, a row each. A hand points up at angle 0 and turns to the
    right.
    Raises ValueError for a pair that is not there.
    """
    numbers = to_array(encoding, "encoding")
    length, width = numbers.shape
    if lost := [i for i in pairs if not 0 <= i < width // 2]:
        raise ValueError(
            f"pairs {lost} are not there; an encoding of {width} columns has pairs "
            f"0 to {width // 2 - 1}"
        )
    fig = Figure(figsize=(1.5 + 0.58 * length, 0.7 + 0.58 * len(pairs)))
    axes = fig.add_subplot()
    axes.set_title("Hands in lower rows turn more slowly")
    axes.set(xlim=(-2.4, length - 0.4), ylim=(len(pairs) - 0.4, -0.8), aspect="equal")
    axes.set_axis_off()
    for place in range(length):
        axes.text(place, -0.62, f"{place}", ha="center", va="center", fontsize=13)
    axes.text(-0.7, -0.62, "position", ha="right", va="center", fontsize=13)
    for line, pair in enumerate(pairs):
        axes.text(-0.7, line, f"hand {pair}", ha="right", va="center", fontsize=13)
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
    fig = Figure(figsize=(6.4, 3.6))
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
