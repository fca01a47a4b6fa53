"""Notebook 13: the course's answers, and what each must do, written in loops (`..._spec`).

An answer's text is shown as its solution and pasted into the notebook's cell, so it uses no name
but `torch`, `math`, `Counter`, `Callable` and the answers to earlier exercises.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import torch


def sampled_loss(logits: torch.Tensor, places: torch.Tensor, drawn: int, rest: int) -> torch.Tensor:
    """Return the mean of log Z - (logit of the true word), Z estimated from some of the words.

    logits: (N, M), of M words of the vocabulary: some that are always there, then, in the last
    `drawn` columns, words drawn from the `rest` others. places: (N,), the column of each true word,
    never a drawn one. A drawn word stands for rest / drawn words. After Jean et al. (2015).
    """
    stands_for = logits.new_zeros(logits.size(1))  # (M,), as logarithms
    stands_for[logits.size(1) - drawn :] = math.log(rest / drawn)  # e^(x + log r) = r e^x
    true = logits.gather(1, places.unsqueeze(1)).squeeze(1)  # (N,)
    return (torch.logsumexp(logits + stands_for, dim=1) - true).mean()


def sampled_loss_spec(
    logits: torch.Tensor, places: torch.Tensor, drawn: int, rest: int
) -> torch.Tensor:
    """Word by word: its exponential, as often as it counts."""
    total, (n, k) = logits.new_zeros(()), logits.shape
    for row in range(n):
        shift = logits[row].max().detach()  # so that no exponential is too large
        z = logits.new_zeros(())
        for word in range(k):
            times = rest / drawn if word >= k - drawn else 1.0
            z = z + times * torch.exp(logits[row, word] - shift)
        total = total + shift + torch.log(z) - logits[row, int(places[row])]
    return total / n


def length_scores(sums: torch.Tensor, lengths: torch.Tensor, alpha: float) -> torch.Tensor:
    """Return the score of each finished hypothesis, (K,): its log-probability over its penalty.

    sums: (K,), log-probabilities. lengths: (K,), words with <end>. The penalty is
    ((5 + length) / 6) ** alpha (Wu et al. 2016, equation 14).
    """
    penalties = ((5 + lengths.to(sums)) / 6) ** alpha  # (K,)
    return sums / penalties


def length_scores_spec(sums: torch.Tensor, lengths: torch.Tensor, alpha: float) -> torch.Tensor:
    """One by one."""
    scores = torch.zeros_like(sums)
    for k in range(len(sums)):
        scores[k] = sums[k] / ((5 + int(lengths[k])) / 6) ** alpha
    return scores


def beam_step(
    sums: torch.Tensor, gains: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the K best ways to go on: their sums, parents and words, each (B, K), best first.

    sums: (B, K), the log-probability of each hypothesis. gains: (B, K, V), the log-probability of
    each next word after it. parents: the number of the hypothesis that each new one goes on from.
    """
    totals = sums.unsqueeze(2) + gains  # (B, K, V)
    best = totals.flatten(1).topk(sums.size(1), dim=1)  # of all K * V, hypotheses side by side
    return best.values, best.indices // gains.size(2), best.indices % gains.size(2)


def beam_step_spec(
    sums: torch.Tensor, gains: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Write down every way to go on, sort the list, keep the first K."""
    (b, k, v), found = gains.shape, []
    for sentence in range(b):
        ways = [
            (float(sums[sentence, old] + gains[sentence, old, word]), old, word)
            for old in range(k)
            for word in range(v)
        ]
        found.append(sorted(ways, key=lambda way: -way[0])[:k])
    kept = [[[way[part] for way in ways] for ways in found] for part in range(3)]
    return torch.tensor(kept[0], dtype=gains.dtype), torch.tensor(kept[1]), torch.tensor(kept[2])


def beam_search(
    step: Callable, state: torch.Tensor, alpha: float, longest: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the best translation of each sentence that a beam finds: words (B, T), scores (B,).

    step(previous, state): words (B, K) and the state (B, K, H) -> the log-probabilities of the
    words that come next (B, K, V), and the state after `previous`. state: before the first word,
    the same for all K hypotheses of a sentence. <pad> is 0, <start> 1 and <end> 2; step never
    expects <pad> or <start>. A hypothesis with its <end> stays as it is: it goes on with <pad> in
    one way, which costs nothing. After at most `longest` steps, or when all hypotheses have ended,
    length_scores chooses among the K of each sentence (Wu et al. 2016).
    """
    sentences, width, _ = state.shape
    rows = torch.arange(sentences, device=state.device).unsqueeze(1)  # (B, 1)
    previous = torch.full((sentences, width), 1, device=state.device)
    ended = torch.zeros_like(previous, dtype=torch.bool)
    words = previous.new_empty(sentences, width, 0)
    sums = state.new_full((sentences, width), -torch.inf)
    sums[:, 0] = 0.0  # all are the same at first, so only one of them may go on
    for _ in range(longest):
        gains, state = step(previous, state)
        gains = gains.masked_fill(ended.unsqueeze(2), -torch.inf)
        gains[:, :, 0] = gains[:, :, 0].masked_fill(ended, 0.0)
        sums, parents, previous = beam_step(sums, gains)
        state = state[rows, parents]
        words = torch.cat([words[rows, parents], previous.unsqueeze(2)], dim=2)
        ended = (words == 2).any(dim=2)
        if ended.all():
            break
    lengths = (words != 0).sum(dim=2)  # <end> counts, <pad> does not
    scores = length_scores(sums.flatten(), lengths.flatten(), alpha).view_as(sums)
    best = scores.max(dim=1)
    return words[rows.squeeze(1), best.indices], best.values


def beam_search_spec(
    step: Callable, state: torch.Tensor, alpha: float, longest: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Lists of hypotheses, a sum and its words each; every way to go on is written down."""
    sentences, width, _ = state.shape
    beams: list[list] = [[(0.0, [])] + [(-math.inf, [])] * (width - 1) for _ in range(sentences)]
    for _ in range(longest):
        last = [[(words or [1])[-1] for _, words in beam] for beam in beams]
        gains, state = step(torch.tensor(last), state)
        states, grown = [], []
        for beam, after, ahead in zip(beams, state, gains.tolist(), strict=True):
            ways = []
            for old, (total, words) in enumerate(beam):
                go_on = [(0, 0.0)] if 2 in words else list(enumerate(ahead[old]))
                ways += [(total + gain, old, [*words, word]) for word, gain in go_on]
            kept = sorted(ways, key=lambda way: -way[0])[:width]
            states.append(torch.stack([after[old] for _, old, _ in kept]))
            grown.append([(total, words) for total, _, words in kept])
        beams, state = grown, torch.stack(states)
        if all(2 in words for beam in beams for _, words in beam):
            break
    found = []
    for beam in beams:
        sizes = [sum(word != 0 for word in words) for _, words in beam]
        penalties = [((5 + size) / 6) ** alpha for size in sizes]
        scored = [total / p for (total, _), p in zip(beam, penalties, strict=True)]
        best = scored.index(max(scored))
        found.append((beam[best][1], scored[best]))
    words, scores = zip(*found, strict=True)
    return torch.tensor(words), torch.tensor(scores, dtype=state.dtype)


def cached_step(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    past_keys: torch.Tensor,
    past_values: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return what the newest word found, (B, E), and the keys and values to keep for the next.

    query, key: (B, D), and value: (B, E), of the newest word alone. past_keys: (B, P, D) and
    past_values: (B, P, E), of the P words before. The word looks at them and at itself, with scaled
    dot products. What is kept has T = P + 1 words: (B, T, D) and (B, T, E).
    """
    keys = torch.cat([past_keys, key.unsqueeze(1)], dim=1)  # (B, T, D)
    values = torch.cat([past_values, value.unsqueeze(1)], dim=1)  # (B, T, E)
    scores = query.unsqueeze(1) @ keys.mT / query.size(1) ** 0.5  # (B, 1, T)
    return (torch.softmax(scores, dim=-1) @ values).squeeze(1), keys, values


def cached_step_spec(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    past_keys: torch.Tensor,
    past_values: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sentence by sentence and word by word."""
    outputs, all_keys, all_values = [], [], []
    for b in range(query.size(0)):
        keys, values = [*past_keys[b], key[b]], [*past_values[b], value[b]]
        scores = [sum(query[b] * one) / query.size(1) ** 0.5 for one in keys]
        parts = [torch.exp(score - max(scores)) for score in scores]
        output = sum(part / sum(parts) * one for part, one in zip(parts, values, strict=True))
        outputs.append(output)
        all_keys.append(torch.stack(keys))
        all_values.append(torch.stack(values))
    return torch.stack(outputs), torch.stack(all_keys), torch.stack(all_values)


def merge_pair(symbols: list[int], left: int, right: int, new: int) -> list[int]:
    """Return the symbols with each neighbouring pair (left, right) replaced by one symbol, `new`.

    From left to right; a symbol that was merged is not merged again. Sennrich et al. (2016).
    """
    merged, k = [], 0
    while k < len(symbols):
        found = symbols[k : k + 2] == [left, right]
        merged.append(new if found else symbols[k])
        k += 2 if found else 1
    return merged


def merge_pair_spec(symbols: list[int], left: int, right: int, new: int) -> list[int]:
    """The first pair, and then what comes after it."""
    for k in range(len(symbols) - 1):
        if symbols[k] == left and symbols[k + 1] == right:
            return [*symbols[:k], new, *merge_pair_spec(symbols[k + 2 :], left, right, new)]
    return list(symbols)


def learn_merges(
    spelt: list[list[int]], counts: list[int], merges: int, new: int
) -> list[tuple[int, int]]:
    """Return the pairs that byte-pair encoding merges, (left, right) each, in their order.

    spelt: the symbols of each word. counts: how often each word occurs. Each round counts the pairs
    of neighbours inside all words, anew, and merges the most frequent one in all words. (Of pairs
    that tie, the one met first counts: words in order, each from the left.) The first round makes
    symbol `new`, the next one new + 1, and so on. It ends after `merges` rounds, or where no word
    has two symbols left. Sennrich et al. (2016).
    """
    learnt: list = []
    while len(learnt) < merges:
        seen: Counter = Counter()
        for symbols, count in zip(spelt, counts, strict=True):
            for pair in zip(symbols[:-1], symbols[1:], strict=True):
                seen[pair] += count
        if not seen:
            break
        left, right = seen.most_common(1)[0][0]
        symbol = new + len(learnt)
        spelt = [merge_pair(symbols, left, right, symbol) for symbols in spelt]
        learnt.append((left, right))
    return learnt


def learn_merges_spec(
    spelt: list[list[int]], counts: list[int], merges: int, new: int
) -> list[tuple[int, int]]:
    """One round, and then the others on the words as they are after it."""
    frequencies: dict[tuple[int, int], int] = {}
    for symbols, count in zip(spelt, counts, strict=True):
        for k in range(len(symbols) - 1):
            pair = symbols[k], symbols[k + 1]
            frequencies[pair] = frequencies.get(pair, 0) + count
    if not merges or not frequencies:
        return []
    best = max(frequencies, key=lambda pair: frequencies[pair])  # the first of those that tie
    merged = [merge_pair_spec(symbols, *best, new) for symbols in spelt]
    return [best, *learn_merges_spec(merged, counts, merges - 1, new + 1)]
