"""A large target vocabulary for less: words that share a table, and a loss over some of them.

Most of the work of a small translator with thousands of target words is its output layer, V scores
for each token. In training most of these words are wrong and far from being said, and a sample can
stand for them (Jean et al. 2015, "On using very large target vocabulary for neural machine
translation", whose method differs in how the sample is drawn). In translating nothing changes.

Shapes: B batch, T target length, N real target tokens of a batch, E embedding, V target vocabulary,
K words of the shortlist.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.corpus import Batch, Vocabulary

FREQUENT, DRAWN = 500, 500


class TiedOutput(nn.Module):
    """An output layer whose rows are the target words' own vectors (Press and Wolf 2017).

    table: the target embedding, (V, E). width: of what comes in; another one than E goes through a
    linear layer first. dropout: on what is scored.
    """

    def __init__(self, table: nn.Embedding, width: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.table = table
        embed = table.embedding_dim
        self.project = nn.Identity() if width == embed else nn.Linear(width, embed, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.bias = nn.Parameter(torch.zeros(table.num_embeddings))
        self._only: tuple[Tensor, Tensor] | None = None

    def forward(self, states: Tensor) -> Tensor:
        """states (..., width) -> logits (..., V); (N, K) inside `only`."""
        if self._only is None:
            return F.linear(self.dropout(self.project(states)), self.table.weight, self.bias)
        words, real = self._only
        states = self.dropout(self.project(states[real]))  # (N, E)
        return F.linear(states, F.embedding(words, self.table.weight), self.bias[words])

    @contextmanager
    def only(self, words: Tensor, real: Tensor) -> Iterator[None]:
        """Inside, score these words (K,) alone, and only where `real` (B, T) is True."""
        self._only = words, real
        try:
            yield
        finally:
            self._only = None


class Shortlist(NamedTuple):
    """Some words of the vocabulary, the last `drawn` of them drawn from `rest` that are left out.

    words (K,): their ids. places (N,): where each true word stands in `words`.
    """

    words: Tensor
    places: Tensor
    drawn: int
    rest: int


def draw(
    targets: Tensor, vocabulary: int, frequent: int = FREQUENT, drawn: int = DRAWN
) -> Shortlist:
    """Return the `frequent` first words, those of the batch, and `drawn` of all others.

    targets (N,): true words. Words are numbered by frequency, so the first ones are those that
    compete most often. Drawn with replacement. Where the vocabulary has few words, all are there.
    """
    there = torch.zeros(vocabulary, dtype=torch.bool, device=targets.device)
    there[:frequent] = True
    there[targets] = True
    words, others = there.nonzero().squeeze(1), (~there).nonzero().squeeze(1)
    if len(others) <= drawn:
        everything = torch.arange(vocabulary, device=targets.device)
        return Shortlist(everything, targets, 0, 0)
    sample = others[torch.randint(len(others), (drawn,), device=targets.device)]
    place = torch.cumsum(there, dim=0) - 1  # (V,)
    return Shortlist(torch.cat([words, sample]), place[targets], drawn, len(others))


def sampled_loss(logits: Tensor, shortlist: Shortlist, vocabulary: int, smoothing: float) -> Tensor:
    """Cross-entropy with label smoothing over V words, estimated from K of them.

    logits (N, K) -> scalar, in nats per token. Each drawn word stands for rest / drawn words, in
    the sum of exponentials and in the mean logit that the smoothing takes; so both sums are right
    on average. With all words there, it is PyTorch's `cross_entropy`.
    """
    stands_for = logits.new_ones(logits.shape[1])  # (K,)
    if shortlist.drawn:
        stands_for[-shortlist.drawn :] = shortlist.rest / shortlist.drawn
    log_z = torch.logsumexp(logits + stands_for.log(), dim=1)  # (N,)
    true = logits.gather(1, shortlist.places.unsqueeze(1)).squeeze(1)
    spread = logits @ (stands_for / vocabulary)  # mean logit
    return (log_z - (1 - smoothing) * true - smoothing * spread).mean()


def shortlist_loss(model: nn.Module, batch: Batch, smoothing: float = 0.1) -> Tensor:
    """The loss of a batch for `fit`: teacher forcing, real tokens only, over a shortlist of words.

    model: one with a `TiedOutput` as its `output`.
    """
    real = batch.target_out != Vocabulary.pad  # (B, T)
    targets = batch.target_out[real]  # (N,)
    vocabulary = model.output.table.num_embeddings
    shortlist = draw(targets, vocabulary)
    with model.output.only(shortlist.words, real):
        logits = model(batch.source, batch.lengths, batch.target_in)  # (N, K)
    return sampled_loss(logits, shortlist, vocabulary, smoothing)
