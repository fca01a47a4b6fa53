"""What every translator offers, and all that training, decoding and the measures ask of one.

Shapes: B batch, S source length, T target length, V target vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, Self, runtime_checkable

import torch
from torch import Tensor
from torch.nn import Parameter


class Trainable(Protocol):
    """What every nn.Module has, and the course uses of it: whatever can be trained and tested."""

    training: bool
    __call__: Callable[..., Any]

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]: ...

    def train(self, mode: bool = True) -> Self: ...

    def eval(self) -> Self: ...

    def to(self, device: torch.device, /) -> Self: ...


@runtime_checkable
class Translator(Trainable, Protocol):
    """A model that turns a source into target words, one word a step.

    `encode` reads the source once, into whatever memory the model has. `start` gives the decoder's
    first state, and `step` one more word. `forward` does all steps of given words for training.
    A captioner is one too: its source is a batch of pictures, and it does not read the lengths.
    """

    def encode(self, source: Tensor, lengths: Tensor) -> Any:
        """source (B, S), lengths (B,) -> memory: tensors, rows first, in (named) tuples."""
        ...

    def start(self, memory: Any, /) -> Any:
        """memory -> the state before the first word: tensors, rows first, in tuples."""
        ...

    def step(
        self, previous: Tensor, state: Any, memory: Any, /
    ) -> tuple[Tensor, Any, Tensor | None]:
        """Word before (B,), state, memory -> logits (B, V), state, weights (B, S) or None.

        Neither state nor memory is changed in place.
        """
        ...

    def forward(self, source: Tensor, lengths: Tensor, target_in: Tensor) -> Tensor:
        """source (B, S), lengths (B,), target_in (B, T) -> logits (B, T, V), teacher forcing."""
        ...
