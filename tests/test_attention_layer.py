"""The attention layer: PyTorch's own numbers, both ways alike, masks, causality, positions."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers.attention import attend, causal_mask, padding_mask, scaled_dot
from helpers.authoring.benchmarks.layers import attention_programs, peak_memory
from helpers.models.attention_layer import AttentionLayer, merge_heads, split_heads
from helpers.models.positions import LearnedPositions, sinusoidal_positions

MASKS = ("none", "words", "pairs", "heads", "float", "causal", "causal and words")
CLOSE = {torch.float32: 1e-5, torch.float64: 1e-10}


@st.composite
def problems(draw):
    """Sizes that are all distinct (B, A, T, S, D and D/A), a mask's kind, a dtype and a seed."""
    batch, steps, words, heads, part = draw(
        st.lists(st.integers(1, 7), min_size=5, max_size=5, unique=True)
    )
    mask = draw(st.sampled_from(MASKS))
    if mask.startswith("causal"):
        words = steps
    dtype = draw(st.sampled_from([torch.float32, torch.float64]))
    return (batch, steps, words, heads, heads * part), mask, dtype, draw(st.integers(0, 10**6))


def draw_mask(kind, sizes, generator):
    """Return (mask to pass, causal, the same as a boolean (B, A, T, S)); each row has a True."""
    batch, steps, words, heads, _ = sizes
    full, causal, mask = (batch, heads, steps, words), kind.startswith("causal"), None
    shape = {"words": (batch, 1, words), "pairs": (steps, words), "heads": full, "float": full}
    name = kind.removeprefix("causal and ")
    if name in shape:
        mask = torch.rand(shape[name], generator=generator) < 0.6
        mask[..., 0] = True
    allowed = torch.ones(full, dtype=torch.bool)
    if mask is not None:
        allowed = allowed & (mask.unsqueeze(1) if mask.ndim == 3 else mask)
    if causal:
        allowed = allowed & torch.ones(steps, words).tril().bool()
    return mask, causal, allowed


def run(layer, inputs, *arguments, **options):
    """Return outputs, weights, and the gradients of inputs and parameters, in this order."""
    leaves = [*(x.clone().requires_grad_() for x in inputs), *layer.parameters()]
    outputs, weights = layer(*leaves[: len(inputs)], *arguments, **options)
    probe = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(7))
    found = torch.autograd.grad((outputs * probe.to(outputs)).sum(), leaves, allow_unused=True)
    return outputs.detach(), weights, found


def assert_all_close(ours, theirs, atol):
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=atol, rtol=atol)


class Torch(nn.Module):
    """nn.MultiheadAttention, called as ours is."""

    def __init__(self, layer, need_weights):
        super().__init__()
        self.layer, self.need_weights = layer, need_weights

    def forward(self, queries, keys, values, banned):
        return self.layer(
            queries,
            keys,
            values,
            attn_mask=banned,
            need_weights=self.need_weights,
            average_attn_weights=False,
        )


@settings(max_examples=150, deadline=None, derandomize=True)
@given(problem=problems(), bias=st.booleans(), need_weights=st.booleans())
def test_layer_is_multihead_attention(problem, bias, need_weights):
    sizes, kind, dtype, seed = problem
    batch, steps, words, heads, width = sizes
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    theirs = nn.MultiheadAttention(width, heads, bias=bias, batch_first=True, dtype=dtype)
    if bias:  # PyTorch starts them at 0, where a biases' mix-up would not show
        nn.init.normal_(theirs.in_proj_bias)
        nn.init.normal_(theirs.out_proj.bias)
    ours = AttentionLayer(width, heads, bias=bias).to(dtype).load_torch(theirs)
    inputs = [
        torch.randn(batch, n, width, dtype=dtype, generator=generator)
        for n in (steps, words, words)
    ]
    mask, causal, allowed = draw_mask(kind, sizes, generator)
    banned = ~allowed
    if kind == "float":
        mask = torch.randn(mask.shape, dtype=dtype, generator=generator).masked_fill(
            ~mask, -math.inf
        )
        banned = mask
    one = run(ours, inputs, mask=mask, causal=causal, need_weights=need_weights)
    other = run(Torch(theirs, need_weights), inputs, banned.flatten(0, 1))
    atol = CLOSE[dtype]
    torch.testing.assert_close(one[0], other[0], atol=atol, rtol=atol)
    assert_all_close(one[2][:3], other[2][:3], atol)
    parts = (ours.query, ours.key, ours.value)
    grads = dict(zip(map(id, ours.parameters()), one[2][3:], strict=True))
    their_grads = dict(zip(map(id, theirs.parameters()), other[2][3:], strict=True))
    stacked = torch.cat([grads[id(part.weight)] for part in parts])
    assert_all_close(
        [stacked, grads[id(ours.output.weight)]],
        [their_grads[id(theirs.in_proj_weight)], their_grads[id(theirs.out_proj.weight)]],
        10 * atol,
    )
    if bias:
        stacked = torch.cat([grads[id(part.bias)] for part in parts])
        torch.testing.assert_close(
            stacked, their_grads[id(theirs.in_proj_bias)], atol=10 * atol, rtol=10 * atol
        )
    if need_weights:
        torch.testing.assert_close(one[1], other[1], atol=atol, rtol=atol)
        assert (one[1].masked_select(~allowed) == 0).all()
    else:
        assert one[1] is None


@settings(max_examples=100, deadline=None, derandomize=True)
@given(problem=problems())
def test_both_ways_agree_and_are_scaled_dot_product_attention(problem):
    sizes, kind, dtype, seed = problem
    batch, steps, words, heads, width = sizes
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    layer = AttentionLayer(width, heads).to(dtype)
    x, memory = (
        torch.randn(batch, n, width, dtype=dtype, generator=generator) for n in (steps, words)
    )
    mask, causal, allowed = draw_mask(kind, sizes, generator)
    fused = run(layer, (x, memory), mask=mask, causal=causal)
    shown = run(layer, (x, memory), mask=mask, causal=causal, need_weights=True)
    atol = 1e-6 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(fused[0], shown[0], atol=atol, rtol=atol)
    assert_all_close(fused[2], shown[2], 10 * atol)
    q, k, v = (
        part(states).view(batch, -1, heads, width // heads).permute(0, 2, 1, 3)
        for part, states in ((layer.query, x), (layer.key, memory), (layer.value, memory))
    )
    plain = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
    plain = layer.output(plain.permute(0, 2, 1, 3).reshape(batch, steps, width))
    torch.testing.assert_close(fused[0], plain.detach(), atol=CLOSE[dtype], rtol=CLOSE[dtype])


def test_one_head_is_attend_between_matrices():
    torch.manual_seed(0)
    layer = AttentionLayer(6, key_width=4, memory_width=5).double()
    x, memory = torch.randn(2, 3, 6).double(), torch.randn(2, 7, 5).double()
    keys, values = memory @ layer.key.weight.T, memory @ layer.value.weight.T
    context, weights = attend(x @ layer.query.weight.T, keys, values, score=scaled_dot)
    outputs, ours = layer(x, memory, need_weights=True)
    torch.testing.assert_close(outputs, context @ layer.output.weight.T, atol=1e-12, rtol=0)
    torch.testing.assert_close(ours, weights.unsqueeze(1), atol=1e-12, rtol=0)
    torch.testing.assert_close(layer(x, memory)[0], outputs, atol=1e-12, rtol=0)


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("kind", ["bool", "float", "causal"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("words", [5, 70])
def test_empty_rows_give_zeros_and_no_gradient(need_weights, kind, dtype, words):
    torch.manual_seed(1)
    layer = AttentionLayer(6, 2).to(dtype)
    layer.output = nn.Identity()  # what comes before W_O
    x = torch.randn(3, words, 6, dtype=dtype)
    mask = padding_mask(torch.tensor([0, 2, words]), words)
    mask = mask & (torch.arange(words) != 1).unsqueeze(-1)  # and the second query sees nothing
    empty = ~mask.any(dim=-1)
    if kind == "causal":
        mask = mask & (torch.arange(words) > 0)  # with causal, the first query sees nothing either
        empty = empty | (torch.arange(words) == 0)
        empty[1, 1:] = torch.arange(1, words) == 1
    if kind == "float":
        mask = torch.zeros(mask.shape, dtype=dtype).masked_fill(~mask, -math.inf)
    for inputs in ((x,), (x, torch.randn(3, words, 6, dtype=dtype))):
        options = {"causal": kind == "causal", "need_weights": need_weights}
        outputs, weights, grads = run(layer, inputs, mask=mask, **options)
        assert (outputs[empty] == 0).all()
        assert (outputs[~empty] != 0).any(dim=-1).all()
        if need_weights:
            assert (weights.movedim(1, -1)[empty] == 0).all()
        assert all(torch.isfinite(grad).all() for grad in grads)
        assert (grads[0][0] == 0).all()  # a sentence without words teaches nothing
        if len(inputs) == 2:
            assert (grads[0][empty] == 0).all()  # nor does a query that may look nowhere


def test_kernels_result_for_empty_rows_is_not_relied_on(monkeypatch):
    real = F.scaled_dot_product_attention

    def fragile(queries, keys, values, attn_mask=None, is_causal=False, scale=None):
        result = real(queries, keys, values, attn_mask=attn_mask, is_causal=is_causal, scale=scale)
        if attn_mask is None:
            return result
        dark = ~attn_mask if attn_mask.dtype == torch.bool else attn_mask == -math.inf
        return result.masked_fill(dark.all(dim=-1, keepdim=True), math.nan)

    monkeypatch.setattr(F, "scaled_dot_product_attention", fragile)
    torch.manual_seed(2)
    layer, x = AttentionLayer(6, 2), torch.randn(3, 4, 6)
    mask = padding_mask(torch.tensor([0, 2, 4]), 4)
    for each in (mask, torch.zeros(mask.shape).masked_fill(~mask, -math.inf)):
        outputs, _, grads = run(layer, (x,), mask=each)
        assert (outputs[0] == 0).all()
        assert all(torch.isfinite(grad).all() for grad in grads)
    called = F.scaled_dot_product_attention(x, x, x, attn_mask=mask)
    assert called[0].isnan().all()  # the stand-in does what it says


@pytest.mark.parametrize("need_weights", [False, True])
def test_permuting_the_words_permutes_the_outputs(need_weights):
    torch.manual_seed(3)
    layer, x = AttentionLayer(8, 2).double(), torch.randn(2, 9, 8).double()
    order = torch.randperm(9)
    outputs, _ = layer(x, need_weights=need_weights)
    moved, _ = layer(x[:, order], need_weights=need_weights)
    torch.testing.assert_close(moved, outputs[:, order], atol=1e-10, rtol=0)
    assert (moved - outputs).abs().max() > 1e-3
    positions = sinusoidal_positions(9, 8).double()
    moved, _ = layer(x[:, order] + positions, need_weights=need_weights)
    assert (moved - layer(x + positions)[0][:, order]).abs().max() > 1e-3
    causal, _ = layer(x[:, order], causal=True, need_weights=need_weights)
    assert (causal - layer(x, causal=True)[0][:, order]).abs().max() > 1e-3


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("words", [None, [6, 40]])
def test_nothing_comes_from_the_future(need_weights, words):
    torch.manual_seed(4)
    layer, x = AttentionLayer(8, 2), torch.randn(2, 40, 8, requires_grad=True)
    mask = None if words is None else padding_mask(torch.tensor(words), 40)
    outputs, _ = layer(x, mask=mask, causal=True, need_weights=need_weights)
    for t in (0, 5, 38):
        (grad,) = torch.autograd.grad(outputs[:, t].square().sum(), x, retain_graph=True)
        assert (grad[:, t + 1 :] == 0).all()
        assert (grad[:, : t + 1] != 0).any()
        changed = x.detach().clone()
        changed[:, t + 1 :] += torch.randn(2, 39 - t, 8)
        after, _ = layer(changed, mask=mask, causal=True, need_weights=need_weights)
        assert torch.equal(after[:, : t + 1], outputs[:, : t + 1])
        assert not torch.equal(after[:, t + 1 :], outputs[:, t + 1 :])


@pytest.mark.parametrize("steps", [1, 3])
def test_keys_and_values_can_be_kept(steps):
    torch.manual_seed(5)
    layer, x = AttentionLayer(8, 2).double(), torch.randn(2, 7, 8).double()
    expected, weights = layer(x, causal=True, need_weights=True)
    kept = layer.project(x[:, : 7 - steps]).append(layer.project(x[:, 7 - steps :]))
    outputs, last = layer.look(x[:, 7 - steps :], kept, causal=True, need_weights=True)
    torch.testing.assert_close(outputs, expected[:, 7 - steps :], atol=1e-12, rtol=0)
    torch.testing.assert_close(last, weights[:, :, 7 - steps :], atol=1e-12, rtol=0)
    fused, _ = layer.look(x[:, 7 - steps :], kept, causal=True)
    torch.testing.assert_close(fused, outputs, atol=1e-12, rtol=0)


def test_nothing_is_mutated():
    torch.manual_seed(6)
    layer = AttentionLayer(8, 2)
    for mask in (padding_mask(torch.tensor([0, 3]), 4), torch.full((2, 1, 4), -math.inf)):
        given = [torch.randn(2, 4, 8), torch.randn(2, 4, 8), torch.randn(2, 4, 8), mask]
        before = [each.clone() for each in given]
        for need_weights in (False, True):
            layer(*given, causal=True, need_weights=need_weights)
        assert all(torch.equal(a, b) for a, b in zip(given, before, strict=True))


def test_split_and_merge_are_each_others_inverse():
    states = torch.arange(2 * 3 * 8.0).view(2, 3, 8)
    parts = split_heads(states, 4)
    assert parts.shape == (2, 4, 3, 2)
    assert torch.equal(parts[1, 3, 2], states[1, 2, 6:])
    assert torch.equal(merge_heads(parts), states)
    assert not torch.equal(states.view(2, 4, 3, 2), parts)  # the reshape that mixes positions


def test_causal_mask_rows():
    assert causal_mask(2).tolist() == [[True, False], [True, True]]
    assert causal_mask(1, 3).tolist() == [[True, True, True]]
    assert causal_mask(2, 3).tolist() == [[True, True, False], [True, True, True]]
    with pytest.raises(ValueError, match="leave causal out"):
        causal_mask(3, 2)


def test_sinusoids_are_the_papers():
    table = sinusoidal_positions(50, 6).double()
    for p in (0, 1, 49):
        for i in range(3):
            angle = p / 10_000 ** (2 * i / 6)
            assert table[p, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert table[p, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)
    gram = table @ table.T  # depends on the distance alone
    torch.testing.assert_close(gram[:-5, 5:].diagonal(), gram[0, 5].expand(45), atol=1e-5, rtol=0)
    assert sinusoidal_positions(0, 4).shape == (0, 4)
    with pytest.raises(ValueError, match="even width"):
        sinusoidal_positions(4, 5)


def test_learned_positions_end_where_the_table_ends():
    positions = LearnedPositions(5, 4)
    assert torch.equal(positions(3), positions.table[:3])
    positions(5).sum().backward()
    assert (positions.table.grad == 1).all()
    with pytest.raises(ValueError, match="6 positions are asked for, but only 5 were learnt"):
        positions(6)


@pytest.mark.parametrize(
    ("keys", "mask", "message"),
    [
        (torch.randn(2, 4, 5), None, r"keys have shape \(2, 4, 5\).*\(B, S, 8\)"),
        (torch.randn(4, 8), None, r"add a batch axis: .unsqueeze\(0\)"),
        (torch.randn(3, 4, 8), None, r"2 sentences of queries, but 3 of keys.*expand"),
        (torch.randn(2, 4, 8), torch.ones(2, 4).bool(), r"mask.unsqueeze\(1\)"),
        (torch.randn(2, 4, 8), torch.ones(2, 4, 3).bool(), r"\(B, T, S\) = \(2, 3, 4\)"),
        (torch.randn(2, 4, 8), torch.ones(4).bool(), r"\(B, A, T, S\) = \(2, 2, 3, 4\)"),
    ],
)
def test_bad_shapes_are_named(keys, mask, message):
    with pytest.raises(ValueError, match=message):
        AttentionLayer(8, 2)(torch.randn(2, 3, 8), keys, mask=mask)


def test_bad_sizes_and_types_are_named():
    layer, x = AttentionLayer(8, 2), torch.randn(2, 3, 8)
    with pytest.raises(TypeError, match=r"mask.bool\(\)"):
        layer(x, mask=torch.ones(3, 3, dtype=torch.long))
    with pytest.raises(ValueError, match="exactly one value"):
        layer(x, x, x[:, :2])
    with pytest.raises(ValueError, match="leave causal out"):
        layer(x, x[:, :2], causal=True)
    with pytest.raises(ValueError, match="multiples of the number of heads"):
        AttentionLayer(8, 3)
    with pytest.raises(ValueError, match="multiple of the number of heads"):
        split_heads(x, 3)
    with pytest.raises(ValueError, match=r"heads 4 against 2 here, bias True against False here"):
        layer.load_torch(nn.MultiheadAttention(8, 4))
    with pytest.raises(ValueError, match="extras True"):
        layer.load_torch(nn.MultiheadAttention(8, 2, bias=False, add_zero_attn=True))


@pytest.mark.parametrize("masking", ["none", "causal", "padding", "both"])
def test_fused_way_holds_no_more_memory(masking):
    _, programs = attention_programs(256, masking)
    memory = {name: peak_memory(run) for name, run in programs.items()}
    assert memory["fused"] <= 1.01 * memory["plain"]
    assert memory["materialised"] > 2 * memory["plain"]


def test_weights_of_pytorchs_layer_with_other_memory_widths():
    torch.manual_seed(8)
    theirs = nn.MultiheadAttention(8, 2, bias=False, kdim=5, vdim=5, batch_first=True)
    ours = AttentionLayer(8, 2, memory_width=5).load_torch(theirs)
    x, memory = torch.randn(2, 3, 8), torch.randn(2, 4, 5)
    torch.testing.assert_close(
        ours(x, memory)[0], theirs(x, memory, memory)[0], atol=1e-5, rtol=1e-5
    )
