"""Notebook 08: the course's answers, and what each must do, written in loops (`..._spec`).

An answer's text is shown as its solution and pasted into the notebook's cell, so it uses no name
but `torch`, `math` and `Counter`.
"""

from __future__ import annotations

import torch


def soft_lookup(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Return what a soft dictionary gives back for one query, (d_v,): a blend of all its values.

    query: (d_k,). keys: (S, d_k). values: (S, d_v). The weights are the softmax over the S entries
    of query . key / temperature.
    """
    weights = torch.softmax(keys @ query / temperature, dim=0)  # (S,)
    return weights @ values  # (d_v,)


def soft_lookup_spec(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Go through the entries, and add each value as often as its key fits."""
    scores = [(query * key).sum() / temperature for key in keys]
    largest = max(score.item() for score in scores)
    total, blend = 0.0, torch.zeros_like(values[0])
    for score, value in zip(scores, values, strict=True):
        part = torch.exp(score - largest)
        total, blend = total + part, blend + part * value
    return blend / total


def project(
    states: torch.Tensor,
    query_weight: torch.Tensor,
    key_weight: torch.Tensor,
    value_weight: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return Q = X W_Q (B, S, d_k), K = X W_K (B, S, d_k) and V = X W_V (B, S, d_v).

    states: X, (B, S, D). query_weight: W_Q, (D, d_k). key_weight: W_K, (D, d_k).
    value_weight: W_V, (D, d_v). Vaswani et al. (2017), section 3.2.2.
    """
    return states @ query_weight, states @ key_weight, states @ value_weight


def project_spec(
    states: torch.Tensor,
    query_weight: torch.Tensor,
    key_weight: torch.Tensor,
    value_weight: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Each word by itself: every number of its vector, by the row of the matrix it belongs to."""
    batch, words, width = states.shape
    results = []
    for weight in (query_weight, key_weight, value_weight):
        made = states.new_zeros(batch, words, weight.size(1))
        for b in range(batch):
            for i in range(words):
                for d in range(width):
                    made[b, i] = made[b, i] + states[b, i, d] * weight[d]
        results.append(made)
    return tuple(results)


def attention_outputs(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return outputs Y = A V (B, T, d_v) and weights A = softmax(Q K^T / sqrt(d_k)) (B, T, S).

    queries: (B, T, d_k). keys: (B, S, d_k). values: (B, S, d_v). Vaswani et al. (2017), equation 1.
    """
    scores = queries @ keys.transpose(-2, -1) / queries.size(-1) ** 0.5  # (B, T, S)
    weights = torch.softmax(scores, dim=-1)  # (B, T, S)
    return weights @ values, weights


def attention_outputs_spec(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """One query at a time: score every key, share out, blend the values."""
    (batch, steps, width), words = queries.shape, keys.size(1)
    outputs = values.new_zeros(batch, steps, values.size(2))
    weights = values.new_zeros(batch, steps, words)
    for b in range(batch):
        for t in range(steps):
            scores = [(queries[b, t] * keys[b, i]).sum() / width**0.5 for i in range(words)]
            largest = max(score.item() for score in scores)
            parts = [torch.exp(score - largest) for score in scores]
            for i in range(words):
                weight = parts[i] / sum(parts)
                weights[b, t, i] = weight
                outputs[b, t] = outputs[b, t] + weight * values[b, i]
    return outputs, weights


def masked_outputs(
    scores: torch.Tensor, values: torch.Tensor, lengths: torch.Tensor
) -> torch.Tensor:
    """Return outputs (B, T, d_v) to which no padding contributes; zeros for a sentence of no words.

    scores: E, (B, T, S). values: (B, S, d_v), which may hold any finite number on padding.
    lengths: (B,), words in each source sentence; what comes after them is padding.
    """
    words = torch.arange(scores.size(-1), device=scores.device) < lengths.unsqueeze(1)  # (B, S)
    mask = words.unsqueeze(1)  # (B, 1, S): the same for all queries
    empty = ~mask.any(dim=-1, keepdim=True)  # (B, 1, 1)
    hidden = scores.masked_fill(~mask, float("-inf")).masked_fill(empty, 0.0)
    weights = torch.softmax(hidden, dim=-1).masked_fill(~mask, 0.0)  # (B, T, S)
    return weights @ values  # (B, T, d_v)


def masked_outputs_spec(
    scores: torch.Tensor, values: torch.Tensor, lengths: torch.Tensor
) -> torch.Tensor:
    """Cut each sentence to its own length, and forget that there ever was padding."""
    outputs = values.new_zeros(*scores.shape[:2], values.size(-1))
    for b, length in enumerate(lengths.tolist()):
        for t in range(scores.size(1)):
            if length == 0:
                continue
            own = scores[b, t, :length]
            parts = torch.exp(own - own.max().item())
            for i in range(length):
                outputs[b, t] = outputs[b, t] + parts[i] / parts.sum() * values[b, i]
    return outputs


class AttentionLayer(torch.nn.Module):
    """Attention with three matrices of its own (Vaswani et al. 2017, section 3.2).

    asking, memory: widths of the vectors that ask, and of those that are looked at. d_k: width of
    queries and keys. d_v: width of values. Sizes: B batch, T queries, S entries of the memory.
    """

    def __init__(self, asking: int, memory: int, d_k: int, d_v: int):
        super().__init__()
        self.query = torch.nn.Linear(asking, d_k, bias=False)  # W_Q
        self.key = torch.nn.Linear(memory, d_k, bias=False)  # W_K
        self.value = torch.nn.Linear(memory, d_v, bias=False)  # W_V

    def forward(self, asking, memory, mask):
        """Return the outputs Y (B, T, d_v) and the weights A (B, T, S).

        asking: X_q, (B, T, its width). memory: X_k, (B, S, its width). mask: bool, (B, T, S),
        where T may be 1 for all queries alike; True = may be attended. A query that may look
        nowhere gets zeros, and no gradient of it is NaN.
        """
        queries, keys, values = self.query(asking), self.key(memory), self.value(memory)
        scores = queries @ keys.transpose(-2, -1) / keys.size(-1) ** 0.5  # (B, T, S)
        empty = ~mask.any(dim=-1, keepdim=True)  # (B, T, 1), or (B, 1, 1)
        hidden = scores.masked_fill(~mask, float("-inf")).masked_fill(empty, 0.0)
        weights = torch.softmax(hidden, dim=-1).masked_fill(~mask, 0.0)
        return weights @ values, weights


class AttentionLayerSpec(AttentionLayer):
    """One query at a time looks at those entries alone that it may see."""

    def forward(self, asking, memory, mask):
        w_q, w_k, w_v = self.query.weight, self.key.weight, self.value.weight
        (batch, steps, _), words = asking.shape, memory.size(1)
        allowed = mask.expand(batch, steps, words)
        outputs = asking.new_zeros(batch, steps, w_v.size(0))
        weights = asking.new_zeros(batch, steps, words)
        for b in range(batch):
            for t in range(steps):
                seen = [i for i in range(words) if allowed[b, t, i]]
                query = w_q @ asking[b, t]
                scores = [(query * (w_k @ memory[b, i])).sum() / len(query) ** 0.5 for i in seen]
                largest = max((score.item() for score in scores), default=0.0)
                parts = [torch.exp(score - largest) for score in scores]
                for i, part in zip(seen, parts, strict=True):
                    weights[b, t, i] = weight = part / sum(parts)
                    outputs[b, t] = outputs[b, t] + weight * (w_v @ memory[b, i])
        return outputs, weights


def cross_attention(
    targets: torch.Tensor,
    sources: torch.Tensor,
    query_weight: torch.Tensor,
    key_weight: torch.Tensor,
    value_weight: torch.Tensor,
) -> torch.Tensor:
    """Return the outputs (B, T, d_v) of the decoder's states looking at the encoder's.

    targets: decoder states, (B, T, D). sources: encoder states, (B, S, D).
    query_weight: W_Q, (D, d_k). key_weight: W_K, (D, d_k). value_weight: W_V, (D, d_v).
    """
    queries = targets @ query_weight  # (B, T, d_k)
    keys, values = sources @ key_weight, sources @ value_weight  # (B, S, d_k), (B, S, d_v)
    scores = queries @ keys.transpose(-2, -1) / queries.size(-1) ** 0.5  # (B, T, S)
    return torch.softmax(scores, dim=-1) @ values


def cross_attention_spec(
    targets: torch.Tensor,
    sources: torch.Tensor,
    query_weight: torch.Tensor,
    key_weight: torch.Tensor,
    value_weight: torch.Tensor,
) -> torch.Tensor:
    """Each target word asks for itself; each source word answers with a key and a value."""
    outputs = targets.new_zeros(*targets.shape[:2], value_weight.size(1))
    for b in range(targets.size(0)):
        entries = [(source @ key_weight, source @ value_weight) for source in sources[b]]
        for t in range(targets.size(1)):
            query = targets[b, t] @ query_weight
            scores = torch.stack([(query * key).sum() for key, _ in entries])
            weights = torch.softmax(scores / query.numel() ** 0.5, dim=0)
            for weight, (_, value) in zip(weights, entries, strict=True):
                outputs[b, t] = outputs[b, t] + weight * value
    return outputs


def general_as_qkv(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return W_Q (H, C) and W_K (C, C) with which scaled dot-product attention scores as Luong's.

    weight: W_a of the general score s . (W_a h), (H, C), for s of H numbers and h of C. With
    q = s W_Q and k = h W_K, q . k / sqrt(C) is to be that score. W_K is the identity.
    """
    width = weight.size(1)  # C, the width of queries and keys
    identity = torch.eye(width, dtype=weight.dtype, device=weight.device)
    return weight * width**0.5, identity


def general_as_qkv_spec(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Number by number: what the layer will divide by is multiplied in before."""
    hidden, width = weight.shape
    query_weight, key_weight = torch.zeros_like(weight), weight.new_zeros(width, width)
    for c in range(width):
        key_weight[c, c] = 1.0
        for h in range(hidden):
            query_weight[h, c] = weight[h, c] * width**0.5
    return query_weight, key_weight
