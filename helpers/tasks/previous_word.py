"""A task that needs order, and one layer of self-attention to solve it, with positions or without.

The words of a line are all different and stand in a random order. Each is to say which word stands
before it. The set of words tells nothing about that: the best guess without order is one of the
other S - 1 words. All lines of a batch have one length, so nothing is padded.

Shapes: B batch, S words of a line, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.corpus import Vocabulary
from helpers.models import AttentionLayer, LearnedPositions, sinusoidal_positions
from helpers.settings import DEVICE, new_generator

POSITION_KINDS = ("none", "sinusoidal", "learned")
SHORTEST, LONGEST = 8, 24  # words of a line in training
PLACES = 64  # that a learned table has vectors for
SPECIALS = Vocabulary.end + 1  # ids below are no words


class Lines:
    """Draws lines of different words, ids (B, S), evenly from all words of a vocabulary.

    vocabulary: number of ids V, specials included. Iterating gives training batches without end,
    each of one length, drawn evenly from `SHORTEST` to `LONGEST`.
    seed: of the draws, `course_seed()` by default.
    """

    def __init__(self, vocabulary: int, batch_size: int = 64, seed: int | None = None) -> None:
        if vocabulary < SPECIALS + LONGEST:
            raise ValueError(
                f"vocabulary is {vocabulary}; expected {SPECIALS + LONGEST} or more, for lines of "
                f"{LONGEST} different words beside {SPECIALS} special ids"
            )
        self.vocabulary, self.batch_size = vocabulary, batch_size
        self.generator = new_generator(seed)

    def draw(self, count: int, length: int) -> Tensor:
        """Return `count` lines of `length` words, (count, length), on the course's device."""
        words = self.vocabulary - SPECIALS
        if not 2 <= length <= words or count < 1:
            raise ValueError(
                f"{count} lines of {length} words were asked for; expected 1 line or more, and 2 "
                f"to {words} words: a line needs a word and one before it, and no word comes twice"
            )
        order = torch.rand(count, words, generator=self.generator).argsort(dim=1)
        return (order[:, :length] + SPECIALS).to(DEVICE)

    def __iter__(self) -> Iterator[Tensor]:
        while True:
            length = torch.randint(SHORTEST, LONGEST + 1, (), generator=self.generator)
            yield self.draw(self.batch_size, int(length))


def previous_words(words: Tensor) -> Tensor:
    """What each place is to say: the word before it; (B, S) -> (B, S), padding at the first."""
    return F.pad(words[:, :-1], (1, 0), value=Vocabulary.pad)


class PreviousWordModel(nn.Module):
    """Words, with positions added or not, one layer of self-attention, and a linear read-out.

    positions: one of `POSITIONS`. "learned" has a vector for each of `PLACES` places. width: D.
    """

    def __init__(self, vocabulary: int, positions: str = "sinusoidal", width: int = 64) -> None:
        super().__init__()
        if positions not in POSITION_KINDS:
            raise ValueError(
                f"positions is {positions!r}; expected one of {', '.join(POSITION_KINDS)}"
            )
        self.kind = positions
        self.embedding = nn.Embedding(vocabulary, width)
        self.layer = AttentionLayer(width)
        self.output = nn.Linear(width, vocabulary)
        if positions == "learned":
            self.positions = LearnedPositions(PLACES, width)

    def place(self, length: int, first: int = 0) -> Tensor | None:
        """Return the vectors of the positions first ... first + length - 1, (length, D), or None.

        Raises ValueError beyond the learned ones.
        """
        if self.kind == "none":
            return None
        if self.kind == "learned":
            return self.positions(first + length)[first:]
        width = self.embedding.embedding_dim
        return sinusoidal_positions(first + length, width)[first:].to(self.embedding.weight)

    def forward(
        self, words: Tensor, first: int = 0, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """words (B, S), the first at position `first` -> logits (B, S, V), weights (B, 1, S, S).

        weights: None unless `need_weights`.
        """
        states = self.embedding(words)  # (B, S, D)
        places = self.place(words.shape[1], first)
        if places is not None:
            states = states + places
        mixed, weights = self.layer(states, need_weights=need_weights)
        return self.output(mixed), weights


def previous_word_loss(model: nn.Module, words: Tensor, **where: int) -> Tensor:
    """Mean cross-entropy of the word before, in nats a word; the first place does not count.

    words: (B, S). where: `first`, the position of the first word, is handed on to the model.
    """
    logits, _ = model(words, **where)
    return F.cross_entropy(
        logits.flatten(0, 1), previous_words(words).flatten(), ignore_index=Vocabulary.pad
    )


class ShiftedLoss:
    """`order_loss` with each batch moved: its first word stands at a random place.

    latest: the last place, from 0 on, at which a line may begin. seed: of the draws,
    `course_seed()` by default.
    """

    def __init__(self, latest: int, seed: int | None = None) -> None:
        if latest < 0:
            raise ValueError(f"latest is {latest}; expected a place, 0 or more")
        self.latest = latest
        self.generator = new_generator(seed)

    def __call__(self, model: nn.Module, words: Tensor) -> Tensor:
        first = torch.randint(self.latest + 1, (), generator=self.generator)
        return previous_word_loss(model, words, first=int(first))


@torch.no_grad()
def accuracy_by_place(
    model: nn.Module, lines: Lines, length: int, count: int = 500, **where: int
) -> Tensor:
    """The share of lines in which each place but the first is right, (length - 1,), on the CPU.

    where: `first`, the position of the first word, is handed on to the model.
    """
    words = lines.draw(count, length)
    said = model(words, **where)[0].argmax(dim=-1)  # (count, length)
    return (said == previous_words(words))[:, 1:].float().mean(dim=0).cpu()


def chance_level(length: int) -> float:
    """What the best guess without order gets right in a line: one of the other S - 1 words."""
    return 1 / (length - 1)
