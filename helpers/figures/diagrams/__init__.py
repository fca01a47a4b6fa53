"""Drawings of networks as data: one specification for the still picture, the walk and the proof.

spec        boxes, arrows, stages, and the numbers of a model
still       the still picture
proof       the specification held against the model that it draws
"""

from helpers.figures.diagrams.proof import faults
from helpers.figures.diagrams.spec import (
    ROLES,
    Arrow,
    Box,
    Diagram,
    Numbers,
    Stage,
    arrows,
)
from helpers.figures.diagrams.still import draw, draw_all, ends, in_rows, picture, show_drawing

__all__ = [
    "ROLES",
    "Arrow",
    "Box",
    "Diagram",
    "Numbers",
    "Stage",
    "arrows",
    "draw",
    "draw_all",
    "ends",
    "faults",
    "in_rows",
    "picture",
    "show_drawing",
]
