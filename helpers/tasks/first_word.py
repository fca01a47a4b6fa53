"""Which word came first? A task of memory for recurrent layers.

Shapes: B batch, S length, E embedding, H hidden, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from helpers.settings import DEVICE, new_generator


def random_words(
    vocabulary: int, length: int, batch_size: int = 64, seed: int | None = None
) -> Iterator[Tensor]:
    """Yield batches (B, S) of words drawn evenly and independently, without end.

    seed: of the draw, `course_seed()` by default. No word says anything about another, so what a
    network knows of a position it must have kept.
    """
    generator = new_generator(seed)
    while True:
        words = torch.randint(vocabulary, (batch_size, length), generator=generator)
        yield words.to(DEVICE)


class FirstWord(nn.Module):
    """Reads a sequence to its end and then says its first word: a test of memory.

    layer: `nn.RNN` or `nn.GRU`, or a function of (embed, hidden) that makes one, batch first.
    """

    def __init__(
        self,
        vocabulary: int = 8,
        embed: int = 16,
        hidden: int = 64,
        layer: Callable[..., nn.RNNBase] = nn.GRU,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embed)
        self.recurrent = layer(embed, hidden, batch_first=True)
        self.output = nn.Linear(hidden, vocabulary)

    def forward(self, words: Tensor) -> Tensor:
        """words (B, S) -> logits of the first word (B, V), read off the last state alone."""
        states, _ = self.recurrent(self.embedding(words))
        return self.output(states[:, -1])
