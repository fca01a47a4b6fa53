"""Right answers are accepted however they are written: ten exercises in eight styles each."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.exercises import REGISTRY
from helpers.exercises.engine import CORRECT, SLOW

Answer = Callable[..., Any]

EINSUM: dict[str, Answer] = {
    "nb01.rnn_cell": lambda x, h, wx, wh, b: torch.tanh(
        torch.einsum("be,he->bh", x, wx) + torch.einsum("bk,hk->bh", h, wh) + b
    ),
    "nb02.last_states": lambda states, lengths: torch.einsum(
        "bsh,bs->bh", states, F.one_hot(lengths - 1, states.size(1)).to(states.dtype)
    ),
    "nb04.additive_scores": lambda q, k, v: torch.einsum(
        "btsd,d->bts", torch.tanh(q[:, :, None] + k[:, None]), v
    ),
    "nb04.context_vectors": lambda a, h: torch.einsum("bts,bsc->btc", a, h),
    "nb05.scaled_dot_scores": lambda q, k: (
        torch.einsum("btd,bsd->bts", q, k) / math.sqrt(q.size(-1))
    ),
    "nb05.general_scores": lambda q, k, w: torch.einsum("bth,hc,bsc->bts", q, w, k),
    "nb05.attentional_vectors": lambda c, s, w: torch.tanh(
        torch.einsum("bti,hi->bth", torch.cat([c, s], dim=-1), w)
    ),
    "nb08.cross_attention": lambda t, s, q, k, v: torch.einsum(
        "bts,bsc,cv->btv",
        torch.einsum("btd,dk,bsc,ck->bts", t, q, s, k).div(q.size(1) ** 0.5).softmax(dim=-1),
        s,
        v,
    ),
    "nb11.split_heads": lambda x, heads: torch.einsum(
        "bthk->bhtk", x.unflatten(-1, (heads, x.size(-1) // heads))
    ),
    "nb12.layer_norm": lambda x, gain, bias, eps: (
        torch.einsum("btd,d->btd", x - x.mean(-1, keepdim=True), gain)
        / (x.var(-1, keepdim=True, correction=0) + eps).sqrt()
        + bias
    ),
}


def rnn_cell(x: Tensor, h: Tensor, wx: Tensor, wh: Tensor, b: Tensor) -> Tensor:
    total = (x @ wx.T).clone()
    total += h @ wh.T
    total += b
    return total.tanh_()


def last_states(states: Tensor, lengths: Tensor) -> Tensor:
    kept = torch.zeros_like(states[:, 0])
    kept += states.gather(1, (lengths - 1)[:, None, None].expand(-1, 1, states.size(2)))[:, 0]
    return kept


def additive_scores(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    sums = q[:, :, None].repeat(1, 1, k.size(1), 1)
    sums += k[:, None]
    return sums.tanh_() @ v


def context_vectors(a: Tensor, h: Tensor) -> Tensor:
    contexts = torch.zeros(a.size(0), a.size(1), h.size(2), dtype=h.dtype)
    return contexts.baddbmm_(a, h)


def scaled_dot_scores(q: Tensor, k: Tensor) -> Tensor:
    scores = torch.bmm(q, k.mT)
    scores /= q.size(-1) ** 0.5
    return scores


def general_scores(q: Tensor, k: Tensor, w: Tensor) -> Tensor:
    scores = torch.zeros(q.size(0), q.size(1), k.size(1), dtype=q.dtype)
    scores += q @ w @ k.mT
    return scores


def attentional_vectors(c: Tensor, s: Tensor, w: Tensor) -> Tensor:
    total = c @ w[:, : c.size(-1)].T
    total += s @ w[:, c.size(-1) :].T
    return total.tanh_()


def cross_attention(t: Tensor, s: Tensor, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    scores = (t @ q) @ (s @ k).mT
    scores /= q.size(1) ** 0.5
    return scores.softmax(dim=-1) @ (s @ v)


def split_heads(x: Tensor, heads: int) -> Tensor:
    parts = x.clone()
    parts += 0
    return torch.stack(parts.chunk(heads, dim=-1), dim=1)


def layer_norm(x: Tensor, gain: Tensor, bias: Tensor, eps: float) -> Tensor:
    centred = x.clone()
    centred -= x.mean(dim=-1, keepdim=True)
    scaled = centred / (centred.square().mean(dim=-1, keepdim=True) + eps).sqrt()
    return torch.addcmul(bias, scaled, gain)


IN_PLACE: dict[str, Answer] = {
    "nb01.rnn_cell": rnn_cell,
    "nb02.last_states": last_states,
    "nb04.additive_scores": additive_scores,
    "nb04.context_vectors": context_vectors,
    "nb05.scaled_dot_scores": scaled_dot_scores,
    "nb05.general_scores": general_scores,
    "nb05.attentional_vectors": attentional_vectors,
    "nb08.cross_attention": cross_attention,
    "nb11.split_heads": split_heads,
    "nb12.layer_norm": layer_norm,
}
# One call of PyTorch's own where there is one for most of the work.
FUSED: dict[str, Answer] = {
    "nb01.rnn_cell": lambda x, h, wx, wh, b: torch.rnn_tanh_cell(
        x, h, wx, wh, b, torch.zeros_like(b)
    ),
    "nb02.last_states": lambda states, lengths: torch.take_along_dim(
        states, (lengths - 1)[:, None, None], dim=1
    ).squeeze(1),
    "nb04.additive_scores": lambda q, k, v: F.linear(
        torch.tanh(q.unsqueeze(2) + k.unsqueeze(1)), v.unsqueeze(0)
    ).squeeze(-1),
    "nb04.context_vectors": torch.bmm,
    "nb05.scaled_dot_scores": lambda q, k: torch.baddbmm(
        q.new_zeros(1, 1, 1), q, k.mT, beta=0, alpha=q.size(-1) ** -0.5
    ),
    "nb05.general_scores": lambda q, k, w: torch.bmm(q, F.linear(k, w).mT),
    "nb05.attentional_vectors": lambda c, s, w: torch.tanh(F.linear(torch.cat([c, s], dim=-1), w)),
    "nb08.cross_attention": lambda t, s, q, k, v: F.scaled_dot_product_attention(
        t @ q, s @ k, s @ v
    ),
    "nb11.split_heads": lambda x, heads: x.unflatten(-1, (heads, -1)).swapaxes(1, 2),
    "nb12.layer_norm": lambda x, gain, bias, eps: F.layer_norm(x, gain.shape, gain, bias, eps),
}
NAMES = sorted(EINSUM)


class Wrapped(nn.Module):
    """A layer whose forward is the answer."""

    def __init__(self, function: Answer) -> None:
        super().__init__()
        self.function = function

    def forward(self, *arguments: Any) -> Any:
        return self.function(*arguments)


STYLES: dict[str, Callable[[str], Answer]] = {
    "einsum": EINSUM.__getitem__,
    "in place on a copy": IN_PLACE.__getitem__,
    "fused kernel": FUSED.__getitem__,
    "module": lambda name: Wrapped(IN_PLACE[name]),
    "lambda": lambda name: lambda *arguments: EINSUM[name](*arguments),
    "partial": lambda name: partial(IN_PLACE[name]),
    "compiled": lambda name: torch.compile(FUSED[name], backend="eager"),
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", NAMES)
def test_right_answer_is_accepted_in_every_style(name: str, style: str) -> None:
    verdict = REGISTRY[name].verdict(STYLES[style](name))
    assert verdict.kind == CORRECT, verdict.message


@pytest.mark.parametrize("name", NAMES)
def test_right_loop_is_accepted_and_may_be_called_slow(name: str) -> None:
    verdict = REGISTRY[name].verdict(REGISTRY[name].spec)
    assert verdict.kind in (CORRECT, SLOW), verdict.message
