"""`attend` and its scores: against loop specifications and PyTorch's own, masks, gradients."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from helpers.attention import AdditiveScore, attend, dot, masked_softmax, padding_mask, scaled_dot

SHAPES = [(1, 1, 1, 2, 3), (2, 3, 4, 5, 6), (3, 7, 5, 2, 4), (5, 1, 6, 3, 2)]


def draw(shape, seed=0):
    B, T, S, D, V = shape
    generator = torch.Generator().manual_seed(seed)

    def normal(*size):
        return torch.randn(*size, generator=generator, dtype=torch.float64)

    return normal(B, T, D), normal(B, S, D), normal(B, S, V)


def loop_attend(queries, keys, values, allowed, score):
    """The specification: one query, one key, one number at a time."""
    B, T, S, V = len(queries), queries.shape[1], keys.shape[1], values.shape[2]
    context, weights = torch.zeros(B, T, V).double(), torch.zeros(B, T, S).double()
    for b in range(B):
        for t in range(T):
            e = [score(queries[b, t], keys[b, i]) for i in range(S)]
            total = sum(math.exp(e[i]) for i in range(S) if allowed[b, t, i])
            for i in range(S):
                if allowed[b, t, i]:
                    weights[b, t, i] = math.exp(e[i]) / total
                    context[b, t] += weights[b, t, i] * values[b, i]
    return context, weights


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["dot", "additive"])
def test_attend_equals_its_loop(shape, kind):
    queries, keys, values = draw(shape)
    B, T, S, D, _ = shape
    allowed = torch.rand(B, T, S, generator=torch.Generator().manual_seed(1)) < 0.6
    if kind == "dot":
        score, loop = dot, lambda q, k: sum(float(a * b) for a, b in zip(q, k, strict=True))
    else:
        score = AdditiveScore(D).double()
        v = score.v.detach()
        loop = lambda q, k: sum(  # noqa: E731
            float(v[d]) * math.tanh(float(q[d] + k[d])) for d in range(D)
        )
    context, weights = attend(queries, keys, values, allowed, score)
    expected = loop_attend(queries, keys, values, allowed, loop)
    torch.testing.assert_close(context.detach(), expected[0], atol=1e-12, rtol=0)
    torch.testing.assert_close(weights.detach(), expected[1], atol=1e-12, rtol=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_scaled_dot_is_pytorchs_own(shape):
    queries, keys, values = draw(shape)
    lengths = torch.randint(
        1, shape[2] + 1, (shape[0],), generator=torch.Generator().manual_seed(2)
    )
    mask = padding_mask(lengths, shape[2])
    context, _ = attend(queries, keys, values, mask, scaled_dot)
    own = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    torch.testing.assert_close(context, own, atol=1e-12, rtol=0)


def test_float_and_boolean_masks_agree():
    queries, keys, values = draw((2, 3, 4, 5, 6))
    mask = torch.tensor([[[True, False, True, True]], [[False, False, False, False]]])
    added = torch.zeros(2, 1, 4).double().masked_fill(~mask, -torch.inf)
    for one, other in zip(
        attend(queries, keys, values, mask), attend(queries, keys, values, added), strict=True
    ):
        assert torch.equal(one, other)


def test_rows_sum_to_one_and_padding_is_exactly_zero():
    queries, keys, values = draw((3, 4, 6, 5, 2))
    mask = padding_mask(torch.tensor([6, 2, 4]))
    _, weights = attend(1e4 * queries, keys, values, mask)  # extreme scores must not leak
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 4).double())
    assert (weights.masked_select(~mask.expand_as(weights)) == 0).all()


def test_a_score_below_any_finite_minus_infinity_stays_above_padding():
    scores = torch.tensor([[[-1e30, -2e30, 5.0]]])
    weights = masked_softmax(scores, torch.tensor([[[True, True, False]]]))
    assert weights.tolist() == [[[1.0, 0.0, 0.0]]]


@pytest.mark.parametrize("kind", ["bool", "float"])
@pytest.mark.parametrize("score", [dot, AdditiveScore(5).double()])
def test_empty_row_gives_zeros_in_result_and_gradient(kind, score):
    tensors = [x.requires_grad_() for x in draw((2, 3, 4, 5, 6))]
    mask = padding_mask(torch.tensor([0, 4]), 4)
    if kind == "float":
        mask = torch.zeros(2, 1, 4).double().masked_fill(~mask, -torch.inf)
    context, weights = attend(*tensors, mask, score)
    assert (context[0] == 0).all() and (weights[0] == 0).all()
    (context.sum() + weights.square().sum()).backward()
    for tensor in tensors:
        assert torch.isfinite(tensor.grad).all()
        assert (tensor.grad[0] == 0).all()
    assert (tensors[2].grad[1] != 0).all()  # the full row does learn


def test_nothing_is_mutated():
    tensors = draw((2, 3, 4, 5, 6))
    mask = padding_mask(torch.tensor([2, 4]), 4)
    before = [x.clone() for x in (*tensors, mask)]
    attend(*tensors, mask)
    scores = torch.randn(2, 3, 4)
    kept = scores.clone()
    masked_softmax(scores, mask)
    assert all(torch.equal(a, b) for a, b in zip(before, (*tensors, mask), strict=True))
    assert torch.equal(scores, kept)


def test_permuting_the_states_permutes_the_weights_and_leaves_the_context():
    queries, keys, values = draw((2, 3, 6, 5, 4))
    order = torch.randperm(6, generator=torch.Generator().manual_seed(3))
    context, weights = attend(queries, keys, values)
    moved, moved_weights = attend(queries, keys[:, order], values[:, order])
    torch.testing.assert_close(moved, context, atol=1e-12, rtol=0)
    torch.testing.assert_close(moved_weights, weights[..., order], atol=1e-12, rtol=0)


def test_bad_input_is_named():
    queries, keys, values = draw((2, 3, 4, 5, 6))
    with pytest.raises(ValueError, match="exactly one value"):
        attend(queries, keys, values[:, :3])
    with pytest.raises(TypeError, match=r"mask.bool\(\)"):
        attend(queries, keys, values, torch.ones(2, 1, 4, dtype=torch.long))
    with pytest.raises(ValueError, match="one row a query"):
        attend(queries, keys, values, score=lambda q, k: k @ q.transpose(-2, -1))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_a_row_of_least_numbers_is_empty_in_every_precision(dtype):
    """A float mask of the least number over a whole row, on low scores: zeros, and never NaN."""
    scores = torch.tensor([[[-50.0, -40.0]]], dtype=dtype)
    mask = torch.full_like(scores, torch.finfo(dtype).min)
    assert torch.equal(masked_softmax(scores, mask), torch.zeros_like(scores))
