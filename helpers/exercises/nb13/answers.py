"""Notebook 13: the course's answers, and what each must do, written in loops (`..._spec`).

An answer's text is shown as its solution and pasted into the notebook's cell, so it uses no name
but `torch`, `math` and `Counter`.
"""

from __future__ import annotations

import math

import torch


def sampled_loss(logits: torch.Tensor, places: torch.Tensor, drawn: int, rest: int) -> torch.Tensor:
    """Return the mean of log Z - (logit of the true word), Z estimated from some of the words.

    logits: (N, K), of K words of the vocabulary: some that are always there, then, in the last
    `drawn` columns, words drawn from the `rest` others. places: (N,), the column of each true word,
    never a drawn one. A drawn word stands for rest / drawn words. After Jean et al. (2015).
    """
    stands_for = logits.new_zeros(logits.size(1))  # (K,), as logarithms
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


def cached_step(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    past_keys: torch.Tensor,
    past_values: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return what the newest word found, (B, V), and the keys and values to keep for the next.

    query, key: (B, D), and value: (B, V), of the newest word alone. past_keys: (B, P, D) and
    past_values: (B, P, V), of the P words before. The word looks at them and at itself, with scaled
    dot products. What is kept has T = P + 1 words: (B, T, D) and (B, T, V).
    """
    keys = torch.cat([past_keys, key.unsqueeze(1)], dim=1)  # (B, T, D)
    values = torch.cat([past_values, value.unsqueeze(1)], dim=1)  # (B, T, V)
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
    """Return the symbols with each `left` that `right` follows replaced, both together, by `new`.

    From left to right; a symbol that was merged is not merged again. Sennrich et al. (2016).
    """
    merged = []
    for symbol in symbols:
        if symbol == right and merged and merged[-1] == left:
            merged[-1] = new  # `new` is neither left nor right, so it is not merged again
        else:
            merged.append(symbol)
    return merged


def merge_pair_spec(symbols: list[int], left: int, right: int, new: int) -> list[int]:
    """The first pair, and then what comes after it."""
    for k in range(len(symbols) - 1):
        if symbols[k] == left and symbols[k + 1] == right:
            return [*symbols[:k], new, *merge_pair_spec(symbols[k + 2 :], left, right, new)]
    return list(symbols)
