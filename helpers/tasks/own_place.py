"""Which place do I stand at? A task that a causal mask makes possible without positions.

Shapes: B lines, T places, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.corpus import Vocabulary
from helpers.tasks.previous_word import Lines


class PlaceLines:
    """Batches without end of random words in which each place is to say its own number.

    places: how many there are, the first being 0. with_start: place 0 holds <start>, which stands
    nowhere else; else every place holds a random word. The words of a line are all different, so
    that neither a word nor the set of words tells a place.
    seed: of the draws, `course_seed()` by default.
    """

    vocabulary = 160  # ids; more words than places, and more ids than places, which are answers

    def __init__(
        self, places: int, with_start: bool, batch_size: int = 64, seed: int | None = None
    ) -> None:
        self.places, self.with_start = places, with_start
        self.lines = Lines(self.vocabulary, batch_size, seed)

    def __iter__(self) -> Iterator[Tensor]:
        while True:
            words = self.lines.draw(self.lines.batch_size, self.places - self.with_start)
            yield F.pad(words, (1, 0), value=Vocabulary.start) if self.with_start else words


def place_loss(model: nn.Module, words: Tensor) -> Tensor:
    """Mean cross-entropy of each place's number, nats: at place t the answer is id t."""
    logits = model(words)  # (B, T, V)
    places = torch.arange(words.shape[1], device=words.device)
    return F.cross_entropy(logits.flatten(0, 1), places.repeat(len(words)))


@torch.no_grad()
def right_places(model: nn.Module, words: Tensor) -> Tensor:
    """words (B, T) -> the share of lines in which each place names its number, (T,), on the CPU."""
    places = torch.arange(words.shape[1], device=words.device)
    return (model(words).argmax(dim=-1) == places).float().mean(dim=0).cpu()
