"""Notebook 12: the course's answers, and what each must do, written in loops (`..._spec`).

An answer's text is shown as its solution and pasted into the notebook's cell, so it uses no name
but `torch`, `math`, `Counter` and, in `Transformer`, what the notebook has imported by then: `nn`,
`padding_mask` and the layers.
"""

from __future__ import annotations

import torch
from torch import nn

from helpers.attention import padding_mask
from helpers.models import AttentionLayer, Embedding, FeedForward, LayerNorm


def embed_words(words: torch.Tensor, table: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Return what enters the first block, (B, T, D): the words' rows times sqrt(D), plus positions.

    words: (B, T), ids. table: (V, D), a row for each word. positions: (N, D), a row for each
    position, N at least T. Vaswani et al. (2017), sections 3.4 and 3.5.
    """
    states = table[words] * table.size(1) ** 0.5  # (B, T, D)
    return states + positions[: words.size(1)]  # (T, D), the same for every sentence


def embed_words_spec(
    words: torch.Tensor, table: torch.Tensor, positions: torch.Tensor
) -> torch.Tensor:
    """Number by number."""
    (batch, steps), width = words.shape, table.size(1)
    states = table.new_zeros(batch, steps, width)
    for b in range(batch):
        for t in range(steps):
            for d in range(width):
                row = int(words[b, t])
                states[b, t, d] = table[row, d] * width**0.5 + positions[t, d]
    return states


def layer_norm(
    states: torch.Tensor, gain: torch.Tensor, bias: torch.Tensor, eps: float
) -> torch.Tensor:
    """Return the vectors (B, T, D), each brought to mean 0 and variance 1, times gain, plus bias.

    states: (B, T, D). gain, bias: (D,). The variance is the mean squared distance from the mean
    (divided by D); eps is added to it, before the root. Ba et al. (2016), equations 3, 4.
    """
    centred = states - states.mean(dim=-1, keepdim=True)  # (B, T, D) - (B, T, 1)
    variance = centred.square().mean(dim=-1, keepdim=True)  # (B, T, 1)
    return gain * centred / torch.sqrt(variance + eps) + bias


def layer_norm_spec(
    states: torch.Tensor, gain: torch.Tensor, bias: torch.Tensor, eps: float
) -> torch.Tensor:
    """One position at a time: its own mean, its own variance."""
    batch, steps, width = states.shape
    normal = torch.zeros_like(states)
    for b in range(batch):
        for t in range(steps):
            mean = sum(states[b, t, d] for d in range(width)) / width
            variance = sum((states[b, t, d] - mean) ** 2 for d in range(width)) / width
            for d in range(width):
                distance = states[b, t, d] - mean
                normal[b, t, d] = gain[d] * distance / (variance + eps) ** 0.5 + bias[d]
    return normal


def feed_forward(
    states: torch.Tensor,
    inner_weight: torch.Tensor,
    inner_bias: torch.Tensor,
    outer_weight: torch.Tensor,
    outer_bias: torch.Tensor,
) -> torch.Tensor:
    """Return max(0, x W_1 + b_1) W_2 + b_2 for every position x, (B, T, D).

    states: (B, T, D). W_1: (D, M), b_1: (M,), W_2: (M, D), b_2: (D,). Vaswani et al. (2017),
    equation 2.
    """
    inner = torch.relu(states @ inner_weight + inner_bias)  # (B, T, M)
    return inner @ outer_weight + outer_bias  # (B, T, D)


def feed_forward_spec(
    states: torch.Tensor,
    inner_weight: torch.Tensor,
    inner_bias: torch.Tensor,
    outer_weight: torch.Tensor,
    outer_bias: torch.Tensor,
) -> torch.Tensor:
    """Position by position, inner number by inner number."""
    results = torch.zeros_like(states)
    for b in range(states.size(0)):
        for t in range(states.size(1)):
            result = outer_bias
            for m in range(inner_bias.size(0)):
                number = states[b, t] @ inner_weight[:, m] + inner_bias[m]
                if number > 0:
                    result = result + number * outer_weight[m]
            results[b, t] = result
    return results


def encoder_block(states: torch.Tensor, attention, mlp, norm_1, norm_2) -> torch.Tensor:
    """Return the states (B, S, D) after one encoder block, pre-norm.

    states: the residual stream, (B, S, D). attention, mlp, norm_1, norm_2: functions from (B, S, D)
    to (B, S, D). Each sub-layer reads the normed stream and adds to the stream; norm_1 belongs to
    the attention, norm_2 to the mlp.
    """
    states = states + attention(norm_1(states))  # (B, S, D)
    return states + mlp(norm_2(states))


def encoder_block_spec(states: torch.Tensor, attention, mlp, norm_1, norm_2) -> torch.Tensor:
    """One number of the stream at a time: what was there, and what each sub-layer adds."""
    looked = attention(norm_1(states))
    middle, result = torch.zeros_like(states), torch.zeros_like(states)
    for place in torch.cartesian_prod(*(torch.arange(n) for n in states.shape)).tolist():
        middle[tuple(place)] = states[tuple(place)] + looked[tuple(place)]
    thought = mlp(norm_2(middle))
    for place in torch.cartesian_prod(*(torch.arange(n) for n in states.shape)).tolist():
        result[tuple(place)] = middle[tuple(place)] + thought[tuple(place)]
    return result


def decoder_block(
    states: torch.Tensor,
    memory: torch.Tensor,
    self_attention,
    cross_attention,
    mlp,
    norm_1,
    norm_2,
    norm_3,
) -> torch.Tensor:
    """Return the states (B, T, D) after one decoder block, pre-norm.

    states: the decoder's stream, (B, T, D). memory: what the encoder made, (B, S, D), normed
    already. self_attention(states), masked inside, then cross_attention(queries, memory), then
    mlp(states): each gives (B, T, D). norm_1, norm_2 and norm_3 belong to them in this order.
    """
    states = states + self_attention(norm_1(states))  # (B, T, D)
    states = states + cross_attention(norm_2(states), memory)  # asks the source
    return states + mlp(norm_3(states))


def decoder_block_spec(
    states: torch.Tensor,
    memory: torch.Tensor,
    self_attention,
    cross_attention,
    mlp,
    norm_1,
    norm_2,
    norm_3,
) -> torch.Tensor:
    """The stream at the end is what came in and the sum of what the three have written."""
    looked_back = self_attention(norm_1(states))
    looked_across = cross_attention(norm_2(states + looked_back), memory)
    thought = mlp(norm_3(states + looked_back + looked_across))
    result = torch.zeros_like(states)
    for b in range(states.size(0)):
        for t in range(states.size(1)):
            for written in (states, looked_back, looked_across, thought):
                result[b, t] = result[b, t] + written[b, t]
    return result


def transformer_logits(
    source: torch.Tensor,
    target: torch.Tensor,
    encoder_blocks,
    encoder_norm,
    decoder_blocks,
    decoder_norm,
    table: torch.Tensor,
) -> torch.Tensor:
    """Return the logits (B, T, V) of a whole pre-norm Transformer.

    source: (B, S, D) and target: (B, T, D), words and positions, embedded. encoder_blocks: each
    block(states) -> states. decoder_blocks: each block(states, memory) -> states. encoder_norm,
    decoder_norm: the final norm of each stack. table: (V, D), the target words' embedding, which is
    the output layer too (without a bias).
    """
    for block in encoder_blocks:
        source = block(source)  # (B, S, D)
    memory = encoder_norm(source)
    for block in decoder_blocks:
        target = block(target, memory)  # (B, T, D); all look at the same memory
    return decoder_norm(target) @ table.T  # (B, T, V)


def transformer_logits_spec(
    source: torch.Tensor,
    target: torch.Tensor,
    encoder_blocks,
    encoder_norm,
    decoder_blocks,
    decoder_norm,
    table: torch.Tensor,
) -> torch.Tensor:
    """The stacks block by block, the logits word by word."""
    encoder, decoder = list(encoder_blocks), list(decoder_blocks)
    states = [source]
    for number in range(len(encoder)):
        states.append(encoder[number](states[number]))
    memory, stream = encoder_norm(states[-1]), target
    for number in range(len(decoder)):
        stream = decoder[number](stream, memory)
    last = decoder_norm(stream)
    logits = last.new_zeros(*last.shape[:2], table.size(0))
    for b in range(last.size(0)):
        for t in range(last.size(1)):
            for v in range(table.size(0)):
                logits[b, t, v] = last[b, t] @ table[v]
    return logits


class Transformer(nn.Module):
    """The Transformer (Vaswani et al. 2017, section 3) with its norms before the layers (pre-norm).

    source_vocab, target_vocab: how many words each language has. d_model: numbers in each vector of
    the stream. blocks: how many a side. inner: numbers inside the MLP.
    """

    def __init__(self, source_vocab, target_vocab, d_model, heads, blocks, inner):
        super().__init__()

        def attention():  # (queries) or (queries, memory) -> (outputs, weights)
            return AttentionLayer(d_model, heads)

        def mlp():
            return FeedForward(d_model, inner)

        def norm():
            return LayerNorm(d_model)

        self.source_words = Embedding(source_vocab, d_model)  # words and positions
        self.encoder = nn.ModuleList(
            nn.ModuleList([attention(), norm(), mlp(), norm()]) for _ in range(blocks)
        )
        self.memory_norm = norm()
        self.target_words = Embedding(target_vocab, d_model)
        self.decoder = nn.ModuleList(
            nn.ModuleList([attention(), norm(), attention(), norm(), mlp(), norm()])
            for _ in range(blocks)
        )
        self.last_norm = norm()
        self.output = nn.Linear(d_model, target_vocab, bias=False)

    def forward(
        self, source: torch.Tensor, lengths: torch.Tensor, target_in: torch.Tensor
    ) -> torch.Tensor:
        """Return the logits (batch, target, target_vocab), with teacher forcing.

        source: (batch, source) ids, padded. lengths: (batch,), the real words of each source
        sentence. target_in: (batch, target) ids. An attention takes mask=..., True where it may
        look, and causal=True.
        """
        seen = padding_mask(lengths, source.size(1))  # (batch, 1, source)
        memory = self.source_words(source)  # (batch, source, d_model)
        for attention, norm_1, mlp, norm_2 in self.encoder:
            memory = memory + attention(norm_1(memory), mask=seen)[0]
            memory = memory + mlp(norm_2(memory))
        memory = self.memory_norm(memory)

        states = self.target_words(target_in)  # (batch, target, d_model)
        for attention, norm_1, across, norm_2, mlp, norm_3 in self.decoder:
            states = states + attention(norm_1(states), causal=True)[0]
            states = states + across(norm_2(states), memory, mask=seen)[0]
            states = states + mlp(norm_3(states))
        return self.output(self.last_norm(states))


class TransformerSpec(Transformer):
    """Sentence by sentence, without padding, and target words that see no later ones at all."""

    def forward(
        self, source: torch.Tensor, lengths: torch.Tensor, target_in: torch.Tensor
    ) -> torch.Tensor:
        rows = zip(source, lengths.tolist(), target_in, strict=True)
        return torch.stack([self._sentence(words[:length], fed) for words, length, fed in rows])

    def _sentence(self, words: torch.Tensor, fed: torch.Tensor) -> torch.Tensor:
        memory = self.source_words(words[None])
        for attention, norm_1, mlp, norm_2 in self.encoder:
            looked = memory + attention(norm_1(memory))[0]
            memory = looked + mlp(norm_2(looked))
        memory = self.memory_norm(memory)
        prefixes = [
            self._last(self.target_words(fed[None, : t + 1]), memory) for t in range(len(fed))
        ]
        return torch.stack(prefixes)

    def _last(self, states: torch.Tensor, memory: torch.Tensor) -> torch.Tensor:
        for attention, norm_1, across, norm_2, mlp, norm_3 in self.decoder:
            normed = norm_1(states)
            back = [attention(normed[:, : t + 1])[0][:, t] for t in range(normed.size(1))]
            looked = states + torch.stack(back, dim=1)
            asked = looked + across(norm_2(looked), memory)[0]
            states = asked + mlp(norm_3(asked))
        return self.output(self.last_norm(states[0, -1]))


def block_parameters(width: int, mlp: int, length: int) -> tuple[int, int]:
    """Return how many parameters an encoder block and a decoder block have.

    width: D. mlp: M, the inner size of the MLP, whose two layers have biases. An attention has four
    matrices of D by D without biases, a norm a gain and a bias. length: T, of the longest sentence.
    """
    attention, norm = 4 * width * width, 2 * width
    inside = 2 * width * mlp + mlp + width  # the same MLP at every position, whatever T is
    return attention + inside + 2 * norm, 2 * attention + inside + 3 * norm


def block_parameters_spec(width: int, mlp: int, length: int) -> tuple[int, int]:
    """Sub-layer by sub-layer, each with its norm."""
    counts = []
    for attentions in (1, 2):
        count = 0
        for _ in range(attentions):
            for _ in ("W_Q", "W_K", "W_V", "W_O"):
                count += width * width
            count += width + width  # gain and bias of its norm
        count += width * mlp + mlp  # W_1 and b_1
        count += mlp * width + width  # W_2 and b_2
        count += width + width
        counts.append(count)
    return counts[0], counts[1]


def smoothed_loss(
    logits: torch.Tensor, targets: torch.Tensor, smoothing: float, pad: int = 0
) -> torch.Tensor:
    """Return the mean cross-entropy with smoothed targets over the real tokens, one number.

    logits: (B, T, V), any finite numbers on padding. targets: (B, T), ids, `pad` on padding. A
    token's target is 1 - smoothing on its word, plus smoothing / V on every word of the vocabulary,
    the true one too.
    """
    real = targets != pad  # (B, T)
    surprise = -torch.log_softmax(logits[real], dim=-1)  # (N, V), of every word
    own = surprise.gather(1, targets[real].unsqueeze(1)).squeeze(1)  # (N,), of the true word
    return ((1 - smoothing) * own + smoothing * surprise.mean(dim=1)).mean()


def smoothed_loss_spec(
    logits: torch.Tensor, targets: torch.Tensor, smoothing: float, pad: int = 0
) -> torch.Tensor:
    """Token by token, word by word: how much of the target lies on it, times its surprise."""
    total, count, vocabulary = logits.new_zeros(()), 0, logits.size(-1)
    for b in range(targets.size(0)):
        for t in range(targets.size(1)):
            if targets[b, t] == pad:
                continue
            logs = torch.log_softmax(logits[b, t], dim=-1)
            for v in range(vocabulary):
                share = smoothing / vocabulary
                if v == targets[b, t]:
                    share += 1 - smoothing
                total = total - share * logs[v]
            count += 1
    return total / count


def warm_up_rates(steps: torch.Tensor, width: int, warm_up: int) -> torch.Tensor:
    """Return the learning rate at each step, (N,).

    steps: (N,), floats, the first step is 1. width: D. warm_up: how many steps the rate climbs.
    D^-0.5 * min(step^-0.5, step * warm_up^-1.5): Vaswani et al. (2017), equation 3.
    """
    falling, rising = steps**-0.5, steps * warm_up**-1.5  # they meet at step = warm_up
    return width**-0.5 * torch.minimum(falling, rising)


def warm_up_rates_spec(steps: torch.Tensor, width: int, warm_up: int) -> torch.Tensor:
    """Step by step: a straight line up to the peak, then down with the root of the step."""
    peak = 1 / (width * warm_up) ** 0.5
    rates = torch.zeros_like(steps)
    for n, step in enumerate(steps.tolist()):
        rates[n] = peak * step / warm_up if step < warm_up else peak * (warm_up / step) ** 0.5
    return rates
