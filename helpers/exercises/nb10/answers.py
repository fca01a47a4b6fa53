"""Notebook 10: the course's answers, and what each must do, written in loops (`..._spec`).

An answer's text is shown as its solution and pasted into the notebook's cell, so it uses no name
but `torch`, `math` and `Counter`.
"""

from __future__ import annotations

import torch


def causal_mask(length: int) -> torch.Tensor:
    """Return the mask (T, T) of booleans: True where word t (row) may look at word i (column).

    length: T. A word may look at itself and at the words before it. Vaswani et al. (2017), 3.2.3.
    """
    return torch.ones(length, length, dtype=torch.bool).tril()  # the lower triangle stays True


def causal_mask_spec(length: int) -> torch.Tensor:
    """Cell by cell."""
    mask = torch.zeros(length, length, dtype=torch.bool)
    for t in range(length):
        for i in range(length):
            mask[t, i] = i <= t
    return mask


def combine_masks(lengths: torch.Tensor, size: int) -> torch.Tensor:
    """Return the mask (B, T, T): True where i is a word of the sentence and no later than t.

    lengths: (B,), words in each sentence, 1 or more. size: T. A row of a padding position looks at
    the sentence's words as the others do: what comes out there is left out of the loss.
    """
    positions = torch.arange(size, device=lengths.device)  # (T,)
    words = positions < lengths.unsqueeze(1)  # (B, T), along the keys
    causal = positions <= positions.unsqueeze(1)  # (T, T)
    return words.unsqueeze(1) & causal  # (B, 1, T) and (T, T) -> (B, T, T)


def combine_masks_spec(lengths: torch.Tensor, size: int) -> torch.Tensor:
    """Cell by cell, sentence by sentence."""
    mask = torch.zeros(len(lengths), size, size, dtype=torch.bool)
    for b, length in enumerate(lengths.tolist()):
        for t in range(size):
            for i in range(size):
                mask[b, t, i] = i < length and i <= t
    return mask


def language_model_loss(logits: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy, one number, of every word given the words before it.

    logits: (B, T, V), those at t computed from words 0 ... t. words: (B, T), ids, from <start> to
    <end>, then padding, whose id is 0; logits are any finite numbers there. <start> is never
    predicted, and <end> is.
    """
    predictions, targets = logits[:, :-1], words[:, 1:]  # at t, the word at t + 1
    real = targets != 0  # (B, T - 1)
    return torch.nn.functional.cross_entropy(predictions[real], targets[real])


def language_model_loss_spec(logits: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
    """Word by word: how surprised were the logits of the position before?"""
    total, count = logits.new_zeros(()), 0
    for b in range(words.size(0)):
        for t in range(1, words.size(1)):
            word = int(words[b, t])
            if word != 0:
                total = total - torch.log_softmax(logits[b, t - 1], dim=-1)[word]
                count += 1
    return total / count


def next_word_probabilities(logits: torch.Tensor, temperature: float, k: int) -> torch.Tensor:
    """Return probabilities (B, V) of the k words with the largest logits; all others get 0.

    logits: (B, V). They are divided by the temperature, above 0. Words that tie with the k-th
    largest stay too; a k above V keeps all. Each row sums to 1. Fan et al. (2018).
    """
    k = min(k, logits.size(-1))
    least = logits.topk(k, dim=-1).values[:, -1:]  # (B, 1), the k-th largest of each row
    kept = logits.masked_fill(logits < least, float("-inf"))
    return torch.softmax(kept / temperature, dim=-1)


def next_word_probabilities_spec(logits: torch.Tensor, temperature: float, k: int) -> torch.Tensor:
    """Row by row: a word stays if fewer than k others are better."""
    probabilities = torch.zeros_like(logits)
    for b, row in enumerate(logits.tolist()):
        stay = [v for v in range(len(row)) if sum(other > row[v] for other in row) < k]
        parts = {v: torch.exp((logits[b, v] - max(row)) / temperature) for v in stay}
        for v in stay:
            probabilities[b, v] = parts[v] / sum(parts.values())
    return probabilities


def generate(model, choose, prompt: list[int], longest: int, end: int = 2) -> list[int]:
    """Return the words with which a language model goes on after the prompt, without <end>.

    model(words (1, t)) -> logits (1, t, V). choose(logits (V,)) -> the next word's id.
    prompt: ids, <start> first. At most `longest` words are made.
    """
    made = []
    while len(made) < longest:
        logits = model(torch.tensor([prompt + made]))  # (1, t, V): all words so far, every time
        word = choose(logits[0, -1])  # only the last position speaks of the next word
        if word == end:
            break
        made.append(word)
    return made


def generate_spec(model, choose, prompt: list[int], longest: int, end: int = 2) -> list[int]:
    """The next word, and then what would follow if it had been part of the prompt."""
    if longest == 0:
        return []
    rows = list(model(torch.tensor([prompt]))[0])
    word = choose(rows[len(prompt) - 1])
    if word == end:
        return []
    return [word, *generate_spec(model, choose, [*prompt, word], longest - 1, end)]


def leaking_positions(model, words: torch.Tensor, vocabulary: int) -> torch.Tensor:
    """Return (T,) booleans: True where the logits at t depend on the words behind t.

    model(words (B, t)) -> logits (B, t, V), for any B and t. words: (1, T), ids. vocabulary: V.
    The logits at t depend on later words if they change by more than 1e-5 when the words behind t
    are cut off, or when any one of them is replaced by any one word, 0 to V - 1.
    """
    whole, length = model(words)[0], words.size(1)  # (T, V)
    alone = [model(words[:, : t + 1])[0, t] for t in range(length)]  # nothing stands behind t
    leaks = (torch.stack(alone) - whole).abs().amax(dim=-1) > 1e-5  # (T,)
    for i in range(1, length):
        changed = words.repeat(vocabulary, 1)  # (V, T)
        changed[:, i] = torch.arange(vocabulary)  # each word of the vocabulary stands at i once
        moved = (model(changed) - whole).abs().amax(dim=(0, 2)) > 1e-5  # (T,)
        leaks[:i] |= moved[:i]  # only what stands before i must not notice
    return leaks


def leaking_positions_spec(model, words: torch.Tensor, vocabulary: int) -> torch.Tensor:
    """One position, one place and one word at a time."""
    length, found = words.size(1), []
    for t in range(length):
        others = [words[:, : t + 1]]
        for i in range(t + 1, length):
            for word in range(vocabulary):
                others.append(
                    torch.cat([words[:, :i], torch.tensor([[word]]), words[:, i + 1 :]], 1)
                )
        gaps = [(model(other)[0, t] - model(words)[0, t]).abs().max() for other in others]
        found.append(max(gaps) > 1e-5)
    return torch.tensor(found)
