"""What every translator offers, and all that training, decoding and the measures ask of one.

Shapes: B batch, S source length, T target length, V target vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, Self, runtime_checkable

import torch
from torch import Tensor
from torch.nn import Parameter

from helpers.attention import check_lengths


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


def check_source(source: Tensor, lengths: Tensor) -> None:
    """Refuse source sentences that a translator cannot read, before PyTorch fails deep inside it.

    source (B, S) with S of 1 or more, lengths (B,) from 1 to S. Raises TypeError for what is no
    tensor of whole numbers, ValueError for another shape and for a length that cannot be.
    """
    _check_words("source", source, "S")
    check_lengths(lengths, least=1, most=source.shape[1])
    if lengths.shape != source.shape[:1]:
        raise ValueError(
            f"source has shape {tuple(source.shape)} and lengths {tuple(lengths.shape)}; expected "
            "(B, S) and (B,): one length for each sentence."
        )


def check_target(target_in: Tensor) -> None:
    """Refuse target words that cannot be fed; they are (B, T), with T of 1 or more.

    Raises TypeError for what is no tensor of whole numbers, ValueError for another shape.
    """
    _check_words("target_in", target_in, "T")


def _check_words(name: str, words: Tensor, axis: str) -> None:
    if not isinstance(words, Tensor) or words.is_floating_point():
        given = f"dtype {words.dtype}" if isinstance(words, Tensor) else type(words).__name__
        raise TypeError(
            f"{name} is of {given}; expected a tensor of word numbers (B, {axis}), as "
            "torch.tensor([vocabulary.encode(words)]) gives."
        )
    if words.ndim != 2 or not words.shape[1]:
        advice = " For one sentence, add a batch axis: .unsqueeze(0)." if words.ndim == 1 else ""
        raise ValueError(
            f"{name} has shape {tuple(words.shape)}; expected (B, {axis}), and {axis} of 1 or "
            f"more, because a sentence has a word.{advice}"
        )
