"""Every still picture of the course: one style, one palette, and a text for who cannot see it.

charts          curves, maps, strips; `show`, the only way a figure reaches a notebook
diagrams        drawings of networks
tables          `table`, rows of numbers and words in straight columns, or folded
heatmaps        `grids`, a number for each run and part of a model, as colours
losses          the loss over a training, for short sentences and for long ones
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
from helpers.figures.heatmaps import grids
from helpers.figures.losses import loss_by_length
from helpers.figures.tables import folded_table, table

__all__ = [
    "attention_map",
    "by_length",
    "dots",
    "folded_table",
    "grids",
    "lines",
    "loss_by_length",
    "new_figure",
    "picture_strip",
    "png",
    "runs",
    "show",
    "softmaxes",
    "table",
    "wall",
]
