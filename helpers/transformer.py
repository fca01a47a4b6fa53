"""The Transformer as a translator (Vaswani et al. 2017, "Attention is all you need").

`helpers.blocks` has its blocks and stacks; here are the words with their positions, the model, and
the loss and counts that go with it. `TransformerTranslator` offers the same four methods as the
models of `helpers.recurrent`, so training, decoding and the measures work as they are.

Shapes: B batch, S source length, T target length, L layers, A heads, D width, V target vocabulary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.attention import padding_mask
from helpers.blocks import Decoder, Encoder
from helpers.layers import LearnedPositions, Projected, sinusoidal_positions
from helpers.recurrent import PAD

POSITIONS = ("sinusoidal", "learned", None)


class Sinusoids(nn.Module):
    """`sinusoidal_positions`, computed once and again only where a sentence is longer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("table", sinusoidal_positions(64, width), persistent=False)

    def forward(self, length: int) -> Tensor:
        """length: number of positions -> their vectors (length, D)."""
        if length > len(self.table):
            self.table = sinusoidal_positions(2 * length, self.table.shape[1]).to(self.table)
        return self.table[:length]


class Words(nn.Module):
    """Ids to vectors: the table's row times sqrt(D), plus the position's vector, then dropout.

    Sections 3.4, 3.5 and 5.4. The table starts at a standard deviation of 0.3/sqrt(D), small enough
    for an output layer; times sqrt(D) its rows have numbers of about 0.3, as in
    `recurrent.small_embedding`, beside the positions' sines of up to 1. longest: positions in the
    table if they are "learned".
    """

    def __init__(
        self,
        vocabulary: int,
        width: int,
        positions: str | None = "sinusoidal",
        dropout: float = 0.0,
        longest: int = 64,
    ) -> None:
        super().__init__()
        if positions not in POSITIONS:
            raise ValueError(
                f"positions is {positions!r}; expected 'sinusoidal', 'learned' or None"
            )
        self.table = nn.Embedding(vocabulary, width, padding_idx=PAD)
        with torch.no_grad():
            self.table.weight.mul_(0.3 * width**-0.5)  # PyTorch starts at a deviation of 1
        self.positions = None
        if positions is not None:
            learned = positions == "learned"
            self.positions = LearnedPositions(longest, width) if learned else Sinusoids(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, words: Tensor, first: int = 0) -> Tensor:
        """words (B, T), the first of them at position `first` -> (B, T, D)."""
        states = self.table(words) * self.table.embedding_dim**0.5
        if self.positions is not None:
            states = states + self.positions(first + words.shape[1])[first:]
        return self.dropout(states)


class Memory(NamedTuple):
    """What the decoder may look at: the encoder's last states (B, S, D), the mask (B, 1, S) that
    is True on words, and for each decoder layer the keys and values made of those states."""

    states: Tensor
    mask: Tensor
    projected: tuple[Projected, ...]


class Maps(NamedTuple):
    """The weights of every layer and head; the map of one sentence b is `cross[b]`, and so on.

    encoder: (B, L, A, S, S), source words that look at source words. decoder: (B, L, A, T, T),
    target words that look back at themselves and those before. cross: (B, L, A, T, S).
    """

    encoder: Tensor
    decoder: Tensor
    cross: Tensor


State = tuple[Projected, ...]  # for each decoder layer, keys and values of all positions so far


class TransformerTranslator(nn.Module):
    """Encoder and decoder without recurrence (figure 1), with a pre-norm stack by default.

    width: D of the residual stream. heads: A. layers: L in the encoder, and L in the decoder. mlp:
    inner size of the MLPs (the paper's base model: 512, 8, 6 and 2,048).
    norm: "pre", with a final norm in each stack, "post" as in the paper, or None. positions:
    "sinusoidal", "learned" (`longest` of them) or None. tie: one table for target words and output
    layer (section 3.4; the paper shares it with the source words too, which are of another language
    here); the output layer has no bias either way. residual, scale: False to leave out the residual
    connections, or the division of the scores by sqrt(D/A). bias: biases in the attention's
    projections, which the paper has not.

    map_layer: the decoder layer whose attention to the source `step` returns, the last by default;
    set it to read another one.
    """

    def __init__(
        self,
        source_vocabulary: int,
        target_vocabulary: int,
        width: int = 64,
        heads: int = 4,
        layers: int = 2,
        mlp: int = 256,
        dropout: float = 0.0,
        norm: str | None = "pre",
        positions: str | None = "sinusoidal",
        tie: bool = False,
        residual: bool = True,
        scale: bool = True,
        bias: bool = False,
        longest: int = 64,
    ) -> None:
        super().__init__()
        block = {
            "heads": heads,
            "mlp": mlp,
            "dropout": dropout,
            "norm": norm,
            "residual": residual,
            "scale": scale,
            "bias": bias,
        }
        self.source_words = Words(source_vocabulary, width, positions, dropout, longest)
        self.encoder = Encoder(layers, width, **block)
        self.target_words = Words(target_vocabulary, width, positions, dropout, longest)
        self.decoder = Decoder(layers, width, **block)
        self.output = nn.Linear(width, target_vocabulary, bias=False)
        if tie:
            self.output.weight = self.target_words.table.weight
        self.map_layer = -1

    def encode(self, source: Tensor, lengths: Tensor) -> Memory:
        """source (B, S), lengths (B,) -> memory, with each decoder layer's keys and values."""
        return self._encode(source, lengths)[0]

    def start(self, memory: Memory) -> State:
        """memory -> the state before the first word: keys and values of no position at all."""
        return tuple(
            Projected(keys[:, :, :0], values[:, :, :0]) for keys, values in memory.projected
        )

    def step(self, previous: Tensor, state: State, memory: Memory) -> tuple[Tensor, State, Tensor]:
        """previous word (B,), state, memory -> logits (B, V), state, weights (B, S).

        The state holds the keys and values of the words before, so that a step computes those of
        one word only; nothing is changed in it. weights: mean over the heads of `map_layer`.
        """
        layers = len(self.decoder.blocks)
        if not -layers <= self.map_layer < layers:
            raise ValueError(
                f"map_layer is {self.map_layer}; expected 0 to {layers - 1}, or -1 for the last"
            )
        layer = self.map_layer % layers
        logits, state, maps = self._decode(previous.unsqueeze(1), memory, state, [layer])
        return logits.squeeze(1), state, maps[layer][1].mean(dim=1).squeeze(1)

    def forward(self, source: Tensor, lengths: Tensor, target_in: Tensor) -> Tensor:
        """source (B, S), lengths (B,), target_in (B, T) -> logits (B, T, V), teacher forcing."""
        return self._decode(target_in, self.encode(source, lengths))[0]

    @torch.no_grad()
    def maps(self, source: Tensor, lengths: Tensor, target_in: Tensor) -> Maps:
        """source (B, S), lengths (B,), target_in (B, T) -> the weights of all layers and heads.

        Row t of `decoder` and `cross` belongs to the word that is said after target_in[t].
        """
        memory, encoder = self._encode(source, lengths, need_weights=True)
        shown = range(len(self.decoder.blocks))
        _, _, pairs = self._decode(target_in, memory, shown=shown)
        decoder, cross = zip(*pairs, strict=True)
        return Maps(*(torch.stack(list(maps), dim=1) for maps in (encoder, decoder, cross)))

    def _encode(
        self, source: Tensor, lengths: Tensor, need_weights: bool = False
    ) -> tuple[Memory, list[Tensor | None]]:
        if source.ndim != 2 or lengths.shape != source.shape[:1]:
            raise ValueError(
                f"source has shape {tuple(source.shape)} and lengths {tuple(lengths.shape)}; "
                "expected (B, S) and (B,). For one sentence, add a batch axis: .unsqueeze(0)."
            )
        mask = padding_mask(lengths, source.shape[1])
        states, maps = self.encoder(self.source_words(source), mask, need_weights)
        return Memory(states, mask, self.decoder.project(states)), maps

    def _decode(
        self,
        words: Tensor,
        memory: Memory,
        state: State | None = None,
        shown: Sequence[int] = (),
    ) -> tuple[Tensor, State, list[tuple[Tensor | None, Tensor | None]]]:
        first = 0 if state is None else state[0].keys.shape[2]
        states = self.target_words(words, first)
        states, state, maps = self.decoder(states, memory.projected, memory.mask, state, shown)
        return self.output(states), state, maps


def smoothed_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1) -> Tensor:
    """Mean cross-entropy with label smoothing over real tokens, padding left out (section 5.4).

    The target of a token is no longer 1 for its word: every word of the vocabulary gets
    smoothing / V, the true one too, which so has 1 - smoothing + smoothing / V in all (Szegedy et
    al. 2016, section 7). logits (B, T, V), targets (B, T) with id 0 on padding -> scalar, in nats.
    """
    return F.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=PAD, label_smoothing=smoothing
    )


# The part of a model that a parameter belongs to, by what its path holds; the first that fits.
_PARTS = {
    "positions": "positions",
    "source_words": "source words",
    "target_words": "target words",
    "cross": "cross-attention",
    "attention": "self-attention",
    "mlp": "MLP",
    "norm": "norms",
    "final": "norms",
    "output": "output layer",
}


def parameters_by_part(model: nn.Module) -> dict[str, int]:
    """Count the parameters of a Transformer, or of a block of it, part by part.

    The parts of the two stacks are named apart, as "encoder MLP" and "decoder MLP". A shared table
    is counted once, with the target words. Other models are counted by their own parts' names.
    """
    counts: Counter[str] = Counter()
    for name, parameter in model.named_parameters():
        path = name.split(".")
        part = next((label for key, label in _PARTS.items() if key in path), path[0])
        side = f"{path[0]} " if path[0] in ("encoder", "decoder") and part != path[0] else ""
        counts[side + part] += parameter.numel()
    return dict(counts)
