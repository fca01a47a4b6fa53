"""Notebook 05: the course's answers, and what each must do, written in loops (`..._spec`).

An answer's text is shown as its solution and pasted into the notebook's cell, so it uses no name
but `torch`, `math`, `Counter` and, in `LuongDecoder`, `attend`, which the notebook has imported by
then, and the answers before it.
"""

from __future__ import annotations

import torch

from helpers.attention import attend


def scaled_dot_scores(queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """Return scores (B, T, S): e[b, t, i] = q[b, t] . k[b, i] / sqrt(D). Vaswani et al. (2017).

    queries: (B, T, D). keys: (B, S, D).
    """
    return queries @ keys.transpose(-2, -1) / queries.size(-1) ** 0.5  # (B, T, S)


def scaled_dot_scores_spec(queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """One number for each sentence, target step and source word."""
    (batch, steps, width), words = queries.shape, keys.size(1)
    scores = queries.new_zeros(batch, steps, words)
    for b in range(batch):
        for t in range(steps):
            for i in range(words):
                total = queries.new_zeros(())
                for d in range(width):
                    total = total + queries[b, t, d] * keys[b, i, d]
                scores[b, t, i] = total / width**0.5
    return scores


def general_scores(queries: torch.Tensor, keys: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return scores (B, T, S): e[b, t, i] = s[b, t] . (W_a h[b, i]).

    queries: decoder states, (B, T, H). keys: encoder states, (B, S, C). weight: W_a, (H, C).
    Luong et al. (2015), section 3.1.
    """
    projected = keys @ weight.T  # (B, S, H), once per sentence
    return queries @ projected.transpose(-2, -1)  # (B, T, S)


def general_scores_spec(
    queries: torch.Tensor, keys: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """Every number of a state with every number of the other, weighed by W_a."""
    (batch, steps, hidden), (_, words, width) = queries.shape, keys.shape
    scores = queries.new_zeros(batch, steps, words)
    for b in range(batch):
        for t in range(steps):
            for i in range(words):
                total = queries.new_zeros(())
                for h in range(hidden):
                    for c in range(width):
                        total = total + queries[b, t, h] * weight[h, c] * keys[b, i, c]
                scores[b, t, i] = total
    return scores


def concat_scores(
    queries: torch.Tensor, keys: torch.Tensor, weight: torch.Tensor, v: torch.Tensor
) -> torch.Tensor:
    """Return scores (B, T, S): e[b, t, i] = v . tanh(W_a [s[b, t]; h[b, i]]).

    queries: decoder states, (B, T, H). keys: encoder states, (B, S, C). weight: W_a, (D, H + C).
    v: (D,). Luong et al. (2015), section 3.1, "concat".
    """
    hidden = queries.size(-1)
    own = queries @ weight[:, :hidden].T  # (B, T, D), W s
    others = keys @ weight[:, hidden:].T  # (B, S, D), U h
    return torch.tanh(own.unsqueeze(2) + others.unsqueeze(1)) @ v  # (B, T, S)


def concat_scores_spec(
    queries: torch.Tensor, keys: torch.Tensor, weight: torch.Tensor, v: torch.Tensor
) -> torch.Tensor:
    """Put each pair of states end to end, and send it through the small network."""
    (batch, steps, _), words = queries.shape, keys.size(1)
    scores = queries.new_zeros(batch, steps, words)
    for b in range(batch):
        for t in range(steps):
            for i in range(words):
                pair = torch.cat([queries[b, t], keys[b, i]])
                scores[b, t, i] = (v * torch.tanh(weight @ pair)).sum()
    return scores


def attentional_vectors(
    context: torch.Tensor, states: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """Return tanh(W_c [c_t; s_t]) for all steps, (B, T, H). Luong et al. (2015), equation 5.

    context: (B, T, C). states: (B, T, H). weight: W_c, (H, C + H).
    """
    return torch.tanh(torch.cat([context, states], dim=-1) @ weight.T)  # (B, T, H)


def attentional_vectors_spec(
    context: torch.Tensor, states: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """Step by step, first the context's numbers and then the state's."""
    (batch, steps, hidden), width = states.shape, context.size(-1)
    vectors = states.new_zeros(batch, steps, hidden)
    for b in range(batch):
        for t in range(steps):
            for h in range(hidden):
                total = (weight[h, :width] * context[b, t]).sum()
                total = total + (weight[h, width:] * states[b, t]).sum()
                vectors[b, t, h] = torch.tanh(total)
    return vectors


class LuongDecoder(torch.nn.Module):
    """The decoder of Luong et al. (2015) without input feeding: all steps of a sentence at once.

    Sizes: B batch, T target words, S source words, V vocabulary, E embed, H hidden, the size of s_t
    and of h_i.
    """

    def __init__(self, vocabulary: int, embed: int, hidden: int):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocabulary, embed, padding_idx=0)
        self.embedding.weight.data.mul_(0.3)  # with 1.0 it learns more slowly
        self.gru = torch.nn.GRU(embed, hidden, batch_first=True)
        self.attentional = torch.nn.Linear(2 * hidden, hidden, bias=False)  # W_c
        self.output = torch.nn.Linear(hidden, vocabulary)

    def forward(self, words, state, encoded, mask):
        """Return the scores of all words (B, T, V), the last state (B, H), the weights (B, T, S).

        words: (B, T), y_0 ... y_{T-1}, which are fed. state: s_0 (B, H). encoded: h_i (B, S, H),
        both the keys and the values. mask: (B, 1, S), True = may be attended. Each s_t looks for
        itself by the scaled dot product, and the output layer reads the attentional vectors.
        """
        states, last = self.gru(self.embedding(words), state.unsqueeze(0))  # (B, T, H), (1, B, H)
        context, weights = attend(states, encoded, encoded, mask, scaled_dot_scores)  # (B, T, H)
        vectors = attentional_vectors(context, states, self.attentional.weight)  # (B, T, H)
        return self.output(vectors), last.squeeze(0), weights


class LuongDecoderSpec(LuongDecoder):
    """Sentence by sentence and word by word, without the padding."""

    def forward(self, words, state, encoded, mask):
        logits, last, maps = [], [], []
        for b in range(words.size(0)):
            now, said, rows = state[b], [], []
            real = [i for i in range(encoded.size(1)) if mask[b, 0, i]]
            for t in range(words.size(1)):
                _, now = self.gru(self.embedding(words[b, t]).view(1, 1, -1), now.view(1, 1, -1))
                now = now.flatten()
                scores = torch.stack([(now * encoded[b, i]).sum() for i in real])
                weights = torch.softmax(scores / now.numel() ** 0.5, dim=0)
                context = sum(a * encoded[b, i] for a, i in zip(weights, real, strict=True))
                vector = torch.tanh(self.attentional(torch.cat([context, now])))
                said.append(self.output(vector))
                row = now.new_zeros(encoded.size(1))
                row[real] = weights
                rows.append(row)
            logits.append(torch.stack(said))
            last.append(now)
            maps.append(torch.stack(rows))
        return torch.stack(logits), torch.stack(last), torch.stack(maps)


def mean_slope(scores: torch.Tensor) -> torch.Tensor:
    """Return the mean of p (1 - p), a tensor of shape (), over all weights p of the rows' softmax.

    scores: (N, S), a row for each query. p (1 - p) is the derivative of a weight by its own score.
    """
    weights = torch.softmax(scores, dim=-1)  # (N, S)
    return (weights * (1 - weights)).mean()


def mean_slope_spec(scores: torch.Tensor) -> torch.Tensor:
    """Weight by weight: how far does p move when its own score moves?"""
    total = scores.new_zeros(())
    for row in scores:
        exponentials = torch.exp(row - row.max())
        for i in range(row.numel()):
            p = exponentials[i] / exponentials.sum()
            total = total + p - p**2
    return total / scores.numel()
