"""Notebook 09: the course's answers, and what each must do, written in loops (`..._spec`).

An answer's text is shown as its solution and pasted into the notebook's cell, so it uses no name
but `torch`, `math` and `Counter`.
"""

from __future__ import annotations

import math

import torch


def self_attention(
    states: torch.Tensor,
    query_weight: torch.Tensor,
    key_weight: torch.Tensor,
    value_weight: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return outputs (B, T, d_v) and weights (B, T, T): each word looks at its own sentence.

    states: X, (B, T, D). query_weight: W_Q, (D, d_k). key_weight: W_K, (D, d_k).
    value_weight: W_V, (D, d_v). Vaswani et al. (2017), sections 3.2.1 and 3.2.3.
    """
    queries, keys, values = states @ query_weight, states @ key_weight, states @ value_weight
    scores = queries @ keys.transpose(-2, -1) / queries.size(-1) ** 0.5  # (B, T, T)
    weights = torch.softmax(scores, dim=-1)
    return weights @ values, weights


def self_attention_spec(
    states: torch.Tensor,
    query_weight: torch.Tensor,
    key_weight: torch.Tensor,
    value_weight: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Word by word: ask all words of the sentence, itself included."""
    batch, words, _ = states.shape
    outputs = states.new_zeros(batch, words, value_weight.size(1))
    weights = states.new_zeros(batch, words, words)
    for b in range(batch):
        for asking in range(words):
            query = states[b, asking] @ query_weight
            scores = [(query * (word @ key_weight)).sum() for word in states[b]]
            shares = torch.softmax(torch.stack(scores) / query.numel() ** 0.5, dim=0)
            weights[b, asking] = shares
            for share, word in zip(shares, states[b], strict=True):
                outputs[b, asking] = outputs[b, asking] + share * (word @ value_weight)
    return outputs, weights


class SelfAttention(torch.nn.Module):
    """Self-attention with four matrices of its own (Vaswani et al. 2017, section 3.2).

    width: D, of the vectors that come in and of everything made from them. Sizes: B batch, T words.
    """

    def __init__(self, width: int):
        super().__init__()
        self.query = torch.nn.Linear(width, width, bias=False)  # W_Q
        self.key = torch.nn.Linear(width, width, bias=False)  # W_K
        self.value = torch.nn.Linear(width, width, bias=False)  # W_V
        self.output = torch.nn.Linear(width, width, bias=False)  # W_O

    def forward(self, states, mask):
        """Return the outputs Y W_O (B, T, D) and the weights A (B, T, T).

        states: X, (B, T, D). mask: bool, (B, 1, T) for all words alike, or (B, T, T); True = may
        be looked at. No row of the mask is all False.
        """
        queries, keys, values = self.query(states), self.key(states), self.value(states)
        scores = queries @ keys.transpose(-2, -1) / keys.size(-1) ** 0.5  # (B, T, T)
        weights = torch.softmax(scores.masked_fill(~mask, float("-inf")), dim=-1)
        return self.output(weights @ values), weights


class SelfAttentionSpec(SelfAttention):
    """Word by word: ask those words of the sentence alone that may be seen."""

    def forward(self, states, mask):
        w_q, w_k, w_v = self.query.weight, self.key.weight, self.value.weight
        batch, words, width = states.shape
        allowed = mask.expand(batch, words, words)
        found, weights = torch.zeros_like(states), states.new_zeros(batch, words, words)
        for b in range(batch):
            for t in range(words):
                seen = [i for i in range(words) if allowed[b, t, i]]
                query = w_q @ states[b, t]
                scores = [(query * (w_k @ states[b, i])).sum() / width**0.5 for i in seen]
                shares = torch.softmax(torch.stack(scores), dim=0)
                for i, share in zip(seen, shares, strict=True):
                    weights[b, t, i] = share
                    found[b, t] = found[b, t] + share * (w_v @ states[b, i])
        return found @ self.output.weight.T, weights


def put_back(outputs: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """Return the outputs of a shuffled sentence (B, T, D) at the places their words came from.

    outputs: (B, T, D), a vector for each place of the shuffled sentence. order: (T,), whose i-th
    number says which word stands in place i of it, as in shuffled = states[:, order].
    """
    return outputs[:, torch.argsort(order)]  # argsort of an order is the way back


def put_back_spec(outputs: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """Place by place: the vector found here belongs to the word that stands here."""
    restored = torch.zeros_like(outputs)
    for b in range(outputs.size(0)):
        for place in range(outputs.size(1)):
            restored[b, int(order[place])] = outputs[b, place]
    return restored


def sinusoidal_positions(length: int, width: int) -> torch.Tensor:
    """Return the encoding of positions 0 ... T - 1, (T, D), float32.

    length: T. width: D, even. Column 2i holds sin(p w_i) and column 2i + 1 cos(p w_i), with
    w_i = 10000 ** (-2i / D), for i = 0 ... D/2 - 1. Vaswani et al. (2017), section 3.5.
    """
    pairs = torch.arange(0, width, 2, dtype=torch.float64)  # 2i: 0, 2, 4, ...
    positions = torch.arange(length).unsqueeze(1)  # (T, 1)
    angles = positions * 10_000 ** (-pairs / width)  # (T, D/2), in radians
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1).float()  # (T, D)


def sinusoidal_positions_spec(length: int, width: int) -> torch.Tensor:
    """One number at a time, as the formula says."""
    encoding = torch.zeros(length, width)
    for p in range(length):
        for i in range(width // 2):
            angle = p * 10_000 ** (-2 * i / width)
            encoding[p, 2 * i] = math.sin(angle)
            encoding[p, 2 * i + 1] = math.cos(angle)
    return encoding


def rotate_positions(encoding: torch.Tensor, shift: int) -> torch.Tensor:
    """Return the encoding (T, D) of positions p + shift, from that of the positions p alone.

    encoding: (T, D), rows [sin(p w_0), cos(p w_0), sin(p w_1), ...] of positions p that are not
    told, w_i = 10000 ** (-2i / D). shift: k, how many positions further, also negative.
    """
    width = encoding.size(1)
    turn = shift * 10_000 ** (-torch.arange(0, width, 2).to(encoding) / width)  # k w_i, (D/2,)
    sine, cosine = encoding[:, 0::2], encoding[:, 1::2]  # (T, D/2)
    turned_sine = sine * turn.cos() + cosine * turn.sin()  # sin(p w + k w)
    turned_cosine = cosine * turn.cos() - sine * turn.sin()  # cos(p w + k w)
    return torch.stack([turned_sine, turned_cosine], dim=-1).flatten(1)


def rotate_positions_spec(encoding: torch.Tensor, shift: int) -> torch.Tensor:
    """Pair by pair, with the rotation written as a 2 x 2 matrix."""
    positions, width = encoding.shape
    turned = torch.zeros_like(encoding)
    for i in range(width // 2):
        angle = shift * 10_000 ** (-2 * i / width)
        rotation = encoding.new_tensor(
            [[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]
        )
        for p in range(positions):
            turned[p, 2 * i : 2 * i + 2] = rotation @ encoding[p, 2 * i : 2 * i + 2]
    return turned


def layers_to_meet(distance: int, kernel: int) -> tuple[int, int, int]:
    """Return after how many steps or layers a word can first depend on one `distance` before it.

    Three whole numbers: steps of a recurrent layer, layers of a convolution, layers of
    self-attention. distance: 1 or more. kernel: words that one convolution sees, an odd number of
    3 or more, with as many on the left as on the right. Vaswani et al. (2017), table 1.
    """
    reach = (kernel - 1) // 2  # words on one side
    return distance, math.ceil(distance / reach), 1


def layers_to_meet_spec(distance: int, kernel: int) -> tuple[int, int, int]:
    """Let the news spread from word 0, and count until it arrives at word `distance`."""
    counts = []
    for reach in (1, (kernel - 1) // 2, distance):
        farthest = rounds = 0
        while farthest < distance:
            farthest += reach
            rounds += 1
        counts.append(rounds)
    return tuple(counts)
