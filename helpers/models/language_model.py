"""A small language model with masked self-attention.

A sentence is a row of ids: <start>, its words, <end>, then padding.
Shapes: B sentences, T positions, D width, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from helpers.attention import causal_mask
from helpers.models.attention_layer import AttentionLayer
from helpers.models.positions import sinusoidal_positions

MASKS = ("causal", "leaking", "none")


def look_mask(kind: str, length: int, device: torch.device | None = None) -> Tensor:
    """Return the mask (T, T) of one of `MASKS`, True where word t (row) may look at word i.

    causal: at itself and what came before. leaking: at the next word too, which is the one it is
    to predict; an error by one. none: everywhere. Raises ValueError for another kind.
    """
    if kind == "causal":
        return causal_mask(length, device=device)
    if kind not in MASKS:
        raise ValueError(f"mask is {kind!r}; expected one of {', '.join(MASKS)}")
    everything = torch.ones(length, length, dtype=torch.bool, device=device)
    return everything.tril(1) if kind == "leaking" else everything


class AttentionReader(nn.Module):
    """One layer: look at other positions, then put together what was found and what one has.

    x'_t = max(0, W_c [c_t; x_t]), where c_t is what masked self-attention found for x_t. It is the
    attentional vector of Luong et al. (2015), equation 5, with x_t in the place of s_t and the
    ramp in the place of tanh.
    width: D. forward: states (B, T, D), mask (T, T) -> states (B, T, D), weights (B, 1, T, T) or
    None unless `need_weights`.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = AttentionLayer(width)
        self.combine = nn.Linear(2 * width, width)  # W_c

    def forward(
        self, states: Tensor, mask: Tensor, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        context, weights = self.attention(states, mask=mask, need_weights=need_weights)
        return torch.relu(self.combine(torch.cat([context, states], dim=-1))), weights


class LanguageModel(nn.Module):
    """Words and positions, layers of masked self-attention, a score for each next word.

    vocabulary: V. width: D, even. layers: how many `Reader`s. mask: one of `MASKS`.
    positions: whether the sinusoidal encoding is added to the words.
    """

    def __init__(
        self,
        vocabulary: int,
        width: int = 64,
        layers: int = 2,
        mask: str = "causal",
        positions: bool = True,
    ) -> None:
        super().__init__()
        look_mask(mask, 1)  # an unknown kind is refused here
        self.mask, self.positions = mask, positions
        self.embedding = nn.Embedding(vocabulary, width)
        self.layers = nn.ModuleList(AttentionReader(width) for _ in range(layers))
        self.output = nn.Linear(width, vocabulary)

    def embed(self, words: Tensor) -> Tensor:
        """words (B, T) -> their vectors, with positions if the model has them, (B, T, D)."""
        states = self.embedding(words)
        if self.positions:
            states = states + sinusoidal_positions(*states.shape[1:]).to(states)
        return states

    def read(self, states: Tensor) -> Tensor:
        """The layers and the output on top of `embed`: (B, T, D) -> logits (B, T, V)."""
        mask = look_mask(self.mask, states.shape[1], states.device)
        for layer in self.layers:
            states, _ = layer(states, mask)
        return self.output(states)

    def forward(self, words: Tensor) -> Tensor:
        """words (B, T) -> logits (B, T, V); those at t speak of the word at t + 1."""
        if not isinstance(words, Tensor):
            raise TypeError(
                f"words are of type {type(words).__name__}; expected a tensor of ids (B, T). Pass "
                "torch.tensor(words)."
            )
        if words.ndim != 2 or words.is_floating_point():
            raise ValueError(
                f"words have shape {tuple(words.shape)} and dtype {words.dtype}; expected ids "
                "(B, T). For one sentence, add a batch axis: .unsqueeze(0)."
            )
        return self.read(self.embed(words))

    @torch.no_grad()
    def weights(self, words: Tensor) -> list[Tensor]:
        """words (B, T) -> the attention weights of each layer, (B, T, T)."""
        states, found = self.embed(words), []
        mask = look_mask(self.mask, words.shape[1], states.device)
        for layer in self.layers:
            states, weights = layer(states, mask, need_weights=True)
            found.append(weights.squeeze(1))
        return found
