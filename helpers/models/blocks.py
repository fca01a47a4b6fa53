"""The blocks of the Transformer (Vaswani et al. 2017, "Attention is all you need", section 3).

Layer norm, sublayer, MLP, the encoder's block, the decoder's block, and stacks of them.

Shapes: B batch, S source length, T target length, D width of the residual stream, A heads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.models.attention_layer import AttentionLayer
from helpers.models.kv_cache import KeyValues

NORMS = ("pre", "post", None)


class LayerNorm(nn.Module):
    """Each vector on its own, to mean 0 and variance 1, then a learnt gain and bias per number.

    y = gain * (x - mean(x)) / sqrt(var(x) + eps) + bias, with mean and variance over the D numbers
    of one position and the variance divided by D, not by D - 1 (Ba et al. 2016, equations 3 and
    4). One kernel computes it: written out, each step would store a tensor, and cost about five
    times as much.
    """

    def __init__(self, width: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.eps = eps

    def forward(self, states: Tensor) -> Tensor:
        """states (..., D) -> the same shape."""
        return F.layer_norm(states, self.gain.shape, self.gain, self.bias, self.eps)

    def load_torch(self, layer: nn.LayerNorm) -> None:
        """Copy gain, bias and eps of PyTorch's layer."""
        _copy((self.gain, layer.weight), (self.bias, layer.bias))
        self.eps = layer.eps


Extra = TypeVar("Extra")


class Sublayer(nn.Module):
    """What stands around attention or MLP: a residual connection, a layer norm, and dropout.

    norm: "post", the paper's LayerNorm(x + layer(x)) (section 5.4 drops out layer(x)); "pre",
    x + layer(LayerNorm(x)), which leaves a clear way for x and its gradient (Xiong et al. 2020);
    or None. residual: False to leave x out of the sum.
    """

    def __init__(
        self, width: int, dropout: float = 0.0, norm: str | None = "pre", residual: bool = True
    ) -> None:
        super().__init__()
        if norm not in NORMS:
            raise ValueError(f"norm is {norm!r}; expected 'pre', 'post' or None")
        self.where, self.residual = norm, residual
        self.norm = nn.Identity() if norm is None else LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, states: Tensor, layer: Callable[[Tensor], tuple[Tensor, Extra]]
    ) -> tuple[Tensor, Extra]:
        """Residual stream (B, T, D) -> the stream after `layer`, and what else the layer returns.

        layer: what it is given (B, T, D) -> its change to the stream (B, T, D), and anything else,
        such as attention weights.
        """
        change, extra = layer(self.norm(states) if self.where == "pre" else states)
        change = self.dropout(change)
        states = states + change if self.residual else change
        return self.norm(states) if self.where == "post" else states, extra

    def load_torch(self, layer: nn.LayerNorm) -> None:
        """Copy PyTorch's layer norm, where this sublayer has one."""
        if isinstance(self.norm, LayerNorm):
            self.norm.load_torch(layer)


class FeedForward(nn.Module):
    """The position-wise MLP, max(0, x W_1 + b_1) W_2 + b_2 (equation 2).

    The same at every position, and no position sees another. width: D. hidden: its inner size.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.inner = nn.Linear(width, hidden)
        self.outer = nn.Linear(hidden, width)

    def forward(self, states: Tensor) -> Tensor:
        """states (..., D) -> (..., D)."""
        return self.outer(torch.relu(self.inner(states)))

    def load_torch(self, layer: nn.TransformerEncoderLayer | nn.TransformerDecoderLayer) -> None:
        """Copy the weights of the MLP in one of PyTorch's layers. Raises ValueError for another."""
        if layer.activation is not F.relu and not isinstance(layer.activation, nn.ReLU):
            raise ValueError(
                f"that layer's activation is {layer.activation}; this MLP has a ReLU. Make it "
                "with activation='relu', its default."
            )
        _copy(
            (self.inner.weight, layer.linear1.weight),
            (self.inner.bias, layer.linear1.bias),
            (self.outer.weight, layer.linear2.weight),
            (self.outer.bias, layer.linear2.bias),
        )


class EncoderBlock(nn.Module):
    """Self-attention, then the MLP (section 3.1; figure 1, left).

    width: D. heads: A. mlp: inner size of the MLP. dropout, norm, residual: see `Sublayer`. scale:
    whether scores are divided by sqrt(D/A). bias: whether the attention's projections have biases;
    PyTorch's have, the paper's have not.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        mlp: int,
        dropout: float = 0.0,
        norm: str | None = "pre",
        residual: bool = True,
        scale: bool = True,
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.attention = AttentionLayer(width, heads, bias=bias, scale=scale)
        self.attention_sublayer = Sublayer(width, dropout, norm, residual)
        self.mlp = FeedForward(width, mlp)
        self.mlp_sublayer = Sublayer(width, dropout, norm, residual)

    def forward(
        self, states: Tensor, mask: Tensor | None = None, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """states (B, S, D), mask as (B, 1, S) -> states (B, S, D), weights (B, A, S, S) or None."""
        states, weights = self.attention_sublayer(
            states, lambda given: self.attention(given, mask=mask, need_weights=need_weights)
        )
        states, _ = self.mlp_sublayer(states, lambda given: (self.mlp(given), None))
        return states, weights

    def load_torch(self, layer: nn.TransformerEncoderLayer) -> EncoderBlock:
        """Copy the weights of PyTorch's layer and return this block (made with bias=True)."""
        _check_alike(self, layer)
        self.attention.load_torch(layer.self_attn)
        self.mlp.load_torch(layer)
        self.attention_sublayer.load_torch(layer.norm1)
        self.mlp_sublayer.load_torch(layer.norm2)
        return self


class DecoderBlock(nn.Module):
    """Masked self-attention, then attention to the memory, then the MLP (figure 1, right).

    In the attention to the memory the queries come from the decoder, keys and values from the
    encoder. Arguments as for `EncoderBlock`.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        mlp: int,
        dropout: float = 0.0,
        norm: str | None = "pre",
        residual: bool = True,
        scale: bool = True,
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.attention = AttentionLayer(width, heads, bias=bias, scale=scale)
        self.attention_sublayer = Sublayer(width, dropout, norm, residual)
        self.cross = AttentionLayer(width, heads, bias=bias, scale=scale)
        self.cross_sublayer = Sublayer(width, dropout, norm, residual)
        self.mlp = FeedForward(width, mlp)
        self.mlp_sublayer = Sublayer(width, dropout, norm, residual)

    def forward(
        self,
        states: Tensor,
        memory: KeyValues,
        mask: Tensor | None = None,
        past: KeyValues | None = None,
        need_weights: bool = False,
    ) -> tuple[Tensor, KeyValues, tuple[Tensor | None, Tensor | None]]:
        """states (B, T, D) -> states (B, T, D), keys and values kept, weights of both attentions.

        memory: `cross.project` of the encoder's states (B, S, D). mask: as (B, 1, S), for the
        memory. past: what this block kept of the P positions before; the T positions come after
        them, and what is kept then covers P + T. weights: (B, A, T, P + T) and (B, A, T, S), or
        None twice.
        """

        def look_back(given: Tensor) -> tuple[Tensor, tuple[KeyValues, Tensor | None]]:
            kept = self.attention.project(given)
            kept = kept if past is None else past.append(kept)
            # A single position is the last one: nothing is later, so it needs no mask.
            causal = given.shape[1] > 1
            change, own = self.attention.look(given, kept, causal=causal, need_weights=need_weights)
            return change, (kept, own)

        states, (kept, own) = self.attention_sublayer(states, look_back)
        states, across = self.cross_sublayer(
            states, lambda given: self.cross.look(given, memory, mask, need_weights=need_weights)
        )
        states, _ = self.mlp_sublayer(states, lambda given: (self.mlp(given), None))
        return states, kept, (own, across)

    def load_torch(self, layer: nn.TransformerDecoderLayer) -> DecoderBlock:
        """Copy the weights of PyTorch's layer and return this block (made with bias=True)."""
        _check_alike(self, layer)
        self.attention.load_torch(layer.self_attn)
        self.cross.load_torch(layer.multihead_attn)
        self.mlp.load_torch(layer)
        self.attention_sublayer.load_torch(layer.norm1)
        self.cross_sublayer.load_torch(layer.norm2)
        self.mlp_sublayer.load_torch(layer.norm3)
        return self


class Stack(nn.Module):
    """`layers` blocks of one kind, and after the last one of a pre-norm stack a final LayerNorm.

    A pre-norm block adds to its stream and never normalises it: the final norm makes up for it. A
    post-norm stack ends in a norm already, and in the paper has no other (nn.Transformer adds one).
    block: `EncoderBlock` or `DecoderBlock`; options: its arguments after width.
    """

    def __init__(
        self,
        block: Callable[..., EncoderBlock | DecoderBlock],
        layers: int,
        width: int,
        **options: Any,
    ) -> None:
        super().__init__()
        if layers < 1:
            raise ValueError(f"layers is {layers}; expected 1 or more")
        blocks = [block(width, **options) for _ in range(layers)]
        self.blocks = nn.ModuleList(blocks)
        has_final = blocks[0].mlp_sublayer.where == "pre"
        self.final = LayerNorm(width) if has_final else nn.Identity()

    def load_torch(self, stack: nn.TransformerEncoder | nn.TransformerDecoder) -> Stack:
        """Copy the weights of PyTorch's stack and return this one.

        Raises ValueError where one has another number of layers, or a final norm and the other not.
        """
        has_final = isinstance(self.final, LayerNorm)
        if len(stack.layers) != len(self.blocks) or (stack.norm is not None) != has_final:
            raise ValueError(
                f"that stack has {len(stack.layers)} layers and "
                f"{'no' if stack.norm is None else 'a'} final norm; this one has "
                f"{len(self.blocks)} and {'a' if has_final else 'no'} final norm"
            )
        # A ModuleList does not say which kind of module it holds.
        for block, layer in zip(cast(Iterable[Any], self.blocks), stack.layers, strict=True):
            block.load_torch(layer)
        if isinstance(self.final, LayerNorm) and isinstance(stack.norm, nn.LayerNorm):
            self.final.load_torch(stack.norm)
        return self


class EncoderStack(Stack):
    """A stack of encoder blocks (section 3.1). options: the arguments of `EncoderBlock`."""

    def __init__(self, layers: int, width: int, **options: Any) -> None:
        super().__init__(EncoderBlock, layers, width, **options)

    def forward(
        self, states: Tensor, mask: Tensor | None = None, need_weights: bool = False
    ) -> tuple[Tensor, list[Tensor | None]]:
        """states (B, S, D), mask as (B, 1, S) -> states (B, S, D), each layer's weights or None."""
        maps = []
        for block in self.blocks:
            states, weights = block(states, mask, need_weights)
            maps.append(weights)
        return self.final(states), maps


class DecoderStack(Stack):
    """A stack of decoder blocks (section 3.1). options: the arguments of `DecoderBlock`."""

    def __init__(self, layers: int, width: int, **options: Any) -> None:
        super().__init__(DecoderBlock, layers, width, **options)

    def project(self, memory: Tensor) -> tuple[KeyValues, ...]:
        """The encoder's last states (B, S, D) -> keys and values of them, a pair for each layer."""
        blocks = cast(Iterable[DecoderBlock], self.blocks)
        return tuple(block.cross.project(memory) for block in blocks)

    def forward(
        self,
        states: Tensor,
        memory: Sequence[KeyValues],
        mask: Tensor | None = None,
        past: Sequence[KeyValues] | None = None,
        shown: Sequence[int] = (),
    ) -> tuple[Tensor, tuple[KeyValues, ...], list[tuple[Tensor | None, Tensor | None]]]:
        """states (B, T, D) -> states (B, T, D), what each layer keeps, each layer's weights.

        memory: from `project`; mask: as (B, 1, S), for it. past: what was kept of the positions
        before, nothing by default. shown: numbers of the layers whose weights are asked for, as in
        `DecoderBlock`; the others give None twice.
        """
        nothing: list[KeyValues | None] = [None] * len(self.blocks)
        layers = zip(self.blocks, memory, nothing if past is None else past, strict=True)
        kept, maps = [], []
        for number, (block, source, before) in enumerate(layers):
            states, own, weights = block(states, source, mask, before, number in shown)
            kept.append(own)
            maps.append(weights)
        return self.final(states), tuple(kept), maps


def _check_alike(
    block: EncoderBlock | DecoderBlock,
    layer: nn.TransformerEncoderLayer | nn.TransformerDecoderLayer,
) -> None:
    around = block.mlp_sublayer
    order = "pre" if layer.norm_first else "post"
    if around.where != order or not around.residual or not block.attention.scale:
        raise ValueError(
            f"that layer has norm={order!r}, residual=True and scale=True; this block has "
            f"norm={around.where!r}, residual={around.residual} and scale={block.attention.scale}"
        )


@torch.no_grad()
def _copy(*pairs: tuple[Tensor, Tensor | None]) -> None:
    """Copy each second tensor into the first."""
    for own, given in pairs:
        if given is None or own.shape != given.shape:
            raise ValueError(
                f"a parameter of shape {tuple(own.shape)} cannot take over "
                f"{'none: make that layer with bias=True' if given is None else tuple(given.shape)}"
            )
        own.copy_(given)
