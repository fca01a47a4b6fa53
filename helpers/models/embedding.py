"""From the numbers of words to vectors, with or without their positions.

Shapes: B batch, T words, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from helpers.corpus import Vocabulary
from helpers.models.positions import LearnedPositions, SinusoidalPositions


def small_embedding(vocabulary: int, embed: int) -> nn.Embedding:
    """An embedding table that starts at a standard deviation of 0.3.

    PyTorch's 1.0 makes the first layers saturate: the translators then learn more slowly.
    """
    table = nn.Embedding(vocabulary, embed, padding_idx=Vocabulary.pad)
    with torch.no_grad():
        table.weight.mul_(0.3)
    return table


POSITIONS = ("sinusoidal", "learned", None)


class Embedding(nn.Module):
    """Ids to vectors: the table's row times sqrt(D), plus the position's vector, then dropout.

    Sections 3.4, 3.5 and 5.4. The table starts at a standard deviation of 0.3/sqrt(D), small enough
    for an output layer; times sqrt(D) its rows have numbers of about 0.3, as in
    `small_embedding`, beside the positions' sines of up to 1. longest: positions in the
    table if they are "learned".
    """

    def __init__(
        self,
        vocabulary: int,
        width: int,
        positions: str | None = "sinusoidal",
        dropout: float = 0.0,
        longest: int = 64,
    ) -> None:
        super().__init__()
        if positions not in POSITIONS:
            raise ValueError(
                f"positions is {positions!r}; expected 'sinusoidal', 'learned' or None"
            )
        self.table = nn.Embedding(vocabulary, width, padding_idx=Vocabulary.pad)
        with torch.no_grad():
            self.table.weight.mul_(0.3 * width**-0.5)  # PyTorch starts at a deviation of 1
        self.positions = None
        if positions is not None:
            learned = positions == "learned"
            self.positions = (
                LearnedPositions(longest, width) if learned else SinusoidalPositions(width)
            )
        self.dropout = nn.Dropout(dropout)

    def forward(self, words: Tensor, first: int = 0) -> Tensor:
        """words (B, T), the first of them at position `first` -> (B, T, D)."""
        states = self.table(words) * self.table.embedding_dim**0.5
        if self.positions is not None:
            states = states + self.positions(first + words.shape[1])[first:]
        return self.dropout(states)
