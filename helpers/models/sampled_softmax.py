"""A large target vocabulary for less: a tied output layer, and a softmax over a sample of words.

Most of the work of a small translator with thousands of target words is its output layer, V scores
for each token. In training most of these words are wrong and far from being said, and a sample can
stand for them (Jean et al. 2015, "On using very large target vocabulary for neural machine
translation", whose method differs in how the sample is drawn). In translating nothing changes.

Shapes: B batch, T target length, N real target tokens of a batch, E embedding, V target vocabulary,
K words of the sample.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.corpus import Batch, Vocabulary
from helpers.models.translator import Translator

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

    def forward(self, states: Tensor) -> Tensor:
        """states (..., width) -> logits (..., V)."""
        return F.linear(self._scored(states), self.table.weight, self.bias)

    def some(self, states: Tensor, words: Tensor) -> Tensor:
        """As `forward`, for some words only: states (..., width), words (K,) -> logits (..., K)."""
        return F.linear(
            self._scored(states), F.embedding(words, self.table.weight), self.bias[words]
        )

    def _scored(self, states: Tensor) -> Tensor:
        return self.dropout(self.project(states))


@runtime_checkable
class TiedTranslator(Translator, Protocol):
    """A translator that can score some words only: what comes before its output layer, and that."""

    output: TiedOutput

    def features(self, source: Tensor, lengths: Tensor, target_in: Tensor) -> Tensor:
        """As `forward`, but what the output layer is given: (B, T, width)."""
        ...


class WordSample(NamedTuple):
    """Some words of the vocabulary, the last `drawn` of them drawn from `rest` that are left out.

    words (K,): their ids. places (N,): where each true word stands in `words`.
    """

    words: Tensor
    places: Tensor
    drawn: int
    rest: int


def draw_words(
    targets: Tensor, vocabulary: int, frequent: int = FREQUENT, drawn: int = DRAWN
) -> WordSample:
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
        return WordSample(everything, targets, 0, 0)
    sample = others[torch.randint(len(others), (drawn,), device=targets.device)]
    place = torch.cumsum(there, dim=0) - 1  # (V,)
    return WordSample(torch.cat([words, sample]), place[targets], drawn, len(others))


def sampled_loss(logits: Tensor, sample: WordSample, vocabulary: int, smoothing: float) -> Tensor:
    """Cross-entropy with label smoothing over V words, estimated from K of them.

    logits (N, K) -> scalar, in nats per token. Each drawn word stands for rest / drawn words, in
    the sum of exponentials and in the mean logit that the smoothing takes; so both sums are right
    on average. With all words there, it is PyTorch's `cross_entropy`.
    """
    stands_for = logits.new_ones(logits.shape[1])  # (K,)
    if sample.drawn:
        stands_for[-sample.drawn :] = sample.rest / sample.drawn
    log_z = torch.logsumexp(logits + stands_for.log(), dim=1)  # (N,)
    true = logits.gather(1, sample.places.unsqueeze(1)).squeeze(1)
    spread = logits @ (stands_for / vocabulary)  # mean logit
    return (log_z - (1 - smoothing) * true - smoothing * spread).mean()


def sampled_softmax_loss(model: TiedTranslator, batch: Batch, smoothing: float = 0.1) -> Tensor:
    """The loss of a batch for `fit`: teacher forcing, real tokens only, over a sample of words."""
    real = batch.target_out != Vocabulary.pad  # (B, T)
    targets = batch.target_out[real]  # (N,)
    vocabulary = model.output.table.num_embeddings
    sample = draw_words(targets, vocabulary)
    states = model.features(batch.source, batch.lengths, batch.target_in)[real]  # (N, width)
    return sampled_loss(model.output.some(states, sample.words), sample, vocabulary, smoothing)
