"""`PositionPicture`: an encoding of positions as a heat map, as curves, and as dot products."""

from __future__ import annotations

from typing import Any

import numpy as np

from helpers.explorer.base import View
from helpers.explorer.static import heads, paragraph, row, shaded, table
from helpers.figures.checks import number_table
from helpers.palette import SIGNED_RAMP, shade

LONGEST, WIDEST = 128, 64  # positions and dimensions that are still seen apart
STEPS = 1000  # a number is sent as a whole number of thousandths of the largest
STATIC_POSITIONS, STATIC_DIMENSIONS = 9, 8


class PositionPicture(View):
    """Three pictures over one axis of positions: all numbers, one dimension, one position's dots.

    encoding: (length, width), a row for each position; length from 2 to 128, width from 2 to 64.
    The heat map holds every number; the first curve is the chosen dimension along the positions;
    the second is the dot product of the chosen position with each. Nothing that is given is kept or
    changed. Raises ValueError for another shape, NaN or infinity.
    """

    def __init__(self, encoding: Any, title: str = "") -> None:
        sizes, most = ("length", "width"), (LONGEST, WIDEST)
        self.encoding = number_table(encoding, "encoding", sizes, most, least=2)
        self.encoding.flags.writeable = False
        self.unit = float(abs(self.encoding).max()) / STEPS or 1.0
        super().__init__(
            {
                "view": "positions",
                "title": str(title),
                "unit": self.unit,
                "numbers": (self.encoding / self.unit).round().astype(int).tolist(),
            }
        )

    def html(self) -> str:
        length, width = self.encoding.shape
        positions = _spread(length, STATIC_POSITIONS)
        dimensions = _spread(width, STATIC_DIMENSIONS)
        largest = self.unit * STEPS
        numbers = [
            row(
                f"{position}",
                "".join(
                    shaded(f"{number:.2f}", shade((number / largest + 1) / 2, SIGNED_RAMP))
                    for number in self.encoding[position, dimensions].tolist()
                ),
            )
            for position in positions
        ]
        dots = self.encoding @ self.encoding.T  # (length, length)
        lines = []
        for distance in _distances(length):
            along = np.diagonal(dots, distance)
            cells = (f"{number:.2f}" for number in (along.mean(), along.min(), along.max()))
            lines.append(row(f"{distance}", "".join(map(shaded, cells))))
        about = (
            f"{length} positions, {width} dimensions. Blue is negative, orange positive.",
            "Run the cell to move through all of them.",
        )
        some = "Some positions (rows) and some dimensions (columns) of the encoding."
        far = "Dot product of two positions, by the distance between them (rows)."
        return (
            paragraph(self.state["title"], *about)
            + table(some, heads(f"dim {dimension}" for dimension in dimensions), numbers)
            + table(far, heads(("mean", "smallest", "largest")), lines)
        )

    def sentence(self) -> str:
        length, width = self.encoding.shape
        dots = self.encoding @ self.encoding.T
        near, far = (float(np.diagonal(dots, step).mean()) for step in (1, length - 1))
        return (
            f"An encoding of {length} positions in {width} dimensions: the dot product of "
            f"neighbours is {near:.2f} on average, of the first and the last {far:.2f}."
        )


def _spread(count: int, most: int) -> list[int]:
    """Return at most `most` whole numbers under `count`, evenly spread, the ends among them."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, most)).tolist()})


def _distances(length: int) -> list[int]:
    """Return 0, 1, 2, 4, ... under `length`."""
    return [0, *(2**power for power in range(length.bit_length()) if 2**power < length)]
