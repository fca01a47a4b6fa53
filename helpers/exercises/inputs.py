"""Small random inputs for the checks: sizes all distinct, values short enough to print."""

from __future__ import annotations

import random

import torch


class Misstep(BaseException):
    """Raised by a toy model that an exercise hands to the learner's function.

    The text says which rule of the exercise was broken, as in "cell got inputs of shape (1, 3)".
    It is no `Exception`, so that a learner's own `except Exception` does not hide it.
    """


class NotWritten(BaseException):
    """Raised where what the learner is to write does nothing yet, as an `__init__` of `pass`."""


class Dice:
    """A source of random test inputs with its own state: the global generators are not touched."""

    def __init__(self, seed: int = 0) -> None:
        self.random = random.Random(seed)
        self.generator = torch.Generator().manual_seed(seed)

    def sizes(self, count: int, low: int = 2, high: int = 7) -> list[int]:
        """Return `count` different whole numbers from `low` to `high`, both included."""
        return self.random.sample(range(low, high + 1), count)

    def normal(self, *shape: int) -> torch.Tensor:
        """Return float32 numbers from N(0, 1) in tenths, so that they print short, and never 0."""
        tenths = torch.randn(*shape, generator=self.generator).mul(10).round()
        return torch.where(tenths == 0, 1.0, tenths).div(10)

    def weights(self, *shape: int) -> torch.Tensor:
        """Return positive float32 numbers that sum to 1 along the last axis."""
        return torch.softmax(2 * self.normal(*shape), dim=-1)

    def integers(self, low: int, high: int, *shape: int) -> torch.Tensor:
        """Return int64 numbers from `low` to `high - 1`."""
        return torch.randint(low, high, shape, generator=self.generator)

    def lengths(self, batch: int, longest: int) -> torch.Tensor:
        """Return lengths (B,) from 1 to `longest`; the first is shorter than `longest`."""
        return torch.tensor(
            [self.random.randint(1, longest - 1)]
            + [self.random.randint(1, longest) for _ in range(batch - 1)]
        )

    def words(self, vocabulary: str, count: int) -> list[str]:
        """Return `count` words drawn, with repetition, from a string of words."""
        return self.random.choices(vocabulary.split(), k=count)
