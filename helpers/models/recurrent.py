"""Recurrent translators: an encoder, and decoders without attention, with additive attention and
with dot-product attention.

All of them are `Translator`s, which is what training and decoding ask for.

Shapes: B batch, S source length, T target length, E embedding, H hidden, C width of h_i and of the
context, A attention, V target vocabulary.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from helpers.attention import AdditiveScore, attend, dot, padding_mask, scaled_dot
from helpers.models.embedding import small_embedding
from helpers.models.translator import check_source, check_target


def open_update_gates(gru: nn.GRU, bias: float = 2.0) -> nn.GRU:
    """Raise the update gates' bias so that a fresh GRU keeps most of its old state; return it.

    With b = 2 a gate starts near sigmoid(2), 0.88, in place of 0.5. The same idea for the LSTM's
    forget gate: Gers et al. (2000), Jozefowicz et al. (2015).
    """
    hidden = gru.hidden_size
    with torch.no_grad():
        _, _, bias_in, _ = gru.all_weights[0]
        bias_in[hidden : 2 * hidden] += bias  # rows in the order r, z, n
    return gru


class RecurrentEncoder(nn.Module):
    """A GRU that turns a sentence into one state per word, and one vector for the whole.

    bidirectional: a second GRU reads from the last word to the first; h_i is then the pair
    [forward h_i; backward h_i], 2H numbers (Bahdanau et al. 2015, section 3.2).
    """

    def __init__(
        self, vocabulary: int, embed: int, hidden: int, bidirectional: bool = False
    ) -> None:
        super().__init__()
        self.embedding = small_embedding(vocabulary, embed)
        self.gru = nn.GRU(embed, hidden, batch_first=True, bidirectional=bidirectional)
        self.width = hidden * (2 if bidirectional else 1)

    def forward(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """source (B, S), lengths (B,) -> states h_i (B, S, C), zero on padding; summary (B, C).

        The summary is h_T, the state at the true last word; with two directions
        [forward state at the last word; backward state at the first].
        """
        check_source(source, lengths)
        size = source.shape[1]
        ahead = self._read(source, 0)  # (B, S, H)
        ends = (lengths - 1).view(-1, 1, 1).expand(-1, 1, ahead.shape[-1])
        summary = [ahead.gather(1, ends).squeeze(1)]  # the state at the true last word
        states = [ahead]
        if self.gru.bidirectional:
            # Each sentence is turned round within its own length, read, and turned back.
            turned = lengths.unsqueeze(1) - 1 - torch.arange(size, device=source.device)
            turned = turned.clamp(min=0)  # (B, S); what stands on padding is wiped out below
            back = self._read(source.gather(1, turned), 1)
            states.append(back.gather(1, turned.unsqueeze(-1).expand_as(back)))
            summary.append(states[1][:, 0])
        real = padding_mask(lengths, size).transpose(1, 2)  # (B, S, 1)
        return torch.cat(states, dim=-1).masked_fill(~real, 0.0), torch.cat(summary, dim=-1)

    def _read(self, words: Tensor, direction: int) -> Tensor:
        """words (B, S) -> the states of one direction's GRU in the order read, (B, S, H).

        It reads the padding too, behind the words, where it does no harm. A packed sequence would
        leave the padding out, but its gradient takes longer: each step's slice is filled up with
        zeros to the size of the whole batch.
        """
        embedded, gru = self.embedding(words), self.gru
        start = embedded.new_zeros(1, len(words), gru.hidden_size)
        weights: list[Tensor] = [*gru.all_weights[direction]]
        states, _ = torch.gru(embedded, start, weights, True, 1, 0.0, self.training, False, True)
        return states


class BottleneckTranslator(nn.Module):
    """Encoder-decoder through one vector: c is the encoder's summary, the same at each step.

    s_t = GRU([embedding(y_{t-1}); c], s_{t-1}), the word from a linear layer on s_t alone.
    With a one-way encoder s_0 = c = h_T; with a bidirectional one s_0 = tanh(W c), since c is
    twice as wide. The context at every step follows Cho et al. (2014); their output layer also
    reads y_{t-1} and c, ours does not. Sutskever et al. (2014) hand over the state only.
    """

    def __init__(
        self,
        source_vocabulary: int,
        target_vocabulary: int,
        embed: int = 64,
        hidden: int = 128,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = RecurrentEncoder(source_vocabulary, embed, hidden, bidirectional)
        width = self.encoder.width
        self.bridge = (
            nn.Sequential(nn.Linear(width, hidden), nn.Tanh()) if bidirectional else nn.Identity()
        )
        self.embedding = small_embedding(target_vocabulary, embed)
        self.gru = nn.GRU(embed + width, hidden, batch_first=True)
        self.output = nn.Linear(hidden, target_vocabulary)

    def encode(self, source: Tensor, lengths: Tensor) -> Tensor:
        """source (B, S), lengths (B,) -> context c (B, C), all that the decoder ever sees."""
        return self.encoder(source, lengths)[1]

    def start(self, context: Tensor) -> Tensor:
        """context (B, C) -> s_0 (B, H)."""
        return self.bridge(context)

    def step(self, previous: Tensor, state: Tensor, context: Tensor) -> tuple[Tensor, Tensor, None]:
        """previous word y_{t-1} (B,), s_{t-1} (B, H), c (B, C) -> logits (B, V), s_t (B, H)."""
        states, state = self._run(previous.unsqueeze(1), state, context)
        return self.output(states).squeeze(1), state, None

    def forward(self, source: Tensor, lengths: Tensor, target_in: Tensor) -> Tensor:
        """source (B, S), lengths (B,), target_in (B, T) -> logits (B, T, V), teacher forcing."""
        return self.output(self.features(source, lengths, target_in))

    def features(self, source: Tensor, lengths: Tensor, target_in: Tensor) -> Tensor:
        """As `forward`, but what the output layer is given: the states s_t (B, T, H)."""
        check_target(target_in)
        context = self.encode(source, lengths)
        return self._run(target_in, self.start(context), context)[0]

    def _run(self, words: Tensor, state: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        embedded = self.embedding(words)  # (B, T, E)
        repeated = context.unsqueeze(1).expand(-1, words.shape[1], -1)  # (B, T, C)
        states, last = self.gru(torch.cat([embedded, repeated], dim=-1), state.unsqueeze(0))
        return states, last.squeeze(0)


class Memory(NamedTuple):
    """What an attention decoder may look at: projected keys (B, S, A), values h_i (B, S, C),
    the mask (B, 1, S) that is True on words, and s_0 (B, H)."""

    keys: Tensor
    values: Tensor
    mask: Tensor
    start: Tensor


class AdditiveTranslator(nn.Module):
    """Bidirectional encoder and a decoder with additive attention (Bahdanau et al. 2015).

    At step t: e_{t,i} = v . tanh(W s_{t-1} + U h_i), a_t = softmax(e_t), c_t = sum_i a_{t,i} h_i,
    s_t = GRU([embedding(y_{t-1}); c_t], s_{t-1}), the word from a linear layer on [s_t; c_t] (the
    paper's reads s_{t-1}, y_{t-1} and c_t, through a maxout layer). s_0 = tanh(W_0 [last forward
    state; first backward state]); the paper takes the backward state alone.
    """

    def __init__(
        self,
        source_vocabulary: int,
        target_vocabulary: int,
        embed: int = 64,
        hidden: int = 112,
        attention: int = 64,
    ) -> None:
        super().__init__()
        self.encoder = RecurrentEncoder(source_vocabulary, embed, hidden, bidirectional=True)
        width = self.encoder.width
        self.bridge = nn.Sequential(nn.Linear(width, hidden), nn.Tanh())
        self.query = nn.Linear(hidden, attention, bias=False)  # W
        self.key = nn.Linear(width, attention, bias=False)  # U
        self.score = AdditiveScore(attention)  # v
        self.embedding = small_embedding(target_vocabulary, embed)
        self.cell = nn.GRUCell(embed + width, hidden)
        self.output = nn.Linear(hidden + width, target_vocabulary)

    def encode(self, source: Tensor, lengths: Tensor) -> Memory:
        """source (B, S), lengths (B,) -> memory; here, once per sentence, U h_i is computed."""
        states, summary = self.encoder(source, lengths)
        mask = padding_mask(lengths, source.shape[1])
        return Memory(self.key(states), states, mask, self.bridge(summary))

    def start(self, memory: Memory) -> Tensor:
        """memory -> s_0 (B, H)."""
        return memory.start

    def step(
        self, previous: Tensor, state: Tensor, memory: Memory
    ) -> tuple[Tensor, Tensor, Tensor]:
        """previous word (B,), s_{t-1} (B, H), memory -> logits (B, V), s_t (B, H), a_t (B, S)."""
        state, context, weights = self._advance(self.embedding(previous), state, memory)
        return self.output(torch.cat([state, context], dim=-1)), state, weights

    def forward(self, source: Tensor, lengths: Tensor, target_in: Tensor) -> Tensor:
        """source (B, S), lengths (B,), target_in (B, T) -> logits (B, T, V), teacher forcing."""
        return self.output(self.features(source, lengths, target_in))

    def features(self, source: Tensor, lengths: Tensor, target_in: Tensor) -> Tensor:
        """As `forward`, but what the output layer is given: [s_t; c_t] (B, T, H + C)."""
        check_target(target_in)
        return self.decode(target_in, self.encode(source, lengths))

    def decode(self, target_in: Tensor, memory: Memory) -> Tensor:
        """target_in (B, T), memory -> [s_t; c_t] (B, T, H + C): the loop over the gold words."""
        state, states, contexts = self.start(memory), [], []
        for embedded in self.embedding(target_in).unbind(dim=1):
            state, context, _ = self._advance(embedded, state, memory)
            states.append(state)
            contexts.append(context)
        return torch.cat([torch.stack(states, dim=1), torch.stack(contexts, dim=1)], dim=-1)

    def _advance(
        self, embedded: Tensor, state: Tensor, memory: Memory
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One step: look with s_{t-1}, then update it.

        embedded (B, E), s_{t-1} (B, H) -> s_t (B, H), c_t (B, C), a_t (B, S).
        """
        query = self.query(state).unsqueeze(1)  # (B, 1, A)
        context, weights = attend(query, memory.keys, memory.values, memory.mask, self.score)
        context = context.squeeze(1)
        state = self.cell(torch.cat([embedded, context], dim=-1), state)
        return state, context, weights.squeeze(1)


LUONG_SCORES = ("dot", "scaled dot", "general", "scaled general")
CONTEXTS = ("attention", "word keys", "word values", "mean", "last state")


class LuongTranslator(nn.Module):
    """Bidirectional encoder and a decoder with dot-product attention (Luong et al. 2015).

    s_t = GRU(embedding(y_{t-1}), s_{t-1}); e_{t,i} by the score of s_t and h_i; a_t = softmax(e_t);
    c_t = sum_i a_{t,i} h_i; the attentional vector tanh(W_c [c_t; s_t]) (equation 5) and the word
    from a linear layer on it. Without the paper's input feeding the state s_t needs no c_t, so
    training runs all T steps at once. s_0 = tanh(W_0 [last forward state; first backward state]).

    score: "dot" or "general", s_t W_a h_i (section 3.1), or one of them "scaled", divided by
    sqrt(H) (Vaswani et al. 2017), as in "scaled dot".
    hidden: size H of s_t and of h_i; each direction of the encoder has half of it.
    bidirectional: False for an encoder that reads from the left only, with H units.
    context: what c_t is, to compare with attention in the same decoder: "word keys" makes
    the keys from the word embeddings and leaves the states as values; "mean" is the mean of the
    h_i at every step; "last state" the encoder's summary, so that there is no attention.
    """

    def __init__(
        self,
        source_vocabulary: int,
        target_vocabulary: int,
        embed: int = 64,
        hidden: int = 188,
        score: str = "scaled dot",
        bidirectional: bool = True,
        context: str = "attention",
    ) -> None:
        super().__init__()
        if score not in LUONG_SCORES or hidden % 2:
            raise ValueError(
                f"score is {score!r} and hidden {hidden}; expected one of "
                f"{', '.join(LUONG_SCORES)}, and an even number, half of it for each direction of "
                "the encoder"
            )
        if context not in CONTEXTS:
            raise ValueError(f"context is {context!r}; expected one of {', '.join(CONTEXTS)}")
        self.context = context
        each = hidden // 2 if bidirectional else hidden
        self.encoder = RecurrentEncoder(source_vocabulary, embed, each, bidirectional)
        self.bridge = nn.Sequential(nn.Linear(hidden, hidden), nn.Tanh())
        # W_a h_i is a key: projected once per sentence, it leaves a dot product for each step.
        from_words = context == "word keys"
        projects = score.endswith("general") or from_words
        width = embed if from_words else hidden
        self.key = nn.Linear(width, hidden, bias=False) if projects else nn.Identity()
        if context == "word values":
            self.value = nn.Linear(embed, hidden, bias=False)
        self.score = scaled_dot if score.startswith("scaled") else dot
        self.embedding = small_embedding(target_vocabulary, embed)
        self.gru = nn.GRU(embed, hidden, batch_first=True)
        self.attentional = nn.Sequential(nn.Linear(2 * hidden, hidden, bias=False), nn.Tanh())
        self.output = nn.Linear(hidden, target_vocabulary)

    def encode(self, source: Tensor, lengths: Tensor) -> Memory:
        """source (B, S), lengths (B,) -> memory, with keys h_i or W_a h_i (B, S, H)."""
        states, summary = self.encoder(source, lengths)
        mask = padding_mask(lengths, source.shape[1])
        start = self.bridge(summary)
        if self.context == "last state":  # one place to look at, so each step gets all of it
            only = summary.unsqueeze(1)  # (B, 1, H)
            return Memory(only, only, mask[..., :1], start)
        if self.context == "mean":  # equal scores give equal weights
            return Memory(torch.zeros_like(states), states, mask, start)
        from_words = self.context == "word keys"
        keys = self.key(self.encoder.embedding(source) if from_words else states)
        if self.context == "word values":
            return Memory(keys, self.value(self.encoder.embedding(source)), mask, start)
        return Memory(keys, states, mask, start)

    def start(self, memory: Memory) -> Tensor:
        """memory -> s_0 (B, H)."""
        return memory.start

    def step(
        self, previous: Tensor, state: Tensor, memory: Memory
    ) -> tuple[Tensor, Tensor, Tensor]:
        """previous word (B,), s_{t-1} (B, H), memory -> logits (B, V), s_t (B, H), a_t (B, S)."""
        joined, state, weights = self.decode(previous.unsqueeze(1), state, memory)
        return self.output(joined).squeeze(1), state, weights.squeeze(1)

    def forward(self, source: Tensor, lengths: Tensor, target_in: Tensor) -> Tensor:
        """source (B, S), lengths (B,), target_in (B, T) -> logits (B, T, V), teacher forcing."""
        return self.output(self.features(source, lengths, target_in))

    def features(self, source: Tensor, lengths: Tensor, target_in: Tensor) -> Tensor:
        """As `forward`, but what the output layer is given: the attentional vectors (B, T, H)."""
        check_target(target_in)
        memory = self.encode(source, lengths)
        return self.decode(target_in, memory.start, memory)[0]

    def decode(self, words: Tensor, state: Tensor, memory: Memory) -> tuple[Tensor, Tensor, Tensor]:
        """words (B, T), state before them (B, H) -> attentional vectors (B, T, H), last state,
        weights (B, T, S)."""
        states, last = self.gru(self.embedding(words), state.unsqueeze(0))  # (B, T, H)
        context, weights = attend(states, memory.keys, memory.values, memory.mask, self.score)
        joined = self.attentional(torch.cat([context, states], dim=-1))  # (B, T, H)
        return joined, last.squeeze(0), weights
