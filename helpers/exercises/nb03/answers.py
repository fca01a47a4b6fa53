"""Notebook 03: the course's answers, and what each must do, written in loops (`..._spec`).

An answer's text is shown as its solution and pasted into the notebook's cell, so it uses no name
but `torch`, `math` and `Counter`.
"""

from __future__ import annotations

import torch


def words_that_fit(numbers: int, values: int, vocabulary: int) -> int:
    """Return the largest n such that every sentence of n words can have a note of its own.

    A note has room for `numbers` numbers, each one of `values` values. A sentence is any row of
    words out of `vocabulary`, which has two or more.
    """
    notes, words = values**numbers, 0
    while vocabulary ** (words + 1) <= notes:
        words += 1
    return words


def words_that_fit_spec(numbers: int, values: int, vocabulary: int) -> int:
    """Divide the notes among the words of the first place, then of the second, ..."""
    notes, words = 1, -1
    for _ in range(numbers):
        notes *= values
    while notes >= 1:
        notes //= vocabulary
        words += 1
    return words


def null_curve(exact: float, length: float, lengths: torch.Tensor) -> torch.Tensor:
    """Return the exact match (N,) at `lengths` if a word is right as often as at `length`.

    exact: the share of sentences of `length` words that are right in every word, 0 to 1.
    lengths: (N,), in words. Every word has the same probability of being right, at all lengths,
    whatever the others are.
    """
    word = exact ** (1 / length)  # p, since exact = p ** length
    return word**lengths  # (N,)


def null_curve_spec(exact: float, length: float, lengths: torch.Tensor) -> torch.Tensor:
    """A sentence k times as long is like k sentences that must all be right."""
    shares = [exact ** (each / length) for each in lengths.tolist()]
    return torch.tensor(shares, dtype=lengths.dtype)


def loss_by_length(
    losses: torch.Tensor,
    real: torch.Tensor,
    lengths: torch.Tensor,
    edges: list[tuple[int, int]],
) -> torch.Tensor:
    """Return the mean loss per real word (N,), one number for each group of source lengths.

    losses: (B, T), in nats. real: (B, T), False on padding, where losses are any finite numbers.
    lengths: (B,), words in the source. edges: N pairs (low, high), both included; each holds a
    sentence.
    """
    means = []
    for low, high in edges:
        inside = (lengths >= low) & (lengths <= high)  # (B,)
        means.append(losses[real & inside.unsqueeze(1)].mean())
    return torch.stack(means)  # (N,)


def loss_by_length_spec(
    losses: torch.Tensor,
    real: torch.Tensor,
    lengths: torch.Tensor,
    edges: list[tuple[int, int]],
) -> torch.Tensor:
    """Go through all words, and add each one to its group."""
    totals = [losses.new_zeros(()) for _ in edges]
    counts = [0 for _ in edges]
    for b in range(losses.size(0)):
        for t in range(losses.size(1)):
            for n, (low, high) in enumerate(edges):
                if real[b, t] and low <= int(lengths[b]) <= high:
                    totals[n] = totals[n] + losses[b, t]
                    counts[n] += 1
    return torch.stack([total / count for total, count in zip(totals, counts, strict=True)])


def recall_by_distance(
    said: torch.Tensor, words: torch.Tensor, lengths: torch.Tensor
) -> torch.Tensor:
    """Return the share of words read back (D,), by distance from each sentence's last word.

    said: (B, S), word ids that were read back. words: (B, S), the true ids, padded on the right.
    lengths: (B,). D is the longest length; distance 0 is the last word. A distance's share is over
    the sentences that are long enough to have a word there.
    """
    distances = torch.arange(int(lengths.max()), device=words.device)  # (D,)
    places = lengths.unsqueeze(1) - 1 - distances  # (B, D)
    there = places >= 0
    right = (said == words).gather(1, places.clamp(min=0)) & there  # (B, D)
    return right.sum(dim=0) / there.sum(dim=0)  # (D,)


def recall_by_distance_spec(
    said: torch.Tensor, words: torch.Tensor, lengths: torch.Tensor
) -> torch.Tensor:
    """Distance by distance and sentence by sentence."""
    shares = []
    for distance in range(int(lengths.max())):
        right = total = 0
        for b in range(words.size(0)):
            place = int(lengths[b]) - 1 - distance
            if place >= 0:
                right += int(said[b, place] == words[b, place])
                total += 1
        shares.append(right / total)
    return torch.tensor(shares)


def reverse_source(source: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Return the sentences backwards (B, S), the padding (id 0) still on the right.

    source: (B, S), word ids. lengths: (B,), in words. Sutskever et al. (2014), section 3.3.
    """
    positions = torch.arange(source.size(1), device=source.device)  # (S,)
    mirrored = lengths.unsqueeze(1) - 1 - positions  # (B, S), negative on padding
    return source.gather(1, torch.where(mirrored >= 0, mirrored, positions))


def reverse_source_spec(source: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Word by word: the first place gets the last word."""
    turned = torch.zeros_like(source)
    for b in range(source.size(0)):
        for position in range(int(lengths[b])):
            turned[b, position] = source[b, int(lengths[b]) - 1 - position]
    return turned


def words_when_fed(step, state, words: torch.Tensor) -> torch.Tensor:
    """Return the word with the highest score at each step (B, T), while gold words are fed.

    step(previous (B,), state) -> (scores (B, V), new state). words: (B, T), the ids that are fed:
    <start>, then the gold words.
    """
    said = []
    for previous in words.unbind(dim=1):  # (B,), each sentence's gold word
        scores, state = step(previous, state)
        said.append(scores.argmax(dim=-1))  # (B,)
    return torch.stack(said, dim=1)  # (B, T)


def words_when_fed_spec(step, state, words: torch.Tensor) -> torch.Tensor:
    """Step by step and sentence by sentence; what was said is never read again."""
    said = torch.zeros_like(words)
    for t in range(words.size(1)):
        scores, state = step(words[:, t], state)
        for b, row in enumerate(scores.tolist()):
            said[b, t] = row.index(max(row))
    return said
