"""Beam search with a length penalty, for any model that offers `encode`, `start` and `step`.

Greedy decoding commits itself to the likeliest word at each step. Beam search keeps the K likeliest
beginnings of a sentence and lets them compete, so a word that looks worse at first can still win.

Shapes: B batch, K hypotheses of each sentence (the beam's width), S source length, T target length,
V target vocabulary. A hypothesis is a beginning of a translation, or a whole one with its `<end>`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from helpers.corpus import Pair, Vocabulary, collate
from helpers.decoding import MAX_LENGTH, Translation

NEVER = (Vocabulary.pad, Vocabulary.start)  # no sentence holds them, so no hypothesis may


def length_penalty(length: int | Tensor, alpha: float) -> float | Tensor:
    """lp(Y) = ((5 + |Y|) / 6)^alpha (Wu et al. 2016, section 7, equation 14).

    length: words of the hypothesis, `<end>` included. alpha: 0 for no penalty, 1 for nearly the
    mean log-probability of a word; Wu et al. chose 0.6 to 0.7. A log-probability is divided by it.
    """
    return ((5 + length) / 6) ** alpha


class Hypotheses(NamedTuple):
    """The K best hypotheses of each sentence, the best one first.

    words (B, K, T), `<end>` included and padding after it. scores (B, K): log-probability divided
    by the length penalty; -inf where there are fewer than K. weights (B, K, T, S) or None.
    """

    words: Tensor
    scores: Tensor
    weights: Tensor | None


@torch.no_grad()
def search(
    model: nn.Module,
    source: Tensor,
    lengths: Tensor,
    width: int = 4,
    alpha: float = 0.6,
    max_length: int = MAX_LENGTH,
) -> Hypotheses:
    """Return the `width` best translations of each sentence that the search found.

    source (B, S), lengths (B,). width: K; with 1 it is greedy decoding. alpha: see
    `length_penalty`. At each step every hypothesis goes on with every word, and of these K * V the
    K with the best score stay. One with its `<end>` stays as it is and goes on competing. The
    search of a batch ends when all hypotheses have their `<end>`, or at max_length.
    Raises ValueError for a width below 1 and a max_length below 1.
    """
    if width < 1 or max_length < 1:
        raise ValueError(f"width={width} and max_length={max_length}: expected 1 or more")
    sentences = len(source)
    memory = repeat(model.encode(source, lengths), width)
    first = torch.arange(sentences, device=source.device).unsqueeze(1)  # (B, 1)
    state = model.start(memory)
    previous = torch.full((sentences * width,), Vocabulary.start, device=source.device)
    sums = source.new_full((sentences, width), -torch.inf, dtype=torch.get_default_dtype())
    sums[:, 0] = 0.0  # all K are the same at first: only one of them may go on
    sizes = torch.zeros_like(first).expand(-1, width)  # words of each hypothesis
    ended = torch.zeros(sentences, width, dtype=torch.bool, device=source.device)
    words = source.new_zeros(sentences, width, 0)
    maps: Tensor | None = None
    for _ in range(max_length):
        logits, state, weights = model.step(previous, state, memory)
        logits[:, list(NEVER)] = -torch.inf
        gains = torch.log_softmax(logits, dim=-1).view(sentences, width, -1)  # (B, K, V)
        gains = _only_padding(gains, ended)
        totals = sums.unsqueeze(-1) + gains  # (B, K, V)
        grown = sizes + ~ended  # (B, K)
        ranked = totals / length_penalty(grown, alpha).unsqueeze(-1)
        best = ranked.flatten(1).topk(width, dim=1).indices  # (B, K)
        parents, chosen = best // gains.shape[-1], best % gains.shape[-1]
        sums, sizes = totals.flatten(1).gather(1, best), grown.gather(1, parents)
        words = torch.cat([_pick(words, parents), chosen.unsqueeze(-1)], dim=-1)
        ended = ended.gather(1, parents) | (chosen == Vocabulary.end)
        rows = (first * width + parents).flatten()
        if weights is not None:
            row = weights[rows].view(sentences, width, 1, -1)  # (B, K, 1, S)
            maps = row if maps is None else torch.cat([_pick(maps, parents), row], dim=2)
        # Row b * K + k of every tensor belongs to hypothesis k of sentence b.
        state, previous = _map(state, itemgetter(rows)), chosen.flatten()
        if ended.all():
            break
    return Hypotheses(words, sums / length_penalty(sizes, alpha), maps)


def translate_all(
    model: nn.Module,
    pairs: Sequence[Pair],
    source_vocabulary: Vocabulary,
    target_vocabulary: Vocabulary,
    width: int = 4,
    alpha: float = 0.6,
    batch_size: int = 100,
) -> list[Translation]:
    """Translate every source sentence of `pairs` by beam search, in their order: the best one each.

    As `helpers.decoding.translate_all`, with `width` and `alpha` of `search`.
    """
    device = next(model.parameters()).device
    model.eval()
    order = sorted(range(len(pairs)), key=lambda index: len(pairs[index].source))
    found: dict[int, Translation] = {}
    for first in range(0, len(order), batch_size):
        chunk = order[first : first + batch_size]
        batch = collate([pairs[i] for i in chunk], source_vocabulary, target_vocabulary).to(device)
        best = search(model, batch.source, batch.lengths, width, alpha)
        for row, index in enumerate(chunk):
            found[index] = _translation(
                list(pairs[index].source),
                [i for i in best.words[row, 0].tolist() if i != Vocabulary.pad],
                None if best.weights is None else best.weights[row, 0],
                target_vocabulary,
            )
    return [found[index] for index in range(len(pairs))]


def _translation(
    source: list[str], ids: list[int], weights: Tensor | None, vocabulary: Vocabulary
) -> Translation:
    kept = None if weights is None else weights[: len(ids), : len(source)].cpu()
    return Translation(source, [vocabulary.words[i] for i in ids], kept)


def _only_padding(gains: Tensor, ended: Tensor) -> Tensor:
    """A hypothesis with its `<end>` goes on in one way, by padding, which costs nothing.

    gains (B, K, V), ended (B, K) -> (B, K, V).
    """
    gains = gains.masked_fill(ended.unsqueeze(-1), -torch.inf)
    gains[..., Vocabulary.pad] = gains[..., Vocabulary.pad].masked_fill(ended, 0.0)
    return gains


def _pick(kept: Tensor, parents: Tensor) -> Tensor:
    """What each new hypothesis takes over: kept (B, K, ...), parents (B, K) -> (B, K, ...)."""
    index = parents.view(*parents.shape, *[1] * (kept.ndim - 2)).expand(-1, -1, *kept.shape[2:])
    return kept.gather(1, index)


def repeat(memory: Any, width: int) -> Any:
    """A memory of B sentences as one of B * K: row b * K + k is for hypothesis k of sentence b."""
    return _map(memory, lambda part: part.repeat_interleave(width, dim=0))


def _map(tree: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Change every tensor (rows first) in a memory or a state, whatever tuples it stands in."""
    if isinstance(tree, Tensor):
        return change(tree)
    parts = [_map(part, change) for part in tree]
    return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
