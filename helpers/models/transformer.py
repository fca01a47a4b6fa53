"""The Transformer as a translator (Vaswani et al. 2017, "Attention is all you need").

`blocks` has its blocks and stacks, `embedding` its words with their positions; here is the model,
and the counts that go with it. `TransformerTranslator` is a `Translator`, so training, decoding and
the measures work as they are.

Shapes: B batch, S source length, T target length, L layers, A heads, D width, V target vocabulary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from helpers.attention import padding_mask
from helpers.models.blocks import DecoderStack, EncoderStack
from helpers.models.embedding import Embedding
from helpers.models.kv_cache import KeyValues
from helpers.models.translator import check_source, check_target


class TransformerMemory(NamedTuple):
    """What the decoder may look at: the encoder's last states (B, S, D), the mask (B, 1, S) that
    is True on words, and for each decoder layer the keys and values made of those states."""

    states: Tensor
    mask: Tensor
    projected: tuple[KeyValues, ...]


class Maps(NamedTuple):
    """The weights of every layer and head; the map of one sentence b is `cross[b]`, and so on.

    encoder: (B, L, A, S, S), source words that look at source words. decoder: (B, L, A, T, T),
    target words that look back at themselves and those before. cross: (B, L, A, T, S).
    """

    encoder: Tensor
    decoder: Tensor
    cross: Tensor


State = tuple[KeyValues, ...]  # for each decoder layer, keys and values of all positions so far


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
        self.source_embedding = Embedding(source_vocabulary, width, positions, dropout, longest)
        self.encoder = EncoderStack(layers, width, **block)
        self.target_embedding = Embedding(target_vocabulary, width, positions, dropout, longest)
        self.decoder = DecoderStack(layers, width, **block)
        self.output = nn.Linear(width, target_vocabulary, bias=False)
        if tie:
            self.output.weight = self.target_embedding.table.weight
        self.map_layer = -1

    @torch.no_grad()
    def take_over(self, model: nn.Module) -> TransformerTranslator:
        """Copy the parameters of a model that has the same layers in the same order; return this.

        So a Transformer that was written elsewhere can be decoded with kept keys and values. The
        order: source words, encoder blocks, their final norm, target words, decoder blocks, their
        final norm, output; in a block each layer stands before its norm. Raises ValueError where
        the shapes differ.
        """
        own, given = list(self.parameters()), list(model.parameters())
        shapes = [[tuple(p.shape) for p in parameters] for parameters in (own, given)]
        if shapes[0] != shapes[1]:
            place = next((i for i, (a, b) in enumerate(zip(*shapes, strict=False)) if a != b), None)
            what = (
                f"{len(given)} parameters against {len(own)} here"
                if place is None
                else f"parameter {place + 1} has shape {shapes[1][place]}, here {shapes[0][place]}"
            )
            raise ValueError(f"that model cannot be taken over: {what}. Make both of one size.")
        for parameter, value in zip(own, given, strict=True):
            parameter.copy_(value)
        return self

    def encode(self, source: Tensor, lengths: Tensor) -> TransformerMemory:
        """source (B, S), lengths (B,) -> memory, with each decoder layer's keys and values."""
        return self._encode(source, lengths)[0]

    def start(self, memory: TransformerMemory) -> State:
        """memory -> the state before the first word: keys and values of no position at all."""
        return tuple(
            KeyValues(keys[:, :, :0], values[:, :, :0]) for keys, values in memory.projected
        )

    def step(
        self, previous: Tensor, state: State, memory: TransformerMemory
    ) -> tuple[Tensor, State, Tensor]:
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
        states, state, maps = self._decode(previous.unsqueeze(1), memory, state, [layer])
        weights = cast(Tensor, maps[layer][1])  # of the layer that is shown
        return self.output(states).squeeze(1), state, weights.mean(dim=1).squeeze(1)

    def forward(self, source: Tensor, lengths: Tensor, target_in: Tensor) -> Tensor:
        """source (B, S), lengths (B,), target_in (B, T) -> logits (B, T, V), teacher forcing."""
        return self.output(self.features(source, lengths, target_in))

    def features(self, source: Tensor, lengths: Tensor, target_in: Tensor) -> Tensor:
        """As `forward`, but what the output layer is given: the last states (B, T, D)."""
        check_target(target_in)
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
        asked_for = cast(Sequence[Sequence[Tensor]], (encoder, decoder, cross))
        return Maps(*(torch.stack(list(maps), dim=1) for maps in asked_for))

    def _encode(
        self, source: Tensor, lengths: Tensor, need_weights: bool = False
    ) -> tuple[TransformerMemory, list[Tensor | None]]:
        check_source(source, lengths)
        mask = padding_mask(lengths, source.shape[1])
        states, maps = self.encoder(self.source_embedding(source), mask, need_weights)
        return TransformerMemory(states, mask, self.decoder.project(states)), maps

    def _decode(
        self,
        words: Tensor,
        memory: TransformerMemory,
        state: State | None = None,
        shown: Sequence[int] = (),
    ) -> tuple[Tensor, State, list[tuple[Tensor | None, Tensor | None]]]:
        first = 0 if state is None else state[0].keys.shape[2]
        states = self.target_embedding(words, first)
        return self.decoder(states, memory.projected, memory.mask, state, shown)


# The part of a model that a parameter belongs to, by what its path holds; the first that fits.
_PARTS = {
    "positions": "positions",
    "source_embedding": "source words",
    "target_embedding": "target words",
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
