"""Notebook 11: the course's answers, and what each must do, written in loops (`..._spec`).

An answer's text is shown as its solution and pasted into the notebook's cell, so it uses no name
but `torch`, `math` and `Counter`. The whole layer uses the two functions that the learner wrote
before it, and `attend` and `scaled_dot`, which the notebook has imported.
"""

from __future__ import annotations

import torch

from helpers.attention import attend, scaled_dot


def split_heads(states: torch.Tensor, heads: int) -> torch.Tensor:
    """Return the parts of all heads, (B, heads, T, d_k), with d_k = D / heads.

    states: (B, T, D). heads: how many. Head 1 gets the first d_k numbers of each word, head 2 the
    next d_k, and so on.
    """
    batch, words, width = states.shape
    parts = states.reshape(batch, words, heads, width // heads)  # (B, T, heads, d_k)
    return parts.transpose(1, 2)  # (B, heads, T, d_k)


def split_heads_spec(states: torch.Tensor, heads: int) -> torch.Tensor:
    """Word by word: hand out its numbers, the first d_k to head 1, the next d_k to head 2."""
    batch, words, width = states.shape
    size = width // heads
    parts = states.new_zeros(batch, heads, words, size)
    for b in range(batch):
        for t in range(words):
            for d in range(width):
                parts[b, d // size, t, d % size] = states[b, t, d]
    return parts


def merge_heads(parts: torch.Tensor) -> torch.Tensor:
    """Return the heads' parts side by side again, (B, T, D) with D = heads * d_k.

    parts: (B, heads, T, d_k). The numbers of head 1 come first, then those of head 2.
    """
    batch, heads, words, size = parts.shape
    side_by_side = parts.transpose(1, 2)  # (B, T, heads, d_k)
    return side_by_side.reshape(batch, words, heads * size)  # (B, T, D)


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
    """Return outputs (B, T, D) and the weights of every head (B, heads, T, T).

    states: X, (B, T, D). The four matrices W_Q, W_K, W_V and W_O: (D, D). heads: how many,
    each of width d_k = D / heads. Vaswani et al. (2017), section 3.2.2, for a sentence that looks
    at itself.
    """
    cut = (*states.shape[:2], heads, states.size(-1) // heads)  # (B, T, heads, d_k)
    queries = (states @ query_weight).view(cut).transpose(1, 2)  # (B, heads, T, d_k)
    keys = (states @ key_weight).view(cut).transpose(1, 2)
    values = (states @ value_weight).view(cut).transpose(1, 2)
    scores = queries @ keys.transpose(-2, -1) / queries.size(-1) ** 0.5  # (B, heads, T, T)
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


class MultiHeadAttention(torch.nn.Module):
    """Several look-ups side by side (Vaswani et al. 2017, section 3.2.2).

    d_model: width D of all vectors. heads: how many; each has queries, keys and values of
    d_k = D / heads numbers. Sizes: B batch, T queries, S entries.
    """

    def __init__(self, d_model: int, heads: int):
        """Make W_Q, W_K, W_V and W_O, each D by D."""
        super().__init__()
        self.heads = heads
        self.query = torch.nn.Linear(d_model, d_model, bias=False)
        self.key = torch.nn.Linear(d_model, d_model, bias=False)
        self.value = torch.nn.Linear(d_model, d_model, bias=False)
        self.output = torch.nn.Linear(d_model, d_model, bias=False)

    def forward(self, asking, keys, values, mask=None):
        """Return the outputs (B, T, D) and the weights of every head (B, heads, T, S).

        asking (B, T, D), keys (B, S, D), values (B, S, D): what queries, keys and values are made
        from. mask: bool, (B, T, S), the same for all heads; True = may be attended. None: all may.
        """
        q = split_heads(self.query(asking), self.heads)  # (B, heads, T, d_k)
        k = split_heads(self.key(keys), self.heads)  # (B, heads, S, d_k)
        v = split_heads(self.value(values), self.heads)  # (B, heads, S, d_k)
        if mask is not None:
            mask = mask.unsqueeze(1)  # (B, 1, T, S): one for all heads of a sentence
        mixed, weights = attend(q, k, v, mask, score=scaled_dot)
        return self.output(merge_heads(mixed)), weights


class MultiHeadAttentionSpec(MultiHeadAttention):
    """One sentence, one head, one query at a time; a head has its own rows of the weights."""

    def forward(self, asking, keys, values, mask=None):
        w_q, w_k, w_v, w_o = (p.weight for p in (self.query, self.key, self.value, self.output))
        (batch, steps, width), entries = asking.shape, keys.size(1)
        size = width // self.heads
        weights = asking.new_zeros(batch, self.heads, steps, entries)
        outputs = torch.zeros_like(asking)
        for b in range(batch):
            for a in range(self.heads):
                own = slice(a * size, (a + 1) * size)
                for t in range(steps):
                    seen = [s for s in range(entries) if mask is None or mask[b, t, s]]
                    query = w_q[own] @ asking[b, t]
                    scores = [(w_k[own] @ keys[b, s]) @ query / size**0.5 for s in seen]
                    shares = torch.softmax(torch.stack(scores), dim=0)
                    for s, share in zip(seen, shares, strict=True):
                        weights[b, a, t, s] = share
                        found = share * (w_v[own] @ values[b, s])
                        outputs[b, t] = outputs[b, t] + w_o[:, own] @ found
        return outputs, weights


def without_head(mixed: torch.Tensor, output_weight: torch.Tensor, head: int) -> torch.Tensor:
    """Return the layer's outputs (B, T, D) as they are if one head contributes nothing.

    mixed: each head's blend of values, (B, heads, T, d_k), D = heads * d_k. output_weight: W_O,
    (D, D), whose first d_k rows read head 1, the next d_k rows head 2, and so on. head: which one
    is silent, counted from 1.
    """
    heads = torch.arange(1, mixed.size(1) + 1, device=mixed.device)
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
                    if a + 1 != head:
                        row = output_weight[a * size + p]
                        outputs[b, t] = outputs[b, t] + mixed[b, a, t, p] * row
    return outputs


def head_parameters(width: int, heads: int, length: int) -> tuple[int, int]:
    """Return how many parameters a multi-head layer has, and how many weights it computes.

    width: D. heads: how many, each of width D / heads. The layer has W_Q, W_K, W_V and W_O and no
    biases.
    length: T, the words of one sentence that looks at itself; its attention weights are counted.
    """
    return 4 * width * width, heads * length * length


def head_parameters_spec(width: int, heads: int, length: int) -> tuple[int, int]:
    """Go through the heads: each has its own columns, and its own map."""
    parameters = weights = 0
    for _ in range(heads):
        parameters += 3 * width * (width // heads)  # W_Q, W_K and W_V: D rows, D / heads columns
        parameters += (width // heads) * width  # its rows of W_O
        weights += length * length
    return parameters, weights
