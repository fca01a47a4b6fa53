"""A picture of three masks on one batch: the causal mask, the padding mask and the loss mask."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from helpers import palette

PAD = "<pad>"
SEEN, AHEAD, PADDING = "may be attended", "hidden: it comes later", "hidden: it is padding"
COUNTS, LEFT_OUT = "counts in the loss", "left out of the loss"
_LOOKS = {
    SEEN: {"facecolor": palette.SKY, "edgecolor": palette.BLUE},
    AHEAD: {"facecolor": "none", "edgecolor": palette.GREY, "hatch": "///"},
    PADDING: {"facecolor": "none", "edgecolor": palette.VERMILLION, "hatch": "..."},
    COUNTS: {"facecolor": palette.GREEN, "edgecolor": palette.GREEN, "alpha": 0.6},
    LEFT_OUT: {"facecolor": "none", "edgecolor": palette.GREEN, "hatch": "\\"},
}


def states(length: int, size: int) -> list[list[str]]:
    """Return for each position what it may look at: SEEN, AHEAD or PADDING, (size, size).

    length: words of the sentence. size: of the batch. What is padding and comes later is PADDING.
    """
    return [
        [PADDING if i >= length else AHEAD if i > t else SEEN for i in range(size)]
        for t in range(size)
    ]


def three_masks(sentences: Sequence[Sequence[str]]) -> Figure:
    """Return a figure of one batch, a panel for each sentence, to be shown.

    sentences: with `<start>` first and `<end>` last. The rows of a panel are positions that look,
    and its columns positions that are looked at. The column on the right is the word that a
    position is asked for; the last position is asked for nothing.
    """
    size = max(map(len, sentences))
    fig = Figure(figsize=(0.6 + 4.6 * len(sentences), 5.6))
    panels = fig.subplots(1, len(sentences), squeeze=False).flat
    for axes, words in zip(panels, sentences, strict=True):
        _panel(axes, words, size)
    names = [Patch(label=name, **look) for name, look in _LOOKS.items()]
    fig.legend(handles=names, loc="outside lower center", ncols=2, fontsize=12, handlelength=2.4)
    fig.suptitle("Three masks on one batch", x=0.01, ha="left", fontweight="bold", fontsize=15)
    return fig


def _panel(axes: Axes, words: Sequence[str], size: int) -> None:
    shown = [*words, *[PAD] * (size - len(words))]
    asked = [*shown[1:], ""]
    for t, row in enumerate(states(len(words), size)):
        for i, state in enumerate(row):
            axes.add_patch(Rectangle((i + 0.06, t + 0.06), 0.88, 0.88, **_LOOKS[state]))
        if t < size - 1:
            counts = COUNTS if asked[t] != PAD else LEFT_OUT
            axes.add_patch(Rectangle((size + 0.5, t + 0.06), 1.3, 0.88, **_LOOKS[counts]))
            axes.text(size + 1.15, t + 0.5, asked[t], ha="center", va="center", fontsize=11)
    axes.set(xlim=(0, size + 1.9), ylim=(size, 0))
    ticks = [i + 0.5 for i in range(size)]
    axes.set_xticks([*ticks, size + 1.15], [*shown, "asked for"], rotation=60, ha="left")
    axes.xaxis.tick_top()
    axes.set_yticks(ticks, shown)
    axes.tick_params(length=0, labelsize=12)
    axes.grid(False)
    axes.spines[:].set_visible(False)
