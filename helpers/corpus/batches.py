"""Sentences side by side: numbered, padded, and drawn as batches for training.

Shapes: B batch, S source length, T target length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from helpers.corpus.en_fr import Corpus
from helpers.corpus.pairs import Pair
from helpers.corpus.vocabulary import Vocabulary
from helpers.settings import DEVICE, new_generator


@dataclass(frozen=True)
class Batch:
    """Sentences side by side, right-padded with <pad>. All tensors are int64."""

    source: torch.Tensor  # (B, S), without <start> and <end>
    lengths: torch.Tensor  # (B,), true source lengths
    target_in: torch.Tensor  # (B, T), <start> y_1 .. y_n
    target_out: torch.Tensor  # (B, T), y_1 .. y_n <end>

    def to(self, device: torch.device | str) -> Batch:
        """Return the same batch with its tensors on `device`."""
        return Batch(*(tensor.to(device) for tensor in vars(self).values()))


def collate(
    pairs: Sequence[Pair], source_vocabulary: Vocabulary, target_vocabulary: Vocabulary
) -> Batch:
    """Number and pad `pairs` (at least one), in the order given."""
    if not pairs:
        raise ValueError("collate got no pairs; expected at least one")
    pad = partial(pad_sequence, batch_first=True, padding_value=Vocabulary.pad)
    start, end = Vocabulary.start, Vocabulary.end
    sources = [torch.tensor(source_vocabulary.encode(pair.source)) for pair in pairs]
    targets = [torch.tensor([start, *target_vocabulary.encode(pair.target), end]) for pair in pairs]
    return Batch(
        source=pad(sources),
        lengths=torch.tensor([len(pair.source) for pair in pairs]),
        target_in=pad([target[:-1] for target in targets]),
        target_out=pad([target[1:] for target in targets]),
    )


def make_batches(
    pairs: Sequence[Pair],
    batch_size: int,
    generator: torch.Generator,
    source_vocabulary: Vocabulary,
    target_vocabulary: Vocabulary,
    window: int = 16,
) -> Iterator[Batch]:
    """Yield every pair once, in shuffled batches of similar lengths (the last may be smaller).

    `window` batches are drawn at random, sorted by target length, cut, and shuffled again. Little
    is then padded on the target side, where a decoder pays for the longest sentence at each step;
    source lengths stay mixed.
    """
    if batch_size < 1 or window < 1:
        raise ValueError(f"batch_size={batch_size} and window={window}: expected 1 or more")
    order = torch.randperm(len(pairs), generator=generator).tolist()
    for first in range(0, len(order), batch_size * window):
        chunk = order[first : first + batch_size * window]
        chunk.sort(key=lambda k: len(pairs[k].target))
        cuts = [chunk[k : k + batch_size] for k in range(0, len(chunk), batch_size)]
        for k in torch.randperm(len(cuts), generator=generator).tolist():
            yield collate([pairs[i] for i in cuts[k]], source_vocabulary, target_vocabulary)


def same_length_batches(
    corpus: Corpus, batch_size: int = 32, seed: int | None = None, window: int = 16
) -> Iterator[Batch]:
    """Yield training batches without end whose sources all have one length: no padding there.

    Each round holds every training pair once, in a new order; the last batch of a length may be
    smaller. `window` batches of a length are drawn at random and sorted by target length before
    they are cut, so that little is padded there either. Batches are as `corpus.collate` makes
    them, on the course's device.
    seed: order of the sentences, `course_seed()` by default.

    The price: sentences of one length always meet in one batch, so its gradient speaks for that
    length alone, and a padding mask is never used in training.
    """
    if batch_size < 1 or window < 1:
        raise ValueError(f"batch_size={batch_size} and window={window}: expected 1 or more")
    if not corpus.train:
        raise ValueError("the corpus has no training pairs; expected one or more")
    generator = new_generator(seed)
    blocks = _blocks(corpus)  # words are numbered once; a round then only picks rows
    while True:
        cuts = [
            (block, rows)
            for block in blocks
            for rows in _cut_block(block, batch_size, window, generator)
        ]
        for k in torch.randperm(len(cuts), generator=generator).tolist():
            yield _take_rows(*cuts[k]).to(DEVICE)


def _blocks(corpus: Corpus) -> list[Batch]:
    """All training pairs, one large batch for each source length."""
    groups: dict[int, list[Pair]] = {}
    for pair in corpus.train:
        groups.setdefault(len(pair.source), []).append(pair)
    vocabularies = corpus.source_vocabulary, corpus.target_vocabulary
    return [collate(groups[length], *vocabularies) for length in sorted(groups)]


def _cut_block(
    block: Batch, batch_size: int, window: int, generator: torch.Generator
) -> Iterator[torch.Tensor]:
    """Yield the numbers of all rows of `block`, shuffled, `batch_size` or fewer at a time."""
    sizes = (block.target_out != Vocabulary.pad).sum(dim=1)
    for drawn in torch.randperm(len(sizes), generator=generator).split(batch_size * window):
        yield from drawn[sizes[drawn].argsort(stable=True)].split(batch_size)


def _take_rows(block: Batch, rows: torch.Tensor) -> Batch:
    """Some rows of a batch, rows (B,), no wider than its longest target."""
    target_out = block.target_out[rows]  # (B, T of the block)
    longest = int((target_out != Vocabulary.pad).sum(dim=1).max())
    return Batch(
        source=block.source[rows],  # (B, S)
        lengths=block.lengths[rows],  # (B,)
        target_in=block.target_in[rows, :longest],  # (B, T)
        target_out=target_out[:, :longest],  # (B, T)
    )


def training_batches(
    corpus: Corpus, batch_size: int = 64, seed: int | None = None
) -> Iterator[Batch]:
    """Yield shuffled training batches without end, on the course's device.

    seed: order of the sentences, `course_seed()` by default.
    """
    generator = new_generator(seed)
    vocabularies = corpus.source_vocabulary, corpus.target_vocabulary
    while True:
        for batch in make_batches(corpus.train, batch_size, generator, *vocabularies):
            yield batch.to(DEVICE)


def french_rows(batch: Batch) -> Tensor:
    """The French side of a batch as rows <start>, words, <end>, padding: (B, T)."""
    return torch.cat([batch.target_in[:, :1], batch.target_out], dim=1)
