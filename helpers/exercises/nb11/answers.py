"""Notebook 11: the course's answers, and what each must do, written in loops (`..._spec`).

An answer's text is shown as its solution and pasted into the notebook's cell, so it uses no name
but `torch`, `math` and `Counter`.
"""

from __future__ import annotations

import torch


def split_heads(states: torch.Tensor, heads: int) -> torch.Tensor:
    """Return the parts of all heads, (B, A, T, P), with P = D / A.

    states: (B, T, D). heads: A. Head a gets the numbers a * P to (a + 1) * P - 1 of each word.
    """
    batch, words, width = states.shape
    parts = states.reshape(batch, words, heads, width // heads)  # (B, T, A, P): D is cut in A
    return parts.transpose(1, 2)  # (B, A, T, P)


def split_heads_spec(states: torch.Tensor, heads: int) -> torch.Tensor:
    """Word by word: hand out its numbers, the first P to head 0, the next P to head 1, ..."""
    batch, words, width = states.shape
    size = width // heads
    parts = states.new_zeros(batch, heads, words, size)
    for b in range(batch):
        for t in range(words):
            for d in range(width):
                parts[b, d // size, t, d % size] = states[b, t, d]
    return parts


def merge_heads(parts: torch.Tensor) -> torch.Tensor:
    """Return the heads' parts side by side again, (B, T, D) with D = A * P.

    parts: (B, A, T, P). The numbers of head 0 come first, then those of head 1, and so on.
    """
    batch, heads, words, size = parts.shape
    return parts.transpose(1, 2).reshape(batch, words, heads * size)  # (B, T, A, P) -> (B, T, D)


def merge_heads_spec(parts: torch.Tensor) -> torch.Tensor:
    """Word by word: collect its numbers from the heads, one head after the other."""
    batch, heads, words, size = parts.shape
    states = parts.new_zeros(batch, words, heads * size)
    for b in range(batch):
        for t in range(words):
            for a in range(heads):
                for p in range(size):
                    states[b, t, a * size + p] = parts[b, a, t, p]
    return states


def multi_head_attention(
    states: torch.Tensor,
    query_weight: torch.Tensor,
    key_weight: torch.Tensor,
    value_weight: torch.Tensor,
    output_weight: torch.Tensor,
    heads: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return outputs (B, T, D) and the weights of every head (B, A, T, T).

    states: X, (B, T, D). The four matrices W_Q, W_K, W_V and W_O: (D, D). heads: A, each of width
    P = D / A. Vaswani et al. (2017), section 3.2.2, for a sentence that looks at itself.
    """
    cut = (*states.shape[:2], heads, states.size(-1) // heads)  # (B, T, A, P)
    queries = (states @ query_weight).view(cut).transpose(1, 2)  # (B, A, T, P)
    keys = (states @ key_weight).view(cut).transpose(1, 2)
    values = (states @ value_weight).view(cut).transpose(1, 2)
    scores = queries @ keys.transpose(-2, -1) / queries.size(-1) ** 0.5  # (B, A, T, T)
    weights = torch.softmax(scores, dim=-1)
    mixed = (weights @ values).transpose(1, 2).flatten(2)  # (B, T, D), head after head
    return mixed @ output_weight, weights


def multi_head_attention_spec(
    states: torch.Tensor,
    query_weight: torch.Tensor,
    key_weight: torch.Tensor,
    value_weight: torch.Tensor,
    output_weight: torch.Tensor,
    heads: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """One sentence, one head, one word at a time; a head has its own columns of the matrices."""
    (batch, words, _), size = states.shape, states.size(-1) // heads
    outputs, weights = torch.zeros_like(states), states.new_zeros(batch, heads, words, words)
    for b in range(batch):
        for a in range(heads):
            own = slice(a * size, (a + 1) * size)
            keys, values = states[b] @ key_weight[:, own], states[b] @ value_weight[:, own]
            for t in range(words):
                query = states[b, t] @ query_weight[:, own]
                shares = torch.softmax(keys @ query / size**0.5, dim=0)
                weights[b, a, t] = shares
                outputs[b, t] = outputs[b, t] + shares @ values @ output_weight[own]
    return outputs, weights


def without_head(mixed: torch.Tensor, output_weight: torch.Tensor, head: int) -> torch.Tensor:
    """Return the layer's outputs (B, T, D) as they are if one head contributes nothing.

    mixed: each head's blend of values, (B, A, T, P), D = A * P. output_weight: W_O, (D, D), whose
    rows a * P to (a + 1) * P - 1 read head a. head: which one is silent, counted from 0.
    """
    heads = torch.arange(mixed.size(1), device=mixed.device)
    silenced = mixed * (heads != head).view(-1, 1, 1)  # a new tensor: mixed stays as it was
    return silenced.transpose(1, 2).flatten(2) @ output_weight  # (B, T, D)


def without_head_spec(mixed: torch.Tensor, output_weight: torch.Tensor, head: int) -> torch.Tensor:
    """Add up what each of the other heads sends through its own rows of W_O."""
    batch, heads, words, size = mixed.shape
    outputs = mixed.new_zeros(batch, words, output_weight.size(1))
    for b in range(batch):
        for t in range(words):
            for a in range(heads):
                for p in range(size):
                    if a != head:
                        row = output_weight[a * size + p]
                        outputs[b, t] = outputs[b, t] + mixed[b, a, t, p] * row
    return outputs


def head_parameters(width: int, heads: int, length: int) -> tuple[int, int]:
    """Return how many parameters a multi-head layer has, and how many weights it computes.

    width: D. heads: A, each of width D / A. The layer has W_Q, W_K, W_V and W_O and no biases.
    length: T, the words of one sentence that looks at itself; its attention weights are counted.
    """
    return 4 * width * width, heads * length * length


def head_parameters_spec(width: int, heads: int, length: int) -> tuple[int, int]:
    """Go through the heads: each has its own columns, and its own map."""
    parameters = weights = 0
    for _ in range(heads):
        parameters += 3 * width * (width // heads)  # W_Q, W_K and W_V: D rows, D / A columns
        parameters += (width // heads) * width  # its rows of W_O
        weights += length * length
    return parameters, weights
