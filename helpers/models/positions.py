"""Positional encodings: sines and cosines, or a learnt vector for each position.

Shapes: D width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def sinusoidal_positions(length: int, width: int) -> Tensor:
    """Return the encoding of positions 0 ... length - 1, (length, width).

    Row p holds sin(p w_i) in column 2i and cos(p w_i) in column 2i + 1, with the frequency
    w_i = 10000^(-2i / width) (Vaswani et al. 2017, section 3.5). Raises ValueError for an odd
    width: each frequency needs a pair of columns.
    """
    if width < 2 or width % 2 or length < 0:
        raise ValueError(
            f"length is {length} and width {width}; expected a length of 0 or more and an even "
            "width, a sine and a cosine for each frequency."
        )
    pairs = torch.arange(0, width, 2, dtype=torch.float64) / width  # 2i / width
    positions = torch.arange(length, dtype=torch.float64).unsqueeze(1)
    angles = positions * 10_000.0**-pairs  # (length, width / 2), in radians
    encoding = torch.stack([torch.sin(angles), torch.cos(angles)], dim=-1).flatten(1)
    return encoding.to(torch.get_default_dtype())


class LearnedPositions(nn.Module):
    """A learnt vector for each position (Gehring et al. 2017, section 3.1): a table, as for words.

    longest: how many positions there are. width: D. forward: length -> (length, D).
    """

    def __init__(self, longest: int, width: int) -> None:
        super().__init__()
        # Spread like the words of `recurrent.small_embedding`, so that neither drowns the other.
        self.table = nn.Parameter(torch.randn(longest, width) * 0.3)

    def forward(self, length: int) -> Tensor:
        """length: number of positions -> their vectors (length, D).

        Raises ValueError beyond the last position that has a vector.
        """
        if length > len(self.table):
            raise ValueError(
                f"{length} positions are asked for, but only {len(self.table)} were learnt: what "
                "has never been trained has no vector. Make the table longer before training, or "
                "use sinusoidal_positions, which has a value for every position."
            )
        return self.table[:length]


class SinusoidalPositions(nn.Module):
    """`sinusoidal_positions`, computed once and again only where a sentence is longer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("table", sinusoidal_positions(64, width), persistent=False)

    def forward(self, length: int) -> Tensor:
        """length: number of positions -> their vectors (length, D)."""
        if length > len(self.table):
            self.table = sinusoidal_positions(2 * length, self.table.shape[1]).to(self.table)
        return self.table[:length]
