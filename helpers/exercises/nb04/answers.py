"""Notebook 04: the course's answers, and what each must do, written in loops (`..._spec`).

An answer's text is shown as its solution and pasted into the notebook's cell, so it uses no name
but `torch`, `math`, `Counter` and, in the whole decoder, the answers before it.
"""

from __future__ import annotations

import torch


def additive_scores(queries: torch.Tensor, keys: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Return scores (B, T, S) of queries (B, T, D) and keys (B, S, D), both already projected.

    e[b, t, i] = v . tanh(q[b, t] + k[b, i]), with v (D,). Bahdanau et al. (2015), A.1.2.
    """
    sums = queries.unsqueeze(2) + keys.unsqueeze(1)  # (B, T, S, D)
    return torch.tanh(sums) @ v  # (B, T, S)


def additive_scores_spec(
    queries: torch.Tensor, keys: torch.Tensor, v: torch.Tensor
) -> torch.Tensor:
    """One number for each sentence, target step and source word."""
    (batch, steps, _), words = queries.shape, keys.size(1)
    scores = queries.new_zeros(batch, steps, words)
    for b in range(batch):
        for t in range(steps):
            for i in range(words):
                scores[b, t, i] = (v * torch.tanh(queries[b, t] + keys[b, i])).sum()
    return scores


def masked_softmax(scores: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return weights (B, T, S) that sum to 1 over the allowed words of each row.

    scores: (B, T, S). mask: bool, broadcastable to scores, True = may be attended. The weight of
    every other word is exactly 0, and so is a whole row in which no word is allowed.
    """
    hidden = scores.masked_fill(~mask, float("-inf"))  # a new tensor: scores stays as it was
    empty = ~mask.any(dim=-1, keepdim=True)
    weights = torch.softmax(hidden.masked_fill(empty, 0.0), dim=-1)  # (B, T, S)
    return weights.masked_fill(~mask, 0.0)


def masked_softmax_spec(scores: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Row by row: the exponentials of the allowed scores over their sum, 0 elsewhere."""
    allowed = torch.broadcast_to(mask, scores.shape)
    weights = torch.zeros_like(scores)
    for b in range(scores.size(0)):
        for t in range(scores.size(1)):
            words = [i for i in range(scores.size(2)) if allowed[b, t, i]]
            if not words:
                continue
            largest = max(scores[b, t, i].item() for i in words)  # exp never overflows
            parts = {i: torch.exp(scores[b, t, i] - largest) for i in words}
            total = sum(parts.values())
            for i in words:
                weights[b, t, i] = parts[i] / total
    return weights


def context_vectors(weights: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Return contexts (B, T, C): for each target step, the weighted sum of the values.

    weights: (B, T, S), each row sums to 1. values: (B, S, C).
    """
    return weights @ values  # (B, T, S) @ (B, S, C) -> (B, T, C)


def context_vectors_spec(weights: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Add up weight times value, word by word."""
    batch, steps, words = weights.shape
    contexts = values.new_zeros(batch, steps, values.size(2))
    for b in range(batch):
        for t in range(steps):
            for i in range(words):
                contexts[b, t] = contexts[b, t] + weights[b, t, i] * values[b, i]
    return contexts


def decoder_step(
    embedded: torch.Tensor, state: torch.Tensor, look, cell
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return (new state (B, H), context (B, C), weights (B, S)) of one decoder step.

    embedded: (B, E), the embedding of the word before. state: (B, H), s_{t-1}.
    look(state (B, H)) -> (context, weights); cell(inputs (B, E + C), state) -> new state.
    """
    context, weights = look(state)  # the query is s_{t-1}: s_t does not exist yet
    state = cell(torch.cat([embedded, context], dim=-1), state)
    return state, context, weights


def decoder_step_spec(
    embedded: torch.Tensor, state: torch.Tensor, look, cell
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Fill the cell's input number by number: first the embedding's, then the context's."""
    context, weights = look(state)
    (batch, width), extra = embedded.shape, context.size(1)
    inputs = embedded.new_zeros(batch, width + extra)
    for b in range(batch):
        for e in range(width):
            inputs[b, e] = embedded[b, e]
        for c in range(extra):
            inputs[b, width + c] = context[b, c]
    return cell(inputs, state), context, weights


class AdditiveDecoder(torch.nn.Module):
    """The decoder of Bahdanau et al. (2015), which looks at all the encoder's states at each step.

    Sizes: B batch, T decoder steps, S source words, V vocabulary, E embed, H hidden, C width of a
    source state, D attention.
    """

    def __init__(self, vocabulary: int, embed: int, hidden: int, width: int, attention: int):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocabulary, embed)
        torch.nn.init.normal_(self.embedding.weight, std=0.3)  # with 1.0 it learns more slowly
        self.query = torch.nn.Linear(hidden, attention, bias=False)  # W
        self.v = torch.nn.Parameter(torch.empty(attention).uniform_(-1, 1) / attention**0.5)
        self.cell = torch.nn.GRUCell(embed + width, hidden)
        self.output = torch.nn.Linear(hidden + width, vocabulary)

    def look(self, state, keys, values, mask):
        """Return the context (B, C) and the weights (B, S) for the state s_{t-1} (B, H).

        keys: (B, S, D), already projected. values: (B, S, C). mask: (B, 1, S), True = may be
        attended. There is one query for each sentence, so T is 1 here.
        """
        query = self.query(state).unsqueeze(1)  # (B, 1, D)
        weights = masked_softmax(additive_scores(query, keys, self.v), mask)  # (B, 1, S)
        return context_vectors(weights, values).squeeze(1), weights.squeeze(1)

    def forward(self, words, state, keys, values, mask):
        """Return the scores of all words (B, T, V), the last state (B, H), the weights (B, T, S).

        words: (B, T), y_0 ... y_{T-1}, which are fed one after the other. state: s_0 (B, H). At
        step t the output layer reads [s_t; c_t].
        """
        read, maps = [], []
        for embedded in self.embedding(words).unbind(dim=1):  # T times (B, E)
            state, context, weights = decoder_step(
                embedded, state, lambda s: self.look(s, keys, values, mask), self.cell
            )
            read.append(torch.cat([state, context], dim=-1))  # (B, H + C)
            maps.append(weights)
        return self.output(torch.stack(read, dim=1)), state, torch.stack(maps, dim=1)


class AdditiveDecoderSpec(AdditiveDecoder):
    """Word by word, and source word by source word."""

    def look(self, state, keys, values, mask):
        scores = [
            (torch.tanh(self.query(state) + keys[:, i]) * self.v).sum(dim=-1)
            for i in range(keys.size(1))
        ]
        hidden = torch.stack(scores, dim=-1).masked_fill(~mask[:, 0], float("-inf"))  # (B, S)
        weights = torch.softmax(hidden, dim=-1)
        return sum(weights[:, i, None] * values[:, i] for i in range(keys.size(1))), weights

    def forward(self, words, state, keys, values, mask):
        logits, maps = [], []
        for t in range(words.size(1)):
            context, weights = self.look(state, keys, values, mask)
            state = self.cell(torch.cat([self.embedding(words[:, t]), context], dim=-1), state)
            logits.append(self.output(torch.cat([state, context], dim=-1)))
            maps.append(weights)
        return torch.stack(logits, dim=1), state, torch.stack(maps, dim=1)


def gold_link_hits(weights: torch.Tensor, links: set[tuple[int, int]]) -> tuple[int, int]:
    """Return (hits, linked): of the target words with a gold link, how many look at a linked word.

    weights: (T, S), one row for each target word, the last for <end>, which has no link.
    links: (source position, target position) pairs, counted from 0.
    """
    looked_at = weights.argmax(dim=-1).tolist()
    linked = {target for _, target in links}
    hits = sum((looked_at[target], target) in links for target in linked)
    return hits, len(linked)


def gold_link_hits_spec(weights: torch.Tensor, links: set[tuple[int, int]]) -> tuple[int, int]:
    """Go through the target words; pass over those without a link."""
    hits = linked = 0
    for target, row in enumerate(weights.tolist()):
        sources = [source for source in range(len(row)) if (source, target) in links]
        if not sources:
            continue
        linked += 1
        largest = 0
        for source in range(len(row)):
            if row[source] > row[largest]:
                largest = source
        hits += largest in sources
    return hits, linked
