"""Two translators as a beginner writes them, to measure the course's against.

Their sizes, rates, dropout and batches are those of two tutorials: hidden 256 of Dive into Deep
Learning (Zhang et al. 2023, Bahdanau attention), hidden 128 of PyTorch's "Translation with a
Sequence to Sequence Network and Attention". The code is written for the benchmark, not copied, and
in one way for both: each decoder step by itself, with its keys projected anew, a dropout, an output
layer of its own and one word's scores for the whole vocabulary; no mask over padding in the
attention (the first tutorial has one), batches in random order, so of mixed lengths. Both offer
`encode`, `start` and `step`, so the course's decoding and measures work with them.

Shapes: B batch, S source length, T target length, H hidden, V target vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.corpus.batches import Batch, collate
from helpers.corpus.en_fr import Corpus
from helpers.corpus.vocabulary import Vocabulary


class BaselineMemory(NamedTuple):
    """States of the encoder (B, S, H), and of each of its layers the last one (B, layers, H)."""

    states: Tensor
    last: Tensor


class StepDecoder(nn.Module):
    """A GRU encoder and a decoder with additive attention, one step after the other.

    hidden: H, of embeddings, states and attention. layers: of both GRUs.
    """

    def __init__(
        self,
        source_vocabulary: int,
        target_vocabulary: int,
        hidden: int,
        layers: int,
        dropout: float,
    ) -> None:
        super().__init__()
        between = dropout if layers > 1 else 0.0
        self.dropout = nn.Dropout(dropout)
        self.source = nn.Embedding(source_vocabulary, hidden)
        self.encoder = nn.GRU(hidden, hidden, layers, batch_first=True, dropout=between)
        self.query, self.key = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)
        self.score = nn.Linear(hidden, 1)
        self.target = nn.Embedding(target_vocabulary, hidden)
        self.gru = nn.GRU(2 * hidden, hidden, layers, batch_first=True, dropout=between)
        self.output = nn.Linear(hidden, target_vocabulary)

    def encode(self, source: Tensor, lengths: Tensor) -> BaselineMemory:
        """source (B, S) -> memory; lengths are not looked at."""
        states, last = self.encoder(self.dropout(self.source(source)))
        return BaselineMemory(states, last.transpose(0, 1))

    def start(self, memory: BaselineMemory) -> Tensor:
        """memory -> the decoder's first state (B, layers, H)."""
        return memory.last

    def step(
        self, previous: Tensor, state: Tensor, memory: BaselineMemory
    ) -> tuple[Tensor, Tensor, Tensor]:
        """previous (B,), state (B, layers, H) -> logits (B, V), state, weights (B, S)."""
        queries = self.query(state[:, -1]).unsqueeze(1)  # (B, 1, H)
        scores = self.score(torch.tanh(queries + self.key(memory.states))).squeeze(-1)  # (B, S)
        weights = torch.softmax(scores, dim=-1)
        context = weights.unsqueeze(1) @ memory.states  # (B, 1, H)
        embedded = self.dropout(self.target(previous)).unsqueeze(1)
        inputs = torch.cat([embedded, context], dim=-1)
        out, state = self.gru(inputs, state.transpose(0, 1).contiguous())
        return self.output(out.squeeze(1)), state.transpose(0, 1), weights

    def forward(self, source: Tensor, lengths: Tensor, target_in: Tensor) -> Tensor:
        """source (B, S), lengths (B,), target_in (B, T) -> logits (B, T, V), teacher forcing."""
        memory = self.encode(source, lengths)
        state, rows = self.start(memory), []
        for previous in target_in.unbind(dim=1):
            logits, state, _ = self.step(previous, state, memory)
            rows.append(logits)
        return torch.stack(rows, dim=1)


class Baseline(NamedTuple):
    """How one of the two is made and trained. clip: norm of the gradient, None for no limit."""

    hidden: int
    layers: int
    dropout: float
    batch_size: int
    lr: float
    clip: float | None

    def build(self, corpus: Corpus) -> StepDecoder:
        sizes = len(corpus.source_vocabulary), len(corpus.target_vocabulary)
        return StepDecoder(*sizes, self.hidden, self.layers, self.dropout)


BASELINES = {
    "baseline, hidden 256": Baseline(256, 2, 0.2, batch_size=128, lr=5e-3, clip=1.0),
    "baseline, hidden 128": Baseline(128, 1, 0.1, batch_size=32, lr=1e-3, clip=None),
}


def random_batches(corpus: Corpus, batch_size: int, seed: int) -> Iterator[Batch]:
    """Yield batches in random order without end: long and short sentences side by side."""
    generator = torch.Generator().manual_seed(seed)
    vocabularies = corpus.source_vocabulary, corpus.target_vocabulary
    while True:
        order = torch.randperm(len(corpus.train), generator=generator)
        for rows in order.split(batch_size):
            yield collate([corpus.train[k] for k in rows.tolist()], *vocabularies)


def plain_loss(model: nn.Module, batch: Batch) -> Tensor:
    """Cross-entropy over all words of the vocabulary, padding left out: scalar, in nats."""
    logits = model(batch.source, batch.lengths, batch.target_in)
    return F.cross_entropy(
        logits.flatten(0, 1), batch.target_out.flatten(), ignore_index=Vocabulary.pad
    )
