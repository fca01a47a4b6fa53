"""What a state still holds: each word read back out of it, and a translator's words by place.

Shapes: B batch, S length, E embedding, H hidden, V vocabulary, P parts.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from helpers.corpus import Pair, Vocabulary, collate
from helpers.models import Translator
from helpers.settings import DEVICE


class PositionReader(nn.Module):
    """Reads every word of a sequence back out of the last state, a linear layer per position.

    The GRU is trained together with the layers, so what is read back is what a state can learn to
    keep. A probe in the strict sense reads a state that was trained for something else.
    hidden: size of the last state; with two directions each gets half of it.
    """

    def __init__(
        self,
        vocabulary: int,
        length: int,
        embed: int = 32,
        hidden: int = 64,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        self.shape = length, vocabulary
        self.embedding = nn.Embedding(vocabulary, embed)
        each = hidden // 2 if bidirectional else hidden
        self.gru = nn.GRU(embed, each, batch_first=True, bidirectional=bidirectional)
        self.heads = nn.Linear(hidden, length * vocabulary)

    def forward(self, words: Tensor) -> Tensor:
        """words (B, S) -> logits (B, S, V) of the word at each position."""
        _, last = self.gru(self.embedding(words))
        return self.heads(last.transpose(0, 1).flatten(1)).unflatten(1, self.shape)


@torch.no_grad()
def accuracy_by_source_place(
    model: Translator,
    pairs: Sequence[Pair],
    source_vocabulary: Vocabulary,
    target_vocabulary: Vocabulary,
    parts: int = 8,
) -> dict[str, Tensor]:
    """The share of gold words a translator finds, by where their source word stands.

    Each sentence is cut into equal parts; a target word belongs to the part of the source word it
    is linked to. Gold words are fed, so one slip does not spoil the next word. "own": with the
    sentence's own context; "other": with another sentence's, which is what the gold words before
    give away without the source. Both (P,).
    model: a translator whose memory is one vector a sentence, such as `BottleneckTranslator`.
    """
    if len(pairs) < 2:
        raise ValueError(f"{len(pairs)} sentences: two or more are needed to exchange contexts")
    batch = collate(pairs, source_vocabulary, target_vocabulary).to(DEVICE)
    context = model.encode(batch.source, batch.lengths)  # (B, C)
    links = [
        (row, j, i * parts // len(pair.source))
        for row, pair in enumerate(pairs)
        for i, j in sorted(pair.sure)
    ]
    rows, columns, places = torch.tensor(links, device=DEVICE).T
    total = torch.bincount(places, minlength=parts)
    shares = {}
    for name, given in (("own", context), ("other", context.roll(1, dims=0))):
        state, said = model.start(given), []
        for previous in batch.target_in.unbind(dim=1):
            logits, state, _ = model.step(previous, state, given)
            said.append(logits.argmax(dim=-1))
        right = torch.stack(said, dim=1) == batch.target_out  # (B, T)
        hits = torch.bincount(places[right[rows, columns]], minlength=parts)
        shares[name] = (hits / total).cpu()
    return shares
