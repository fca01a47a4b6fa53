"""Notebook 12: the exercises' answers are the course's Transformer and PyTorch's own."""

from __future__ import annotations

import math
import time

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers.attention import padding_mask
from helpers.exercises import nb12
from helpers.exercises.engine import CORRECT, NOT_YET, RAISED, SLOW
from helpers.models.blocks import DecoderBlock, EncoderBlock, FeedForward
from helpers.models.embedding import Embedding
from helpers.models.positions import sinusoidal_positions
from helpers.models.transformer import TransformerTranslator
from helpers.training import smoothed_loss
from tests.exercise_tools import define, unwrapped

close = {"rtol": 1e-10, "atol": 1e-10}
named = {"ids": lambda value: getattr(value, "name", "answer")}
LOOPS = (nb12.layer_norm, nb12.feed_forward, nb12.embed_words, nb12.smoothed_loss)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def test_two_exercises_are_core():
    core = [exercise.short_name for exercise in nb12.EXERCISES if exercise.core]
    assert core == ["decoder_block", "Transformer"]
    assert len(nb12.EXERCISES) >= 6
    assert all(len(exercise.wrong_answers) >= 5 for exercise in nb12.EXERCISES)


@pytest.mark.parametrize(("b", "t", "d"), [(1, 2, 3), (3, 5, 4)])
def test_layer_norm_is_pytorchs(b, t, d):
    x, gain, bias = numbers(b, t, d), numbers(d), numbers(d)
    for eps in (1e-5, 0.3):
        own = nb12.layer_norm.reference(x, gain, bias, eps)
        torch.testing.assert_close(own, F.layer_norm(x, (d,), gain, bias, eps), **close)


def test_feed_forward_is_the_courses():
    layer, x = FeedForward(4, 7).double(), numbers(2, 3, 4)
    matrices = (layer.inner.weight.T, layer.inner.bias, layer.outer.weight.T, layer.outer.bias)
    torch.testing.assert_close(nb12.feed_forward.reference(x, *matrices), layer(x), **close)


def attention(layer, mask=None, causal=False):
    return lambda queries, memory=None: layer(queries, memory, mask=mask, causal=causal)[0]


def test_blocks_are_the_courses_and_pytorchs():
    batch, steps, words, width = 3, 4, 6, 8
    mask = padding_mask(torch.tensor([2, 6, 1]), words)
    x, y = numbers(batch, words, width), numbers(batch, steps, width)
    options = {"dropout": 0.0, "norm_first": True, "batch_first": True, "dtype": torch.float64}
    theirs = nn.TransformerEncoderLayer(width, 2, 12, **options)
    block = EncoderBlock(width, 2, 12, bias=True).double().load_torch(theirs)
    norms = block.attention_sublayer.norm, block.mlp_sublayer.norm
    own = nb12.encoder_block.reference(x, attention(block.attention, mask), block.mlp, *norms)
    torch.testing.assert_close(own, block(x, mask)[0], **close)
    torch.testing.assert_close(own, theirs(x, src_key_padding_mask=~mask.squeeze(1)), **close)

    theirs = nn.TransformerDecoderLayer(width, 2, 12, **options)
    block = DecoderBlock(width, 2, 12, bias=True).double().load_torch(theirs)
    norms = block.attention_sublayer.norm, block.cross_sublayer.norm, block.mlp_sublayer.norm
    own = nb12.decoder_block.reference(
        y,
        x,
        attention(block.attention, None, True),
        attention(block.cross, mask),
        block.mlp,
        *norms,
    )
    torch.testing.assert_close(own, block(y, block.cross.project(x), mask)[0], **close)
    future = nn.Transformer.generate_square_subsequent_mask(steps, dtype=torch.float64)
    padding = torch.zeros(batch, words).double().masked_fill(~mask.squeeze(1), -math.inf)
    other = theirs(y, x, tgt_mask=future, memory_key_padding_mask=padding)
    torch.testing.assert_close(own, other, **close)


def test_embedding_is_the_courses():
    words, ids = Embedding(9, 6).double(), torch.randint(3, 9, (2, 5))
    positions = sinusoidal_positions(7, 6)
    own = nb12.embed_words.reference(ids, words.table.weight, positions.double())
    torch.testing.assert_close(own, words(ids), rtol=1e-6, atol=1e-6)


def test_whole_model_is_the_courses():
    model = TransformerTranslator(11, 13, width=8, heads=2, layers=3, mlp=12, tie=True).double()
    lengths = torch.tensor([4, 2])
    source, target_in = torch.randint(3, 11, (2, 4)), torch.randint(3, 13, (2, 5))
    mask = padding_mask(lengths, 4)

    def encodes(block):
        return lambda x: block(x, mask)[0]

    def decodes(block):
        return lambda y, memory: block(y, block.cross.project(memory), mask)[0]

    own = nb12.transformer_logits.reference(
        model.source_embedding(source),
        model.target_embedding(target_in),
        [encodes(block) for block in model.encoder.blocks],
        model.encoder.final,
        [decodes(block) for block in model.decoder.blocks],
        model.decoder.final,
        model.output.weight,
    )
    torch.testing.assert_close(own, model(source, lengths, target_in), **close)


@pytest.mark.parametrize(("width", "mlp"), [(8, 12), (64, 256), (6, 5)])
def test_parameters_are_those_of_the_courses_blocks(width, mlp):
    blocks = EncoderBlock(width, 2, mlp), DecoderBlock(width, 2, mlp)
    counts = tuple(sum(p.numel() for p in block.parameters()) for block in blocks)
    assert nb12.block_parameters.reference(width, mlp, 24) == counts


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5, 1.0])
def test_smoothed_loss_is_the_courses_and_pytorchs(smoothing):
    logits, targets = numbers(3, 5, 7), torch.randint(1, 7, (3, 5))
    targets[0, 2:] = 0
    own = nb12.smoothed_loss.reference(logits, targets, smoothing)
    torch.testing.assert_close(own, smoothed_loss(logits, targets, smoothing), **close)
    theirs = F.cross_entropy(logits.mT, targets, ignore_index=0, label_smoothing=smoothing)
    torch.testing.assert_close(own, theirs, **close)


def test_rate_climbs_in_a_line_and_peaks_at_the_end_of_the_warm_up():
    steps = torch.arange(1, 20_001, dtype=torch.float64)
    rates = nb12.warm_up_rates.reference(steps, 512, 4000)  # the paper's base model
    assert rates.argmax().item() == 3999
    assert rates.max().item() == pytest.approx(1 / math.sqrt(512 * 4000))
    torch.testing.assert_close(rates[:4000], steps[:4000] * rates[0], **close)
    assert rates[15_999].item() == pytest.approx(rates.max().item() / 2)  # four times as late


@pytest.mark.parametrize("exercise", LOOPS, **named)
def test_loop_is_correct_but_slow_and_does_not_stall(exercise, capsys):
    start = time.perf_counter()
    assert exercise.check(exercise.spec) is exercise.reference
    assert time.perf_counter() - start < 8
    out = unwrapped(capsys.readouterr().out)
    assert out.startswith(f"✓ {exercise.short_name}: correct but slow ")
    assert "Which Python loop can one indexing or one tensor product replace?" in out


def layer_norm_by_var(states, gain, bias, eps):
    mean, variance = states.mean(-1, True), states.var(-1, correction=0, keepdim=True)
    return (states - mean) * (variance + eps).rsqrt() * gain + bias


def block_in_other_words(states, attend, mlp, norm_1, norm_2):
    looked = attend(norm_1(states))
    middle = torch.add(looked, states)
    return torch.stack([middle, mlp(norm_2(middle))]).sum(dim=0)


def logits_by_einsum(x, y, encoder, norm, decoder, last, table):
    for number in range(len(encoder)):
        x = encoder[number](x)
    x = norm(x)
    for block in list(decoder):
        y = block(y, x)
    return torch.einsum("btd,vd->btv", last(y), table)


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        (nb12.layer_norm, lambda x, g, b, eps: F.layer_norm(x, x.shape[-1:], g, b, eps)),
        (nb12.layer_norm, layer_norm_by_var),
        (
            nb12.feed_forward,
            lambda x, a, b, c, d: F.linear(F.linear(x, a.T, b).clamp(min=0), c.T, d),
        ),
        (nb12.encoder_block, block_in_other_words),
        (
            nb12.embed_words,
            lambda w, t, p: F.embedding(w, t) * math.sqrt(t.shape[1]) + p[: w.shape[1]],
        ),
        (nb12.transformer_logits, logits_by_einsum),
        (
            nb12.block_parameters,
            lambda d, m, t: (4 * d * d + 2 * d * m + m + 5 * d, 8 * d * d + 2 * d * m + m + 7 * d),
        ),
        (
            nb12.smoothed_loss,
            lambda x, y, s, pad=0: F.cross_entropy(
                x.flatten(0, 1), y.flatten(), ignore_index=pad, label_smoothing=s
            ),
        ),
        (
            nb12.warm_up_rates,
            lambda n, d, w: torch.where(n < w, n * w**-1.5, n**-0.5) / math.sqrt(d),
        ),
    ],
    **named,
)
def test_other_right_ways_are_right(exercise, answer):
    assert exercise.verdict(answer).kind in (CORRECT, SLOW)


def asks_the_decoder(x, memory, look, cross, mlp, norm_1, norm_2, norm_3):
    y = look(norm_1(x)) + x
    y = y + cross(memory, norm_2(y))
    return mlp(norm_3(y)) + y


def zipped(x, y, encoder, norm, decoder, last, table):
    states = []
    for block in encoder:
        x = block(x)
        states.append(norm(x))
    for number, block in enumerate(decoder):
        y = block(y, states[number])
    return torch.einsum("btd,vd->btv", last(y), table)


def loss_over_others(logits, targets, smoothing, pad=0):
    vocabulary = logits.size(-1)
    goals = torch.full_like(logits, smoothing / (vocabulary - 1))
    goals.scatter_(-1, targets.unsqueeze(-1), 1 - smoothing)
    return -(goals * logits.log_softmax(-1)).sum(-1)[targets != pad].mean()


@pytest.mark.parametrize(
    ("exercise", "answer", "name"),
    [
        (
            nb12.layer_norm,
            lambda x, g, b, eps: (
                g * (x - x.mean(-1, True)) / (x.var(-1, keepdim=True) + eps).sqrt() + b
            ),
            "unbiased",
        ),
        (
            nb12.layer_norm,
            lambda x, g, b, eps: F.layer_norm(x, x.shape[1:], None, None, eps) * g + b,
            "over_sentence",
        ),
        (
            nb12.encoder_block,
            lambda x, a, m, n, o: (y := n(x + a(x))) * 0 + o(y + m(y)),
            "post_norm",
        ),
        (nb12.decoder_block, asks_the_decoder, "queries_from_encoder"),
        (nb12.transformer_logits, zipped, "layer_by_layer"),
        (nb12.smoothed_loss, loss_over_others, "others_only"),
        (nb12.warm_up_rates, lambda n, d, w: d**-0.5 * n.rsqrt(), "no_warm_up"),
    ],
    **named,
)
def test_slip_in_other_words_is_known_too(exercise, answer, name):
    assert exercise.verdict(answer).misconception == name


@pytest.mark.parametrize(
    ("exercise", "body", "kind", "said"),
    [
        (
            nb12.decoder_block,
            "return states + cross_attention(states)",
            NOT_YET,
            "cross_attention was called with 1 of its arguments; it expects 2",
        ),
        (
            nb12.decoder_block,
            "return self_attention(memory)",
            NOT_YET,
            "self_attention was given states of shape (1, 4, 3); it expects (B, T, D) = (1, 2, 3)",
        ),
        (
            nb12.transformer_logits,
            "return decoder_blocks(target, encoder_blocks(source))",
            NOT_YET,
            "encoder_blocks is a list of blocks: call each block in it, one by one",
        ),
        (
            nb12.transformer_logits,
            "return decoder_norm(target) @ table",
            RAISED,
            "transpose the table, and D meets D",
        ),
        (
            nb12.layer_norm,
            "return (states - states.mean(dim=-1)) * gain + bias",
            RAISED,
            "The mean of each vector needs to keep an axis",
        ),
    ],
    **named,
)
def test_what_does_not_fit_is_said(exercise, body, kind, said):
    head = exercise.stub.partition('    raise NotImplementedError("your turn")')[0]
    verdict = exercise.verdict(define(exercise, f"{head}    {body}\n"))
    assert verdict.kind == kind
    assert said in unwrapped(verdict.message)
