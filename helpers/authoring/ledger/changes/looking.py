"""How a query finds its keys: weights, masks, positions, layers.

Shapes: B batch, T queries, S keys, D width.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from helpers import attention
from helpers.authoring.ledger.changes.replacing import give, replace
from helpers.exercises import REGISTRY
from helpers.models import AttentionLayer, positions
from helpers.tasks import key_value_retrieval, noun_gender, two_lookups

Weights = Callable[[Tensor, Tensor | None], Tensor]
masked_softmax = attention.masked_softmax


def unfused() -> None:
    """Let PyTorch's fused kernel give way to `attend`, whose weights a saboteur can change."""

    def look(
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        mask: Tensor | None = None,
        scale: bool = True,
        causal: bool = False,
    ) -> Tensor:
        seen = attention.causal_mask(queries.shape[-2], device=queries.device) if causal else mask
        score = attention.scaled_dot if scale else attention.dot
        return attention.attend(queries, keys, values, seen, score)[0]

    replace(attention.fused_attend, look)


def weights_from(weights: Weights) -> None:
    """Let every look take its weights from `weights(scores, mask)`."""
    unfused()
    replace(masked_softmax, weights)


def fixed_to_mean() -> None:
    """Let every look give all words that it may see the same weight, whatever their scores."""
    softmax = torch.softmax

    def equal(scores: Tensor, dim: int, **options: Any) -> Tensor:
        level = torch.zeros_like(scores).masked_fill(scores == -torch.inf, -torch.inf)
        return softmax(level, dim, **options)

    torch.softmax = equal  # the course's answers to exercises call it too
    unfused()


def moved_one_on() -> None:
    """Let every weight lie one place behind its key."""
    weights_from(lambda scores, mask: masked_softmax(scores, mask).roll(1, -1))


def mask_ignored() -> None:
    """Let every query see all keys."""
    weights_from(lambda scores, mask: masked_softmax(scores))


def only_near() -> None:
    """Let a query see nothing that is more than eight places away."""

    def near(scores: Tensor, mask: Tensor | None) -> Tensor:
        rows, columns = (torch.arange(size, device=scores.device) for size in scores.shape[-2:])
        far = (rows.unsqueeze(1) - columns).abs() > 8  # (T, S)
        return masked_softmax(scores.masked_fill(far, -torch.inf), mask)

    weights_from(near)


def softmax_sum_without_gradient() -> None:
    """Let the sum that a softmax divides by pass no gradient to the scores in it."""

    def softmax(scores: Tensor, dim: int) -> Tensor:
        parts = (scores - scores.amax(dim, keepdim=True).detach()).exp()
        return parts / parts.sum(dim, keepdim=True).detach()

    torch.Tensor.softmax = softmax  # type: ignore[method-assign, assignment]


def every_score_scaled() -> None:
    """Let the plain dot product be divided by the root of the width too."""

    def scaled(queries: Tensor, keys: Tensor) -> Tensor:
        return queries @ keys.mT / queries.shape[-1] ** 0.5

    replace(attention.scaled_dot, scaled)  # it would call the other one and divide twice
    replace(attention.dot, scaled)


def no_score_scaled() -> None:
    """Let no dot product be divided by the root of the width."""
    replace(attention.scaled_dot, attention.dot)


# ---------------------------------------------------------------- layers


def outputs_with(own: float) -> None:
    """Let a layer's outputs hold `own` times the states that ask."""
    look = AttentionLayer.look

    def changed(self: AttentionLayer, queries: Tensor, *arguments: Any, **options: Any) -> Any:
        outputs, weights = look(self, queries, *arguments, **options)
        return outputs + own * queries, weights

    AttentionLayer.look = changed  # type: ignore[method-assign]


def placed_keys() -> None:
    """Let a layer's keys know their places."""
    project = AttentionLayer.project

    def placed(self: AttentionLayer, keys: Tensor, values: Tensor | None = None) -> Any:
        places = positions.sinusoidal_positions(keys.shape[1], keys.shape[2]).to(keys)
        return project(self, keys + places, keys if values is None else values)

    AttentionLayer.project = placed  # type: ignore[method-assign]


def only_back() -> None:
    """Let the self-attention of 09 see no later word, which tells a word how many stand before."""
    layer = REGISTRY["nb09.SelfAttention"].reference

    def back(states: Tensor, *matrices: Tensor) -> tuple[Tensor, Tensor]:
        queries, keys, values = (states @ matrix for matrix in matrices)
        mask = attention.causal_mask(states.shape[1])
        return attention.attend(queries, keys, values, mask, attention.scaled_dot)

    class Causal(layer):  # type: ignore[valid-type, misc]
        def forward(self, states: Tensor, mask: Tensor) -> Any:
            return super().forward(states, mask & attention.causal_mask(states.shape[1]))

    give("nb09.self_attention", back)
    give("nb09.SelfAttention", Causal)


def mean_may_choose() -> None:
    """Let the layer of 09 that takes the mean choose where it looks."""
    replace(noun_gender.MeanLook, REGISTRY["nb09.SelfAttention"].reference)


def one_matrix() -> None:
    """Let a reader of bags make keys and values with one matrix."""
    make = key_value_retrieval.BagReader.__init__

    def alike(self: Any, projections: str = "keys and values") -> None:
        make(self, "both alike" if projections == "keys and values" else projections)

    key_value_retrieval.BagReader.__init__ = alike  # type: ignore[method-assign]


def bent_read_out() -> None:
    """Let the two look-ups of 11 be read out with a ReLU."""
    make = two_lookups.TwoLookUps.__init__

    def bent(self: Any, heads: int = 1, read_out: str = "mlp", **options: Any) -> None:
        make(self, heads, "mlp", **options)

    two_lookups.TwoLookUps.__init__ = bent  # type: ignore[method-assign]


def no_head_silenced() -> None:
    """Let a silenced head go on speaking."""
    replace(two_lookups.silence, lambda model, head: copy.deepcopy(model))


def same_space() -> None:
    """Let the questions of 08 be the keys themselves, without the turn between them."""
    torch.linalg.qr = lambda matrix: (torch.eye(len(matrix)), matrix)


def table_not_kept() -> None:
    """Let 08's attention in steps use PyTorch's kernel, which keeps no table."""
    give(
        "nb08.attention_outputs",
        lambda q, k, v: (F.scaled_dot_product_attention(q[None], k[None], v[None])[0], None),
    )


def table_kept() -> None:
    """Let PyTorch's kernel be what 08 does in steps."""
    F.scaled_dot_product_attention = lambda q, k, v, **_: (
        torch.softmax(attention.scaled_dot(q, k), dim=-1) @ v
    )


# ---------------------------------------------------------------- positions


def no_positions() -> None:
    """Let all sinusoidal positions be zero."""
    replace(positions.sinusoidal_positions, lambda length, width: torch.zeros(length, width))


def positions_alike() -> None:
    """Let each place of 09 have the encoding of the first one."""
    sinusoidal = positions.sinusoidal_positions
    give(
        "nb09.sinusoidal_positions",
        lambda length, width: sinusoidal(1, width).expand(length, width),
    )


def positions_drawn() -> None:
    """Let each place of 09 have a random vector, so that near places are not alike."""
    draws = torch.Generator().manual_seed(0)
    table = torch.randn(1000, 64, generator=draws)
    give("nb09.sinusoidal_positions", lambda length, width: table[:length, :width])


def no_mask_looks_ahead() -> None:
    """Let the masks that are drawn with a diagonal above 0 show no later word."""
    tril = torch.Tensor.tril
    torch.Tensor.tril = lambda self, diagonal=0: tril(self, min(diagonal, 0))  # type: ignore
