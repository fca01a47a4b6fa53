"""Every still picture of the course: one style, one palette, and a text for who cannot see it.

charts          curves, maps, strips; `show`, the only way a figure reaches a notebook
diagrams        drawings of networks
tables          `table`, rows of numbers and words in straight columns
checks          what pictures accept: weights, words and links are checked in one place
"""

from helpers.figures.charts import (
    attention_map,
    by_length,
    dots,
    lines,
    new_figure,
    picture_strip,
    png,
    runs,
    show,
    softmaxes,
    wall,
)
from helpers.figures.tables import table

__all__ = [
    "attention_map",
    "by_length",
    "dots",
    "lines",
    "new_figure",
    "picture_strip",
    "png",
    "runs",
    "show",
    "softmaxes",
    "table",
    "wall",
]
