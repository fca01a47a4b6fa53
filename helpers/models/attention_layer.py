"""The attention layer of queries, keys and values, with heads and masks.

Shapes: B batch, T queries, S keys, D width, A heads, K width of all heads' queries and keys.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from helpers.attention import (
    all_finite,
    attend,
    causal_mask,
    dot,
    fused_attend,
    may_attend,
    scaled_dot,
    without_hidden,
)
from helpers.models.kv_cache import KeyValues


def split_heads(states: Tensor, heads: int) -> Tensor:
    """Cut each vector into `heads` equal parts: (B, T, D) -> (B, A, T, D/A).

    Head a gets the numbers a * D/A to (a + 1) * D/A - 1 of every position, and no position moves.
    Raises ValueError where D is no multiple of `heads`.
    """
    if heads < 1 or states.shape[-1] % heads:
        raise ValueError(
            f"{states.shape[-1]} numbers cannot be shared out among {heads} heads: choose a width "
            "that is a multiple of the number of heads."
        )
    return states.unflatten(-1, (heads, -1)).transpose(1, 2)


def merge_heads(states: Tensor) -> Tensor:
    """Put the parts of all heads side by side again: (B, A, T, D/A) -> (B, T, D)."""
    return states.transpose(1, 2).flatten(2)


class AttentionLayer(nn.Module):
    """Scaled dot-product attention with projections and heads (Vaswani et al. 2017, section 3.2).

    Q = X_q W_Q, K = X_k W_K, V = X_v W_V, each cut into A heads; for each head
    Y = softmax(Q K^T / sqrt(K/A)) V; the heads side by side, times W_O. With heads=1 it is the
    layer of one look-up. The paper has no biases, and neither has this layer by default.

    width: D of the queries' input, of the values and of the result. key_width: K, D by default;
    any other is correct but not fast, as PyTorch's fused kernels want keys as wide as values.
    memory_width: width of what keys and values are made from, D by default. scale: whether the
    scores are divided by sqrt(K/A).
    """

    def __init__(
        self,
        width: int,
        heads: int = 1,
        key_width: int | None = None,
        memory_width: int | None = None,
        bias: bool = False,
        scale: bool = True,
    ) -> None:
        super().__init__()
        key_width = width if key_width is None else key_width
        memory_width = width if memory_width is None else memory_width
        if heads < 1 or width % heads or key_width % heads:
            raise ValueError(
                f"width {width} and key_width {key_width} cannot be shared out among {heads} "
                "heads: both must be multiples of the number of heads."
            )
        self.width, self.memory_width, self.heads = width, memory_width, heads
        self.scale = scale
        self.query = nn.Linear(width, key_width, bias=bias)  # W_Q
        self.key = nn.Linear(memory_width, key_width, bias=bias)  # W_K
        self.value = nn.Linear(memory_width, width, bias=bias)  # W_V
        self.output = nn.Linear(width, width, bias=bias)  # W_O

    def forward(
        self,
        queries: Tensor,
        keys: Tensor | None = None,
        values: Tensor | None = None,
        mask: Tensor | None = None,
        causal: bool = False,
        need_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """queries (B, T, D), keys and values (B, S, memory_width) -> outputs (B, T, D), weights.

        Without keys it is self-attention: the keys are made from the queries' input. Without
        values they are made from the keys' input. weights: (B, A, T, S) if `need_weights`, else
        None, and then PyTorch's fused kernel is used, which never stores them.
        mask: boolean (True = may be attended) or float (added to the scores), of shape (T, S),
        (B, T, S) for all heads alike, or (B, A, T, S); any of these sizes may be 1. causal: no
        query looks at a later key (see `causal_mask`), on top of the mask. A query that may look
        nowhere gets zeros, before W_O, and no gradient.
        Raises ValueError or TypeError where something does not fit.
        """
        keys = queries if keys is None else keys
        values = keys if values is None else values
        if mask is not None and not all_finite(keys, values):
            # Before the projections, because the gradient of W_K and W_V is made from these states.
            sizes = (queries.shape[0], self.heads, queries.shape[-2], keys.shape[-2])
            seen = may_attend(_fit_mask(mask, sizes, queries.dtype)).any(dim=1)  # (B, T, S)
            keys, values = without_hidden(seen, keys, values)
        return self.look(queries, self.project(keys, values), mask, causal, need_weights)

    def project(self, keys: Tensor, values: Tensor | None = None) -> KeyValues:
        """keys, values (B, S, memory_width) -> K and V, split into heads. values: keys if None."""
        values = keys if values is None else values
        for name, states in (("keys", keys), ("values", values)):
            _check_states(name, states, "S", self.memory_width)
        if keys.shape[:2] != values.shape[:2]:
            raise ValueError(
                f"keys {tuple(keys.shape)} and values {tuple(values.shape)} differ in B or S: each "
                "key needs exactly one value."
            )
        return KeyValues(
            split_heads(self.key(keys), self.heads), split_heads(self.value(values), self.heads)
        )

    def look(
        self,
        queries: Tensor,
        projected: KeyValues,
        mask: Tensor | None = None,
        causal: bool = False,
        need_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The rest of `forward`: queries (B, T, D) look at keys and values projected before."""
        _check_states("queries", queries, "T", self.width)
        sizes = (queries.shape[0], self.heads, queries.shape[1], projected.keys.shape[2])
        if projected.keys.shape[0] != sizes[0]:
            raise ValueError(
                f"{sizes[0]} sentences of queries, but {projected.keys.shape[0]} of keys: both "
                "need the same batch size B. Repeat the smaller one with .expand(B, -1, -1)."
            )
        q, (k, v) = split_heads(self.query(queries), self.heads), projected
        mask = None if mask is None else _fit_mask(mask, sizes, queries.dtype)
        if causal and (mask is not None or need_weights or sizes[2] != sizes[3]):
            mask, causal = _with_causal(mask, causal_mask(*sizes[2:], device=q.device)), False
        if need_weights:
            mixed, weights = attend(q, k, v, mask, scaled_dot if self.scale else dot)
        else:
            mixed, weights = fused_attend(q, k, v, mask, self.scale, causal), None
        return self.output(merge_heads(mixed)), weights

    @torch.no_grad()
    def load_torch(self, layer: nn.MultiheadAttention) -> AttentionLayer:
        """Copy the weights of PyTorch's layer into this one, and return this one.

        nn.MultiheadAttention keeps W_Q, W_K and W_V transposed and on top of each other in one
        matrix (3D, D), in this order. Raises ValueError where the two differ in their sizes, their
        biases, or in what only PyTorch's has (bias_k, add_zero_attn, kdim unlike vdim).
        """
        own = {
            "width": self.width,
            "heads": self.heads,
            "memory widths": (self.memory_width, self.memory_width),
            "bias": self.output.bias is not None,
            "key_width": self.query.out_features,
            "scale": self.scale,
            "extras": False,
        }
        given = {
            "width": layer.embed_dim,
            "heads": layer.num_heads,
            "memory widths": (layer.kdim, layer.vdim),
            "bias": layer.out_proj.bias is not None,
            "key_width": layer.embed_dim,
            "scale": True,
            "extras": layer.bias_k is not None or layer.add_zero_attn,
        }
        unlike = [f"{n} {given[n]} against {own[n]} here" for n in own if own[n] != given[n]]
        if unlike:
            raise ValueError(f"this layer cannot take over those weights: {', '.join(unlike)}.")
        if layer.in_proj_weight is None:  # three matrices, where the widths differ
            weights = (layer.q_proj_weight, layer.k_proj_weight, layer.v_proj_weight)
        else:
            weights = layer.in_proj_weight.chunk(3)
        parts = (self.query, self.key, self.value)
        for part, weight in zip(parts, weights, strict=True):
            part.weight.copy_(weight)
        self.output.weight.copy_(layer.out_proj.weight)
        if own["bias"]:
            for part, bias in zip(parts, layer.in_proj_bias.chunk(3), strict=True):
                part.bias.copy_(bias)
            self.output.bias.copy_(layer.out_proj.bias)
        return self


def _with_causal(mask: Tensor | None, causal: Tensor) -> Tensor:
    if mask is None:
        return causal
    return mask & causal if mask.dtype == torch.bool else mask.masked_fill(~causal, -torch.inf)


def _fit_mask(mask: Tensor, sizes: tuple[int, int, int, int], dtype: torch.dtype) -> Tensor:
    """Return the mask with four axes, (B or 1, A or 1, T or 1, S or 1), float ones in `dtype`."""
    may_attend(mask)  # refuses another dtype
    batch, heads, steps, words = sizes
    wanted = {2: (steps, words), 3: (batch, steps, words), 4: sizes}.get(mask.ndim)
    if wanted is None or any(m not in (1, w) for m, w in zip(mask.shape, wanted, strict=True)):
        raise ValueError(
            f"the mask has shape {tuple(mask.shape)}; expected (T, S) = ({steps}, {words}), "
            f"(B, T, S) = ({batch}, {steps}, {words}) or (B, A, T, S) = ({batch}, {heads}, "
            f"{steps}, {words}), where any size may be 1. A mask (B, S) of the words needs an axis "
            "for the queries: mask.unsqueeze(1)."
        )
    if mask.ndim == 3:
        mask = mask.unsqueeze(1)
    elif mask.ndim == 2:
        mask = mask[None, None]
    if mask.dtype == torch.bool:
        return mask
    # The least number of another dtype is not the least of this one, but it forbids as well.
    return mask.to(dtype).masked_fill(~may_attend(mask), -torch.inf)


def _check_states(name: str, states: Tensor, positions: str, width: int) -> None:
    if states.ndim != 3 or states.shape[-1] != width:
        advice = " For one sentence, add a batch axis: .unsqueeze(0)." if states.ndim == 2 else ""
        raise ValueError(
            f"{name} have shape {tuple(states.shape)}; this layer expects (B, {positions}, "
            f"{width}).{advice}"
        )
