"""The Transformer: step by step and all at once, nothing leaks, switches, counts, its loss."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers.attention import padding_mask
from helpers.decoding import forced, greedy
from helpers.models import attention_layer
from helpers.models.blocks import EncoderBlock, LayerNorm, Sublayer
from helpers.models.embedding import Embedding
from helpers.models.positions import sinusoidal_positions
from helpers.models.recurrent import LuongTranslator
from helpers.models.transformer import TransformerTranslator, parameters_by_part
from helpers.training import smoothed_loss

B, S, T, V1, V2 = 3, 7, 5, 11, 13
WIDTH, HEADS, MLP, LAYERS = 8, 2, 12, 3
exact = {"rtol": 1e-10, "atol": 1e-10}
VARIANTS = {
    "pre": {},
    "post": {"norm": "post"},
    "no norm": {"norm": None},
    "no residual": {"residual": False},
    "no scale": {"scale": False},
    "no positions": {"positions": None},
    "learned": {"positions": "learned", "longest": 9},
    "tied": {"tie": True},
    "one head": {"heads": 1},
    "one layer": {"layers": 1},
    "biases": {"bias": True},
}


def translator(**options):
    sizes = {"width": WIDTH, "heads": HEADS, "layers": LAYERS, "mlp": MLP}
    return TransformerTranslator(V1, V2, **{**sizes, **options}).double()


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def batch():
    lengths = torch.tensor([4, 7, 2])
    source = torch.randint(3, V1, (B, S))
    source = source.masked_fill(~padding_mask(lengths, S).squeeze(1), 0)
    return source, lengths, torch.randint(3, V2, (B, T))


@pytest.fixture(params=VARIANTS)
def model(request):
    return translator(**VARIANTS[request.param]).eval()


def test_step_loop_is_forward(model, batch):
    source, lengths, target_in = batch
    logits = model(source, lengths, target_in)
    assert logits.shape == (B, T, V2)
    stepped, weights = forced(model, source, lengths, target_in)
    torch.testing.assert_close(stepped, logits, **exact)
    maps = model.maps(source, lengths, target_in)
    layers, heads = len(model.encoder.blocks), model.encoder.blocks[0].attention.heads
    assert maps.encoder.shape == (B, layers, heads, S, S)
    assert maps.decoder.shape == (B, layers, heads, T, T)
    assert maps.cross.shape == (B, layers, heads, T, S)
    torch.testing.assert_close(weights, maps.cross[:, -1].mean(dim=1), **exact)
    model.map_layer = 0
    first = forced(model, source, lengths, target_in)[1]
    torch.testing.assert_close(first, maps.cross[:, 0].mean(dim=1), **exact)
    for each in maps:
        torch.testing.assert_close(each.sum(dim=-1), torch.ones(each.shape[:-1]).double())
    padded = ~padding_mask(lengths, S)
    assert (maps.encoder.masked_select(padded[:, None, None]) == 0).all()
    assert (maps.cross.masked_select(padded[:, None, None]) == 0).all()
    assert (maps.decoder.triu(1) == 0).all()


def test_state_holds_the_past_and_is_left_alone(batch):
    source, lengths, target_in = batch
    model = translator().eval()
    memory = model.encode(source, lengths)
    empty = model.start(memory)
    assert [pair.keys.shape for pair in empty] == [(B, HEADS, 0, WIDTH // HEADS)] * LAYERS
    _, state, _ = model.step(target_in[:, 0], empty, memory)
    before = [[part.clone() for part in pair] for pair in state]
    one, after, _ = model.step(target_in[:, 1], state, memory)
    other, _, _ = model.step(target_in[:, 2], state, memory)
    assert not torch.equal(one, other)
    again, _, _ = model.step(target_in[:, 1], state, memory)
    assert torch.equal(one, again)
    for old, new, longer in zip(before, state, after, strict=True):
        assert torch.equal(old[0], new.keys) and torch.equal(old[1], new.values)
        assert torch.equal(longer.keys[:, :, :1], new.keys) and longer.keys.shape[2] == 2


def test_greedy_with_the_cache_says_what_it_says_without(model, batch):
    source, lengths, _ = batch
    words, weights = greedy(model, source, lengths, max_length=8)
    assert weights.shape == (B, words.shape[1], S)
    said = torch.ones(B, 1, dtype=torch.long)  # <start>
    ended = torch.zeros(B, dtype=torch.bool)
    for t in range(words.shape[1]):
        best = model(source, lengths, said)[:, -1].argmax(dim=-1).masked_fill(ended, 0)
        assert torch.equal(best, words[:, t])
        ended |= best == 2
        said = torch.cat([said, best.unsqueeze(1)], dim=1)


def test_nothing_leaks_from_the_future_or_from_padding(model, batch):
    source, lengths, target_in = batch
    words = model.target_embedding(target_in).detach().requires_grad_()
    model.target_embedding.forward = lambda ids, first=0: words
    logits = model(source, lengths, target_in)
    for t in range(T - 1):
        (grad,) = torch.autograd.grad(logits[:, t].square().sum(), words, retain_graph=True)
        assert (grad[:, t + 1 :] == 0).all() and (grad[:, : t + 1] != 0).any(dim=-1).all()
    given = model.source_embedding(source).detach().requires_grad_()
    model.source_embedding.forward = lambda ids, first=0: given
    (grad,) = torch.autograd.grad(model(source, lengths, target_in).square().sum(), given)
    real = padding_mask(lengths, S).squeeze(1)
    assert (grad[~real] == 0).all() and (grad[real] != 0).any(dim=-1).all()


def test_padding_of_a_batch_changes_no_sentence(model, batch):
    source, lengths, target_in = batch
    together = model(source, lengths, target_in)
    other = source.masked_fill(~padding_mask(lengths, S).squeeze(1), 5)
    assert torch.equal(model(other, lengths, target_in), together)
    for b, length in enumerate(lengths.tolist()):
        alone = model(source[b : b + 1, :length], lengths[b : b + 1], target_in[b : b + 1])
        torch.testing.assert_close(alone[0], together[b], **exact)


def test_fused_kernel_is_used_unless_weights_are_asked_for(batch, monkeypatch):
    calls = []
    real = attention_layer.attend
    monkeypatch.setattr(attention_layer, "attend", lambda *given: calls.append(1) or real(*given))
    model = translator()
    model(*batch)
    memory = model.encode(*batch[:2])
    assert calls == []
    model.step(batch[2][:, 0], model.start(memory), memory)
    assert len(calls) == 2  # one layer's self- and cross-attention
    model.maps(*batch)
    assert len(calls) == 2 + 3 * LAYERS


@pytest.mark.parametrize("norm", ["pre", "post", None])
@pytest.mark.parametrize("residual", [True, False])
def test_switches_of_norm_and_residual_reach_every_sublayer(norm, residual):
    model = translator(norm=norm, residual=residual)
    arounds = [m for m in model.modules() if isinstance(m, Sublayer)]
    assert len(arounds) == 5 * LAYERS
    assert {(m.where, m.residual) for m in arounds} == {(norm, residual)}
    norms = sum(isinstance(m, LayerNorm) for m in model.modules())
    assert norms == {"pre": 5 * LAYERS + 2, "post": 5 * LAYERS, None: 0}[norm]


def test_switch_of_positions(batch):
    source, lengths, target_in = batch
    order = torch.tensor([3, 0, 6, 1, 5, 2, 4])
    full = torch.full_like(lengths, S)
    source = torch.randint(3, V1, (B, S))
    for positions in ("sinusoidal", "learned", None):
        model = translator(positions=positions).eval()
        given, moved = (model(s, full, target_in) for s in (source, source[:, order]))
        gap = (given - moved).abs().max()
        assert gap < 1e-12 if positions is None else gap > 1e-4


def test_words_are_scaled_and_get_their_positions():
    words, ids = Embedding(V1, 6), torch.randint(3, V1, (2, 5))
    table = words.table.weight
    expected = table[ids] * math.sqrt(6) + sinusoidal_positions(5, 6)
    torch.testing.assert_close(words(ids), expected)
    torch.testing.assert_close(words(ids[:, 3:], first=3), expected[:, 3:])
    assert (table[0] == 0).all()
    assert Embedding(2000, 64).table.weight[1:].std().item() == pytest.approx(
        0.3 * 64**-0.5, rel=0.02
    )
    long = torch.ones(1, 150, dtype=torch.long)
    expected = table[1] * math.sqrt(6) + sinusoidal_positions(150, 6)
    torch.testing.assert_close(words(long)[0], expected)
    learned = Embedding(V1, 6, positions="learned", longest=5)
    torch.testing.assert_close(
        learned(ids), learned.table.weight[ids] * math.sqrt(6) + learned.positions.table
    )


def test_tied_table_is_one_parameter_that_learns_from_both_sides(batch):
    model = translator(tie=True)
    assert model.output.weight is model.target_embedding.table.weight
    loss = model(*batch).logsumexp(dim=-1).sum()
    loss.backward()
    grad = model.output.weight.grad
    unsaid = torch.tensor([v for v in range(3, V2) if v not in batch[2]])
    assert (grad[unsaid] != 0).any(dim=-1).all()  # as rows of the output layer
    apart = translator()
    assert apart.output.weight is not apart.target_embedding.table.weight
    apart(*batch).logsumexp(dim=-1).sum().backward()
    assert (apart.target_embedding.table.weight.grad[unsaid] == 0).all()


def test_dropout_works_in_training_only_and_leaves_the_weights(batch):
    model = translator(dropout=0.5)
    model.train()
    assert not torch.equal(model(*batch), model(*batch))
    maps = model.maps(*batch)
    torch.testing.assert_close(maps.cross.sum(dim=-1), torch.ones(maps.cross.shape[:-1]).double())
    places = [m for m in model.modules() if isinstance(m, nn.Dropout)]
    assert len(places) == 5 * LAYERS + 2  # every sub-layer's result, and both sides' words
    model.eval()
    assert torch.equal(model(*batch), model(*batch))


@pytest.mark.parametrize("norm", ["pre", "post", None])
def test_parameters_are_counted_by_part(norm):
    d, m = WIDTH, MLP
    counts = parameters_by_part(translator(norm=norm))
    mlp = LAYERS * (d * m + m + m * d + d)
    wanted = {
        "source words": V1 * d,
        "target words": V2 * d,
        "encoder self-attention": LAYERS * 4 * d * d,
        "encoder MLP": mlp,
        "encoder norms": (LAYERS * 2 + 1) * 2 * d,
        "decoder self-attention": LAYERS * 4 * d * d,
        "decoder cross-attention": LAYERS * 4 * d * d,
        "decoder MLP": mlp,
        "decoder norms": (LAYERS * 3 + 1) * 2 * d,
        "output layer": d * V2,
    }
    if norm == "post":
        wanted["encoder norms"] -= 2 * d
        wanted["decoder norms"] -= 2 * d
    if norm is None:
        del wanted["encoder norms"], wanted["decoder norms"]
    assert counts == wanted


def test_counts_of_other_models_add_up():
    for model in (
        translator(tie=True, positions="learned", bias=True, scale=False),
        LuongTranslator(V1, V2, embed=4, hidden=6),
        EncoderBlock(WIDTH, HEADS, MLP),
    ):
        counts = parameters_by_part(model)
        assert sum(counts.values()) == sum(p.numel() for p in model.parameters())
    assert set(counts) == {"self-attention", "MLP", "norms"}
    tied = parameters_by_part(translator(tie=True, positions="learned"))
    assert "output layer" not in tied and tied["positions"] == 2 * 64 * WIDTH
    heads = [parameters_by_part(translator(heads=a)) for a in (1, 4)]
    assert heads[0] == heads[1]


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.6])
def test_smoothed_loss_is_pytorchs_and_the_formula(smoothing):
    logits = torch.randn(B, T, V2, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(3, V2, (B, T))
    targets[0, 2:] = targets[2, 4:] = 0
    loss = smoothed_loss(logits, targets, smoothing)
    theirs = F.cross_entropy(logits.mT, targets, ignore_index=0, label_smoothing=smoothing)
    torch.testing.assert_close(loss, theirs, **exact)
    # The true word gets both.
    goals = F.one_hot(targets, V2).double() * (1 - smoothing) + smoothing / V2
    by_hand = -(goals * torch.log_softmax(logits, dim=-1)).sum(dim=-1)
    torch.testing.assert_close(loss, by_hand[targets != 0].mean(), **exact)
    (grad,) = torch.autograd.grad(loss, logits)
    assert (grad[targets == 0] == 0).all() and (grad[targets != 0] != 0).any(dim=-1).all()


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_it_learns_to_turn_a_sentence_round(norm):
    model = TransformerTranslator(12, 12, width=32, heads=4, layers=1, mlp=64, norm=norm)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(250):
        source = torch.randint(3, 12, (32, 5))
        target = source.flip(1)
        target_in = torch.cat([torch.ones(32, 1, dtype=torch.long), target[:, :-1]], dim=1)
        logits = model(source, torch.full((32,), 5), target_in)
        loss = F.cross_entropy(logits.flatten(0, 1), target.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 2 and losses[-1] < 0.3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm": "both"}, r"norm is 'both'; expected 'pre', 'post' or None"),
        ({"positions": "rotary"}, r"positions is 'rotary'; expected 'sinusoidal', 'learned'"),
        ({"layers": 0}, "layers is 0; expected 1 or more"),
        ({"heads": 3}, "multiples of the number of heads"),
        ({"width": 9, "heads": 3}, "even width"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        translator(**options)


def test_bad_inputs_are_named(batch):
    source, lengths, target_in = batch
    model = translator(positions="learned", longest=6)
    with pytest.raises(ValueError, match=r"source has shape \(7,\).*unsqueeze"):
        model.encode(source[0], lengths)
    with pytest.raises(ValueError, match=r"lengths \(2,\); expected \(B, S\) and \(B,\)"):
        model.encode(source, lengths[:2])
    with pytest.raises(ValueError, match="7 positions are asked for, but only 6"):
        model(source, lengths, target_in)
    model = translator()
    model.map_layer = LAYERS
    memory = model.encode(source, lengths)
    with pytest.raises(ValueError, match="map_layer is 3; expected 0 to 2, or -1 for the last"):
        model.step(target_in[:, 0], model.start(memory), memory)
