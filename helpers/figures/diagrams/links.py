"""A picture of the gold links of a sentence pair, in which links that cross are seen at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.figure import Figure

from helpers import palette
from helpers.corpus import Pair
from helpers.figures.diagrams.still import show_drawing

_LETTER, _SPACE = 0.12, 0.34  # inches of a letter, and between two words
_NAMES = 0.95  # inches for the names of the languages


def crossing(links: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return those (source, target) links whose words stand in another order than some others'."""
    links = set(links)
    return {(i, j) for i, j in links if any((i - k) * (j - m) < 0 for k, m in links)}


def linked_words(pair: Pair) -> Figure:
    """Return a figure of both sentences, with a line for each sure link; see `draw_links`."""
    above, wide = _middles(pair.source)
    below, other = _middles(pair.target)
    width, crossed = max(wide, other), crossing(pair.sure)
    fig = Figure(figsize=(width + _NAMES, 1.9))
    axes = fig.add_subplot()
    axes.set(xlim=(-width / 2 - _NAMES, width / 2), ylim=(-0.2, 1.2))
    axes.set_axis_off()
    axes.set_title("Dashed links cross each other" if crossed else "No links cross", fontsize=14)
    rows = (("English", 1.0, above, pair.source), ("French", 0.0, below, pair.target))
    for name, height, places, words in rows:
        axes.text(-width / 2 - _NAMES, height, name, va="center", fontsize=12)
        for x, word in zip(places, words, strict=True):
            axes.text(x, height, word, ha="center", va="center", fontsize=14)
    for i, j in sorted(pair.sure):
        aside = (i, j) in crossed
        look = {"color": palette.VERMILLION if aside else palette.BLUE}
        look |= {"linestyle": "--" if aside else "-", "linewidth": 2.4 if aside else 1.8}
        axes.plot((above[i], below[j]), (0.82, 0.18), **look)
    return fig


def draw_links(pair: Pair) -> None:
    """Show an English sentence above its French one, with a line for each sure link.

    Links that cross are dashed and have a colour of their own.
    """
    crossed = crossing(pair.sure)
    named = {link: f"{pair.source[link[0]]} and {pair.target[link[1]]}" for link in pair.sure}
    alt = (
        f"Above '{' '.join(pair.source)}', below '{' '.join(pair.target)}'. Lines join "
        f"{'; '.join(named[link] for link in sorted(pair.sure))}. Drawn dashed, because they cross "
        f"others: {'; '.join(named[link] for link in sorted(crossed)) or 'none'}."
    )
    show_drawing(linked_words(pair), alt)


def _middles(words: Sequence[str]) -> tuple[np.ndarray, float]:
    """Return the middle of each word of a line around 0, and the width of the line, in inches."""
    each = np.array([_LETTER * len(word) + _SPACE for word in words])
    width = float(each.sum())
    return each.cumsum() - each / 2 - width / 2, width
