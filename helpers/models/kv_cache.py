"""The key-value cache: keys and values that are computed once and kept; and decoding without it.

A decoder that makes one word after another needs, in each layer, the keys and values of all words
before. They never change, as no word sees a later one. So `TransformerTranslator.step` computes
them once and hands them on in its state: that is the cache. `greedy_uncached` keeps nothing, to
show what the cache saves.

Shapes: B batch, A heads, S keys, T words so far, V target vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from helpers.corpus import Vocabulary

if TYPE_CHECKING:
    from helpers.models.transformer import TransformerMemory, TransformerTranslator


class KeyValues(NamedTuple):
    """Keys (B, A, S, K/A) and values (B, A, S, D/A): all that a layer needs of what is looked at.

    Computed once by `AttentionLayer.project`, it serves any number of calls of `look`.
    """

    keys: Tensor
    values: Tensor

    def append(self, later: KeyValues) -> KeyValues:
        """Return these positions followed by those of `later`, along S."""
        joined = zip(self, later, strict=True)
        return KeyValues(*(torch.cat(pair, dim=2) for pair in joined))


def step_uncached(model: TransformerTranslator, words: Tensor, memory: TransformerMemory) -> Tensor:
    """All words so far (B, T), from `<start>` on -> logits (B, V) of the next: nothing is kept.

    Every decoder layer runs over all T positions, and all but the last are thrown away.
    """
    states, _, _ = model.decoder(model.target_embedding(words), memory.projected, memory.mask)
    return model.output(states[:, -1])


@torch.no_grad()
def greedy_uncached(
    model: TransformerTranslator, source: Tensor, lengths: Tensor, max_length: int
) -> Tensor:
    """As `decoding.greedy`, but with nothing kept: source (B, S), lengths (B,) -> words (B, T)."""
    memory = model.encode(source, lengths)
    words = torch.full_like(lengths, Vocabulary.start).unsqueeze(1)  # (B, 1 + T)
    ended = torch.zeros_like(lengths, dtype=torch.bool)
    for _ in range(max_length):
        best = step_uncached(model, words, memory).argmax(dim=-1)
        best = best.masked_fill(ended, Vocabulary.pad)
        words = torch.cat([words, best.unsqueeze(1)], dim=1)
        ended = ended | (best == Vocabulary.end)
        if ended.all():
            break
    return words[:, 1:]
