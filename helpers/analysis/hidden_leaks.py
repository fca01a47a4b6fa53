"""Language models with one hidden way from later words to earlier outputs, to be found by tests.

Each way is a slip that people make, on top of a model that is sound. It is given words (B, T), as
ids, and returns an echo (B, T): what each position overhears of the words behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Model = Callable[[Tensor], Tensor]  # words (B, T) -> logits (B, T, V)
Echo = Callable[[Tensor], Tensor]  # words (B, T) -> (B, T)


@dataclass
class HiddenLeak:
    """A sound model whose logits are made a little larger or smaller by what is overheard.

    The likeliest word stays the same while strength times the echo stays above -1. model: words
    (B, T) -> logits (B, T, V). echo: one of this module's functions. strength: how loud it is.
    """

    model: Model
    echo: Echo
    strength: float = 0.01

    def __call__(self, words: Tensor) -> Tensor:
        """words (B, T) -> logits (B, T, V)."""
        heard = self.echo(words).unsqueeze(-1)  # (B, T, 1)
        return self.model(words) * (1 + self.strength * heard)


def silence(words: Tensor) -> Tensor:
    """Nothing is overheard, to compare with."""
    return torch.zeros(words.shape)


def words_ahead(distance: int) -> Echo:
    """Each position hears the one word so many places behind it: a mask that is shifted."""

    def echo(words: Tensor) -> Tensor:
        heard = torch.zeros(words.shape)
        heard[:, :-distance] = words[:, distance:].float()
        return heard

    return echo


def mean_of_sentence(words: Tensor) -> Tensor:
    """Each position hears the mean of all words: a layer norm over the wrong axis."""
    return words.float().mean(dim=1, keepdim=True).expand(words.shape)


def end_of_block(size: int) -> Echo:
    """Each position hears the last word of its block: attention in blocks, masked between them."""

    def echo(words: Tensor) -> Tensor:
        places = torch.arange(words.size(1))
        last = (places // size * size + size - 1).clamp(max=words.size(1) - 1)
        return words[:, last].float()

    return echo


def one_word(word: int) -> Echo:
    """Each position hears whether one certain word comes later, as a question mark does."""

    def echo(words: Tensor) -> Tensor:
        later = (words == word).flip(1).cumsum(dim=1).flip(1) - (words == word).long()
        return 10.0 * (later > 0)

    return echo


def length_of_sentence(words: Tensor) -> Tensor:
    """Each position hears how many words there are: positions that are shares of the length."""
    return torch.full(words.shape, float(words.size(1)))
