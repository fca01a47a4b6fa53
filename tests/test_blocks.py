"""The Transformer's blocks and stacks: PyTorch's own with copied weights, and the formulas."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers.attention import padding_mask
from helpers.models.blocks import (
    DecoderBlock,
    DecoderStack,
    EncoderBlock,
    EncoderStack,
    LayerNorm,
    Sublayer,
)
from helpers.models.embedding import Embedding

WIDTH, HEADS, MLP = 8, 2, 12
CLOSE = {torch.float32: 1e-5, torch.float64: 1e-10}
exact = {"rtol": 1e-10, "atol": 1e-10}
orders = pytest.mark.parametrize("norm", ["pre", "post"])
dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
seeds = pytest.mark.parametrize("seed", range(4))


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def layer_norm_by_hand(states, gain, bias, eps):
    rows = []
    for row in states.flatten(0, -2).tolist():
        mean = sum(row) / len(row)
        variance = sum((x - mean) ** 2 for x in row) / len(row)
        rows.append([(x - mean) / math.sqrt(variance + eps) for x in row])
    normal = torch.tensor(rows, dtype=states.dtype).view_as(states)
    return normal * gain + bias


def test_layer_norm_is_the_formula_and_pytorchs():
    theirs = nn.LayerNorm(5, eps=1e-3, dtype=torch.float64)
    nn.init.normal_(theirs.weight)
    nn.init.normal_(theirs.bias)
    ours = LayerNorm(5).double()
    ours.load_torch(theirs)
    x = torch.randn(2, 3, 5, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(ours(x), theirs(x), **exact)
    by_hand = layer_norm_by_hand(x, theirs.weight, theirs.bias, 1e-3)
    torch.testing.assert_close(ours(x), by_hand, **exact)
    direction = torch.randn(2, 3, 5, dtype=torch.float64)
    one, other = (torch.autograd.grad(f(x), x, direction)[0] for f in (ours, theirs))
    torch.testing.assert_close(one, other, **exact)


def distinct_sizes(seed):
    """B, T, S, heads, D, mlp and layers, all different."""
    pick = torch.randperm(6, generator=torch.Generator().manual_seed(seed))[:5] + 4
    batch, steps, words, mlp, part = pick.tolist()
    heads, layers = 3, 2
    return batch, steps, words, heads, heads * part, mlp + 20, layers


def torch_options(width, heads, mlp, norm, dtype):
    return {
        "d_model": width,
        "nhead": heads,
        "dim_feedforward": mlp,
        "dropout": 0.0,
        "norm_first": norm == "pre",
        "batch_first": True,
        "dtype": dtype,
    }


def shaken(module):
    """PyTorch starts biases at 0 and gains at 1, where a mix-up would not show."""
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) / 3)
    return module


def assert_same(ours, theirs, our_result, their_result, inputs, atol):
    """Outputs, the inputs' gradients, and every parameter's gradient."""
    torch.testing.assert_close(our_result, their_result, rtol=atol, atol=atol)
    direction = torch.randn_like(our_result) / our_result.numel() ** 0.5
    own = torch.autograd.grad(our_result, [*inputs, *ours.parameters()], direction)
    parameters = list(theirs.parameters())
    others = torch.autograd.grad(their_result, [*inputs, *parameters], direction)
    # Their gradients, put in the place of their weights, are copied into our arrangement.
    slopes = copy.deepcopy(theirs)
    for parameter, slope in zip(slopes.parameters(), others[len(inputs) :], strict=True):
        parameter.data = slope
    expected = list(copy.deepcopy(ours).load_torch(slopes).parameters())
    for one, other in zip(own, [*others[: len(inputs)], *expected], strict=True):
        assert one.abs().max() > 0
        torch.testing.assert_close(one, other, rtol=atol, atol=atol)


def states(*shape, dtype):
    return torch.randn(*shape, dtype=dtype, requires_grad=True)


@orders
@dtypes
@seeds
def test_encoder_block_and_stack_are_pytorchs(norm, dtype, seed):
    torch.manual_seed(seed)
    batch, _, words, heads, width, mlp, layers = distinct_sizes(seed)
    layer = nn.TransformerEncoderLayer(**torch_options(width, heads, mlp, norm, dtype))
    final = nn.LayerNorm(width, dtype=dtype) if norm == "pre" else None
    stack = nn.TransformerEncoder(layer, layers, final, enable_nested_tensor=False)
    shaken(layer), shaken(stack)
    options = {"heads": heads, "mlp": mlp, "norm": norm, "bias": True}
    block = EncoderBlock(width, **options).to(dtype).load_torch(layer)
    ours = EncoderStack(layers, width, **options).to(dtype).load_torch(stack)
    x = states(batch, words, width, dtype=dtype)
    mask = padding_mask(torch.arange(batch) % words + 1, words)
    for own, other in ((block, layer), (ours, stack)):
        theirs = other(x, src_key_padding_mask=~mask.squeeze(1))
        assert_same(own, other, own(x, mask)[0], theirs, [x], CLOSE[dtype])
        shown, _ = own(x, mask, need_weights=True)
        torch.testing.assert_close(shown, theirs, rtol=CLOSE[dtype], atol=CLOSE[dtype])


@orders
@dtypes
@seeds
def test_decoder_block_and_stack_are_pytorchs(norm, dtype, seed):
    torch.manual_seed(seed)
    batch, steps, words, heads, width, mlp, layers = distinct_sizes(seed)
    layer = nn.TransformerDecoderLayer(**torch_options(width, heads, mlp, norm, dtype))
    final = nn.LayerNorm(width, dtype=dtype) if norm == "pre" else None
    stack = nn.TransformerDecoder(layer, layers, final)
    shaken(layer), shaken(stack)
    options = {"heads": heads, "mlp": mlp, "norm": norm, "bias": True}
    block = DecoderBlock(width, **options).to(dtype).load_torch(layer)
    ours = DecoderStack(layers, width, **options).to(dtype).load_torch(stack)
    x, memory = (states(batch, n, width, dtype=dtype) for n in (steps, words))
    mask = padding_mask(torch.arange(batch) % words + 1, words)
    future = torch.ones(steps, steps, dtype=torch.bool).triu(1)
    given = {"tgt_mask": future, "memory_key_padding_mask": ~mask.squeeze(1)}
    theirs = layer(x, memory, **given)
    mine = block(x, block.cross.project(memory), mask)[0]
    assert_same(block, layer, mine, theirs, [x, memory], CLOSE[dtype])
    theirs = stack(x, memory, **given)
    mine = ours(x, ours.project(memory), mask)[0]
    assert_same(ours, stack, mine, theirs, [x, memory], CLOSE[dtype])
    # Padding behind a target is in the future of its words: their mask for it changes none of them.
    lengths = torch.arange(batch) % steps + 1
    padded = padding_mask(lengths, steps).squeeze(1)
    theirs = stack(x, memory, tgt_key_padding_mask=~padded, **given)
    torch.testing.assert_close(mine[padded], theirs[padded], rtol=CLOSE[dtype], atol=CLOSE[dtype])


def test_comparison_would_see_another_norm_or_order():
    x = torch.randn(2, 5, WIDTH)
    blocks = [EncoderBlock(WIDTH, HEADS, MLP, norm=norm) for norm in ("pre", "post")]
    blocks[1].load_state_dict(blocks[0].state_dict())
    one, other = (block(x)[0] for block in blocks)
    assert (one - other).abs().max() > 0.1
    stack = EncoderStack(2, WIDTH, heads=HEADS, mlp=MLP)
    unfinished = x
    for block in stack.blocks:
        unfinished = block(unfinished)[0]
    assert (stack(x)[0] - unfinished).abs().max() > 0.1
    torch.testing.assert_close(stack(x)[0], stack.final(unfinished))


def test_a_sublayer_gives_and_adds_as_told():
    x, change = torch.randn(2, 4, WIDTH), torch.randn(2, 4, WIDTH)

    def normal(states):
        return F.layer_norm(states, (WIDTH,))

    wanted = {
        ("pre", True): (normal(x), x + change),
        ("post", True): (x, normal(x + change)),
        (None, True): (x, x + change),
        ("pre", False): (normal(x), change),
        ("post", False): (x, normal(change)),
        (None, False): (x, change),
    }
    for (norm, residual), (read, written) in wanted.items():
        given = []
        sublayer = Sublayer(WIDTH, norm=norm, residual=residual)
        found, extra = sublayer(x, lambda states, given=given: (given.append(states) or change, 7))
        torch.testing.assert_close(given[0], read)
        torch.testing.assert_close(found, written)
        assert extra == 7


def unscaled(layer, x):
    q, k, v = (
        (x @ part.T).unflatten(-1, (HEADS, -1)).transpose(1, 2)
        for part in (layer.query.weight, layer.key.weight, layer.value.weight)
    )
    mixed = torch.softmax(q @ k.mT, dim=-1) @ v
    return mixed.transpose(1, 2).flatten(2) @ layer.output.weight.T


def test_dropout_falls_on_the_change_and_on_the_embedding_alone():
    x, change = torch.full((40, 50, WIDTH), 3.0), torch.ones(40, 50, WIDTH)
    written, _ = Sublayer(WIDTH, dropout=0.25, norm=None)(x, lambda states: (change, None))
    torch.testing.assert_close(written.unique(), torch.tensor([3.0, 3 + 1 / 0.75]))
    assert (written == 3).float().mean().item() == pytest.approx(0.25, abs=0.02)
    words = Embedding(9, WIDTH, dropout=0.25)(torch.full((40, 50), 5))
    assert (words == 0).float().mean().item() == pytest.approx(0.25, abs=0.02)


@orders
def test_decoder_may_go_on_several_words_at_a_time(norm):
    decoder = DecoderStack(2, WIDTH, heads=HEADS, mlp=MLP, norm=norm).double()
    x, memory = (torch.randn(3, n, WIDTH, dtype=torch.float64) for n in (6, 4))
    memory = decoder.project(memory)
    at_once, kept, _ = decoder(x, memory)
    first, past, _ = decoder(x[:, :2], memory)
    then, grown, maps = decoder(x[:, 2:], memory, past=past, shown=[1])
    torch.testing.assert_close(torch.cat([first, then], dim=1), at_once, **exact)
    for one, other in zip(kept, grown, strict=True):
        torch.testing.assert_close(one.keys, other.keys, **exact)
        torch.testing.assert_close(one.values, other.values, **exact)
    assert maps[0] == (None, None)
    assert [m.shape for m in maps[1]] == [(3, HEADS, 4, 6), (3, HEADS, 4, 4)]


@pytest.mark.parametrize("kind", [EncoderBlock, DecoderBlock])
def test_switch_scale_leaves_bare_dot_products(kind):
    attention = kind(WIDTH, HEADS, MLP, scale=False).double().attention
    x = torch.randn(2, 5, WIDTH, dtype=torch.float64)
    torch.testing.assert_close(attention(x)[0], unscaled(attention, x), **exact)
    torch.testing.assert_close(attention(x, need_weights=True)[0], attention(x)[0], **exact)
    scaled = kind(WIDTH, HEADS, MLP).double().attention
    for name in ("key", "value", "output"):
        getattr(scaled, name).load_state_dict(getattr(attention, name).state_dict())
    scaled.query.load_state_dict(attention.query.state_dict())
    assert (scaled(x)[0] - attention(x)[0]).abs().max() > 1e-3


def test_weights_of_an_unlike_layer_are_refused():
    def layer(**options):
        return nn.TransformerEncoderLayer(WIDTH, HEADS, MLP, batch_first=True, **options)

    block = EncoderBlock(WIDTH, HEADS, MLP, bias=True)
    with pytest.raises(ValueError, match="that layer has norm='post'.*this block has norm='pre'"):
        block.load_torch(layer())
    with pytest.raises(ValueError, match="scale=False"):
        EncoderBlock(WIDTH, HEADS, MLP, scale=False).load_torch(layer(norm_first=True))
    with pytest.raises(ValueError, match="this MLP has a ReLU"):
        block.load_torch(layer(norm_first=True, activation="gelu"))
    with pytest.raises(ValueError, match="bias=True"):
        EncoderBlock(WIDTH, HEADS, MLP).load_torch(layer(norm_first=True, bias=False))
    stack = nn.TransformerEncoder(layer(norm_first=True), 2, enable_nested_tensor=False)
    with pytest.raises(ValueError, match="2 layers and no final norm; this one has 2 and a final"):
        EncoderStack(2, WIDTH, heads=HEADS, mlp=MLP, bias=True).load_torch(stack)
    wide = nn.TransformerEncoderLayer(WIDTH, HEADS, MLP + 1, norm_first=True, batch_first=True)
    with pytest.raises(ValueError, match=r"\(12, 8\) cannot take over \(13, 8\)"):
        block.load_torch(wide)
