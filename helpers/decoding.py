"""From a trained translator to words: greedy decoding, one sentence or a whole test set.

Works with any model that offers `encode`, `start` and `step` (see `helpers.recurrent`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers.corpus import Pair, Vocabulary, collate, tokenize

MAX_LENGTH = 60


@dataclass(frozen=True)
class Translation:
    """One translated sentence.

    source: S words. target: T words, the last of them `<end>` if the model stopped by itself.
    weights: (T, S), row t belongs to target[t]; None where the model has no attention.
    """

    source: list[str]
    target: list[str]
    weights: Tensor | None

    @property
    def words(self) -> list[str]:
        """The target without `<end>`."""
        return self.target[:-1] if self.target[-1:] == ["<end>"] else self.target


@torch.no_grad()
def greedy(
    model: nn.Module, source: Tensor, lengths: Tensor, max_length: int = MAX_LENGTH
) -> tuple[Tensor, Tensor | None]:
    """Feed `<start>`, then at each step the word just chosen, the likeliest one.

    source (B, S), lengths (B,) -> words (B, T), `<end>` included and padding after it, and the
    weights (B, T, S) or None. Stops when every sentence has its `<end>`, or at max_length.
    """
    memory = model.encode(source, lengths)
    state = model.start(memory)
    previous = torch.full_like(lengths, Vocabulary.start)
    ended = torch.zeros_like(previous, dtype=torch.bool)
    words, maps = [], []
    for _ in range(max_length):
        logits, state, weights = model.step(previous, state, memory)
        previous = logits.argmax(dim=-1).masked_fill(ended, Vocabulary.pad)
        words.append(previous)
        maps.append(weights)
        ended = ended | (previous == Vocabulary.end)
        if ended.all():
            break
    has_map = maps[0] is not None
    return torch.stack(words, dim=1), torch.stack(maps, dim=1) if has_map else None


@torch.no_grad()
def forced(model: nn.Module, source: Tensor, lengths: Tensor, target_in: Tensor) -> tuple:
    """Feed the gold words instead of the model's own, step by step.

    source (B, S), lengths (B,), target_in (B, T) -> logits (B, T, V), weights (B, T, S) or None.
    Row t of the weights is where the model looks while it has to say gold word t.
    """
    memory = model.encode(source, lengths)
    state, rows, maps = model.start(memory), [], []
    for previous in target_in.unbind(dim=1):
        logits, state, weights = model.step(previous, state, memory)
        rows.append(logits)
        maps.append(weights)
    return torch.stack(rows, dim=1), torch.stack(maps, dim=1) if maps[0] is not None else None


def translate(
    model: nn.Module,
    text: str,
    source_vocabulary: Vocabulary,
    target_vocabulary: Vocabulary,
    max_length: int = MAX_LENGTH,
) -> Translation:
    """Translate one typed sentence.

    Raises ValueError with a friendly text for an empty sentence or for words that the model has
    never seen (all are listed).
    """
    words = tokenize(text)
    device = next(model.parameters()).device
    source = torch.tensor([source_vocabulary.encode(words)], device=device)
    lengths = torch.tensor([len(words)], device=device)
    model.eval()
    chosen, weights = greedy(model, source, lengths, max_length)
    ids = chosen[0].tolist()
    return Translation(
        source=words,
        target=[target_vocabulary.words[i] for i in ids[: _length(ids)]],
        weights=None if weights is None else weights[0, : _length(ids)].cpu(),
    )


def translate_all(
    model: nn.Module,
    pairs: Sequence[Pair],
    source_vocabulary: Vocabulary,
    target_vocabulary: Vocabulary,
    batch_size: int = 250,
    teacher_forcing: bool = False,
) -> list[Translation]:
    """Translate every source sentence of `pairs`, in their order.

    teacher_forcing: feed the gold words; each word is then the likeliest after the gold prefix,
    and there are exactly as many as in the gold sentence and its `<end>`.
    """
    device = next(model.parameters()).device
    model.eval()
    # Sentences of like length together: a batch runs as long as its longest.
    order = sorted(range(len(pairs)), key=lambda index: len(pairs[index].source))
    found: dict[int, Translation] = {}
    for first in range(0, len(order), batch_size):
        chunk = order[first : first + batch_size]
        batch = collate([pairs[i] for i in chunk], source_vocabulary, target_vocabulary).to(device)
        if teacher_forcing:
            logits, weights = forced(model, batch.source, batch.lengths, batch.target_in)
            words = logits.argmax(dim=-1)
        else:
            words, weights = greedy(model, batch.source, batch.lengths)
        for row, index in enumerate(chunk):
            source = list(pairs[index].source)
            ids = words[row].tolist()
            end = len(pairs[index].target) + 1 if teacher_forcing else _length(ids)
            found[index] = Translation(
                source,
                [target_vocabulary.words[i] for i in ids[:end]],
                None if weights is None else weights[row, :end, : len(source)].cpu(),
            )
    return [found[index] for index in range(len(pairs))]


def _length(ids: list[int]) -> int:
    """The number of words up to `<end>`, it included; all of them if there is none."""
    return ids.index(Vocabulary.end) + 1 if Vocabulary.end in ids else len(ids)
