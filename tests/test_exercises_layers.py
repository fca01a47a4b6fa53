"""Notebooks 08 to 11: the exercises' answers are the course's layers and PyTorch's own."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers.attention import attend, padding_mask, scaled_dot
from helpers.attention import causal_mask as course_causal_mask
from helpers.exercises import nb02, nb05, nb08, nb09, nb10, nb11
from helpers.exercises.engine import CORRECT, NOT_YET, RAISED, SLOW
from helpers.exercises.inputs import Dice
from helpers.models.attention_layer import AttentionLayer
from helpers.models.attention_layer import merge_heads as course_merge_heads
from helpers.models.attention_layer import split_heads as course_split_heads
from helpers.models.positions import sinusoidal_positions as course_positions
from tests.exercise_tools import unwrapped

close = {"rtol": 1e-10, "atol": 1e-10}
named = {"ids": lambda value: getattr(value, "name", "answer")}


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


@pytest.mark.parametrize(("b", "t", "s", "k", "v"), [(1, 2, 3, 4, 5), (3, 5, 4, 2, 7)])
def test_attention_outputs_are_scaled_dot_product_attention(b, t, s, k, v):
    queries, keys, values = numbers(b, t, k), numbers(b, s, k), numbers(b, s, v)
    outputs, weights = nb08.attention_outputs.reference(queries, keys, values)
    own = F.scaled_dot_product_attention(queries, keys, values)
    torch.testing.assert_close(outputs, own, **close)
    torch.testing.assert_close(weights, attend(queries, keys, values, score=scaled_dot)[1], **close)
    lengths = torch.arange(b) % s + 1
    masked = nb08.masked_outputs.reference(scaled_dot(queries, keys), values, lengths)
    own = F.scaled_dot_product_attention(
        queries, keys, values, attn_mask=padding_mask(lengths, size=s)
    )
    torch.testing.assert_close(masked, own, **close)


def test_soft_lookup_becomes_an_exact_one():
    query, keys, values = numbers(4), numbers(6, 4), numbers(6, 3)
    best = values[(keys @ query).argmax()]
    found = nb08.soft_lookup.reference(query, keys, values, 1e-6)
    assert torch.equal(found, best)
    found = nb08.soft_lookup.reference(query, keys, values, 1e9)
    torch.testing.assert_close(found, values.mean(dim=0), rtol=0, atol=1e-6)


def test_cross_attention_is_the_courses_layer():
    layer = AttentionLayer(6, key_width=4).double()
    layer.output = nn.Identity()
    targets, sources = numbers(2, 3, 6), numbers(2, 5, 6)
    weights = [part.weight.T for part in (layer.query, layer.key, layer.value)]
    outputs = nb08.cross_attention.reference(targets, sources, *weights)
    torch.testing.assert_close(outputs, layer(targets, sources)[0], **close)


def test_general_score_is_a_scaled_dot_product():
    states, encoded, weight = numbers(2, 3, 4), numbers(2, 6, 5), numbers(4, 5)
    query_weight, key_weight = nb08.general_as_qkv.reference(weight)
    scores = scaled_dot(states @ query_weight, encoded @ key_weight)
    expected = nb05.general_scores.reference(states, encoded, weight)
    torch.testing.assert_close(scores, expected, **close)


def test_put_back_undoes_the_shuffle_that_self_attention_does_not_see():
    states, order = numbers(2, 7, 4), torch.randperm(7)
    weights = [numbers(4, width) for width in (3, 3, 5)]
    outputs, _ = nb09.self_attention.reference(states, *weights)
    shuffled, _ = nb09.self_attention.reference(states[:, order], *weights)
    torch.testing.assert_close(nb09.put_back.reference(shuffled, order), outputs, **close)


def test_positions_are_the_courses_and_turn():
    encoding = nb09.sinusoidal_positions.reference(60, 16)
    torch.testing.assert_close(encoding, course_positions(60, 16), rtol=0, atol=1e-6)
    for shift in (1, 13):
        turned = nb09.rotate_positions.reference(encoding[: 60 - shift], shift)
        torch.testing.assert_close(turned, encoding[shift:], rtol=0, atol=1e-5)
        back = nb09.rotate_positions.reference(turned, -shift)
        torch.testing.assert_close(back, encoding[: 60 - shift], rtol=0, atol=1e-5)


def test_masks_are_the_courses():
    lengths = torch.tensor([2, 5, 3])
    assert torch.equal(nb10.causal_mask.reference(5), course_causal_mask(5))
    expected = padding_mask(lengths, 5) & course_causal_mask(5)
    assert torch.equal(nb10.combine_masks.reference(lengths, 5), expected)


def test_language_model_loss_is_02s_with_a_shift():
    logits = numbers(2, 4, 6)
    words = torch.tensor([[1, 3, 5, 2], [1, 2, 0, 0]])
    loss = nb10.language_model_loss.reference(logits, words)
    expected = nb02.masked_loss.reference(logits[:, :-1], words[:, 1:])
    torch.testing.assert_close(loss, expected, **close)


def test_temperature_makes_bold_or_timid_and_k_of_one_is_greedy():
    logits = numbers(3, 8)
    sharp, plain, flat = (
        nb10.next_word_probabilities.reference(logits, temperature, 5).amax(dim=-1)
        for temperature in (0.5, 1.0, 2.0)
    )
    assert (sharp > plain).all() and (plain > flat).all()
    greedy = nb10.next_word_probabilities.reference(logits, 0.7, 1)
    assert torch.equal(greedy.argmax(dim=-1), logits.argmax(dim=-1))
    assert torch.equal(greedy.sum(dim=-1), torch.ones(3).double())


@pytest.mark.parametrize(("b", "t", "a", "p"), [(1, 2, 3, 4), (3, 5, 4, 2)])
def test_multi_head_attention_is_pytorchs_and_the_courses(b, t, a, p):
    width = a * p
    theirs = nn.MultiheadAttention(width, a, bias=False, batch_first=True, dtype=torch.float64)
    states = numbers(b, t, width)
    matrices = [*(part.T for part in theirs.in_proj_weight.chunk(3)), theirs.out_proj.weight.T]
    outputs, weights = nb11.multi_head_attention.reference(states, *matrices, a)
    own = theirs(states, states, states, average_attn_weights=False)
    torch.testing.assert_close(outputs, own[0], **close)
    torch.testing.assert_close(weights, own[1], **close)
    layer = AttentionLayer(width, a).double().load_torch(theirs)
    torch.testing.assert_close(outputs, layer(states)[0], **close)
    parts = nb11.split_heads.reference(states, a)
    assert torch.equal(parts, course_split_heads(states, a))
    assert torch.equal(nb11.merge_heads.reference(parts), course_merge_heads(parts))
    assert torch.equal(nb11.merge_heads.reference(parts), states)


def test_without_head_is_the_layer_with_those_columns_of_its_output_at_zero():
    layer, states = AttentionLayer(6, 3).double(), numbers(2, 5, 6)
    values = layer.project(states).values
    mixed = layer(states, need_weights=True)[1] @ values
    full, _ = layer(states)
    outputs = [
        nb11.without_head.reference(mixed, layer.output.weight.T, head) for head in (1, 2, 3)
    ]
    torch.testing.assert_close(sum(full - each for each in outputs), full, **close)
    with torch.no_grad():
        layer.output.weight[:, 2:4] = 0.0
    torch.testing.assert_close(outputs[1], layer(states)[0], **close)


@pytest.mark.parametrize("heads", [1, 2, 6])
def test_more_heads_are_not_more_parameters(heads):
    layer, states = AttentionLayer(12, heads), torch.randn(1, 5, 12)
    parameters, weights = nb11.head_parameters.reference(12, heads, 5)
    assert parameters == sum(p.numel() for p in layer.parameters()) == 576
    assert weights == layer(states, need_weights=True)[1].numel()


def by_einsum(queries, keys, values):
    scores = torch.einsum("btk,bsk->bts", queries, keys) / math.sqrt(keys.size(2))
    powers = (scores - scores.amax(2, keepdim=True)).exp()
    weights = powers / powers.sum(2, keepdim=True)
    return torch.einsum("bts,bsv->btv", weights, values), weights


def by_the_kernel(scores, values, lengths):
    mask = torch.arange(scores.size(2)) < lengths.view(-1, 1, 1)
    weights = scores.masked_fill(~mask, -math.inf).softmax(-1)
    return torch.where(lengths.view(-1, 1, 1) > 0, weights, 0.0) @ values


def by_slices(length, width):
    encoding = torch.zeros(length, width)
    frequencies = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    encoding[:, 0::2] = torch.sin(torch.arange(length)[:, None] * frequencies)
    encoding[:, 1::2] = torch.cos(torch.arange(length)[:, None] * frequencies)
    return encoding


def by_complex_numbers(encoding, shift):
    pairs = torch.complex(encoding[:, 1::2], encoding[:, 0::2])  # cos + i sin
    turn = shift * 10_000 ** (-torch.arange(0, encoding.size(1), 2) / encoding.size(1))
    turned = pairs * torch.polar(torch.ones_like(turn), turn)
    return torch.stack([turned.imag, turned.real], dim=-1).flatten(1)


def by_assignment(outputs, order):
    restored = torch.empty_like(outputs)
    restored[:, order] = outputs
    return restored


def sorted_and_cut(logits, temperature, k):
    least = logits.sort(descending=True).values[:, :k][:, -1:]
    largest = logits.amax(dim=1, keepdim=True)
    parts = torch.where(logits >= least, ((logits - largest) / temperature).exp(), 0.0)
    return parts / parts.sum(dim=1, keepdim=True)


def in_one_tensor(model, choose, prompt, longest, end=2):
    words = torch.tensor([prompt])
    for _ in range(longest):
        word = choose(model(words)[0, -1])
        if word == end:
            break
        words = torch.cat([words, torch.tensor([[word]])], dim=1)
    return words[0, len(prompt) :].tolist()


def by_chunks(states, heads):
    return torch.stack(states.chunk(heads, dim=-1), dim=1)


def head_by_head(x, w_q, w_k, w_v, w_o, heads):
    parts = [by_chunks(x @ weight, heads) for weight in (w_q, w_k, w_v)]
    found = [by_einsum(*(part[:, a] for part in parts)) for a in range(heads)]
    return torch.cat([f[0] for f in found], -1) @ w_o, torch.stack([f[1] for f in found], 1)


def rows_zeroed(mixed, output_weight, head):
    weight, size = output_weight.clone(), mixed.size(3)
    weight[(head - 1) * size : head * size] = 0.0
    return mixed.movedim(1, 2).flatten(2) @ weight


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        (nb08.soft_lookup, lambda q, k, v, c: (v.T * ((k * q).sum(1) / c).softmax(0)).sum(1)),
        (nb08.project, lambda x, *weights: [torch.einsum("bsd,dk->bsk", x, w) for w in weights]),
        (nb08.attention_outputs, by_einsum),
        (nb08.masked_outputs, by_the_kernel),
        (
            nb08.cross_attention,
            lambda y, x, a, b, c: F.scaled_dot_product_attention(y @ a, x @ b, x @ c),
        ),
        (nb08.general_as_qkv, lambda w: (math.sqrt(len(w.T)) * w, torch.eye(len(w.T)))),
        (
            nb09.self_attention,
            lambda x, a, b, c: nb08.attention_outputs.reference(x @ a, x @ b, x @ c),
        ),
        (nb09.put_back, by_assignment),
        (nb09.sinusoidal_positions, by_slices),
        (nb09.rotate_positions, by_complex_numbers),
        (nb09.layers_to_meet, lambda n, k: (n, -(-2 * n // (k - 1)), 1)),
        (nb10.causal_mask, lambda n: ~torch.triu(torch.ones(n, n), 1).bool()),
        (nb10.causal_mask, lambda n: torch.arange(n) <= torch.arange(n)[:, None]),
        (nb10.combine_masks, lambda n, t: padding_mask(n, t) & course_causal_mask(t)),
        (
            nb10.language_model_loss,
            lambda x, y: F.cross_entropy(x[:, :-1].mT, y[:, 1:], ignore_index=0),
        ),
        (nb10.next_word_probabilities, sorted_and_cut),
        (nb10.generate, in_one_tensor),
        (nb11.split_heads, by_chunks),
        (nb11.split_heads, lambda x, a: torch.einsum("btap->batp", x.unflatten(2, (a, -1)))),
        (nb11.merge_heads, lambda parts: torch.cat(list(parts.unbind(1)), dim=-1)),
        (nb11.multi_head_attention, head_by_head),
        (nb11.without_head, rows_zeroed),
        (nb11.head_parameters, lambda d, a, t: (4 * d**2, a * t**2)),
    ],
    **named,
)
def test_other_right_ways_are_right(exercise, answer):
    assert exercise.verdict(answer).kind in (CORRECT, SLOW)


def paper_formula_in_float32(length, width):
    angles = torch.arange(length)[:, None] / 10_000 ** (torch.arange(width) / width)
    angles[:, 0::2], angles[:, 1::2] = angles[:, 0::2].sin(), angles[:, 1::2].cos()
    return angles


def reshaped_and_transposed_back(x, w_q, w_k, w_v, w_o, heads):
    q, k, v = ((x @ w).view(len(x), heads, x.size(1), -1) for w in (w_q, w_k, w_v))
    mixed, weights = by_einsum(*(part.flatten(0, 1) for part in (q, k, v)))
    mixed = mixed.unflatten(0, (-1, heads)).transpose(1, 2).flatten(2)
    return mixed @ w_o, weights.unflatten(0, (-1, heads))


@pytest.mark.parametrize(
    ("exercise", "answer", "name"),
    [
        (
            nb08.attention_outputs,
            lambda q, k, v: ((a := (q @ k.mT / k.size(2)).softmax(2)) @ v, a),
            "by_width",
        ),
        (
            nb08.masked_outputs,
            lambda e, v, n: e.softmax(2) @ (v * padding_mask(n, v.size(1)).mT),
            "mask_after",
        ),
        (
            nb08.cross_attention,
            lambda y, x, a, b, c: F.scaled_dot_product_attention(x @ a, y @ b, y @ c),
            "queries_from_encoder",
        ),
        (nb09.put_back, lambda x, order: x.index_select(1, order), "shuffled_again"),
        (nb09.sinusoidal_positions, paper_formula_in_float32, "each_column_its_own"),
        (nb10.causal_mask, lambda n: torch.arange(n) >= torch.arange(n)[:, None], "looking_ahead"),
        (
            nb10.language_model_loss,
            lambda x, y: F.cross_entropy(x.mT, y, ignore_index=0),
            "not_shifted",
        ),
        (
            nb10.next_word_probabilities,
            lambda x, t, k: (
                (x / t).softmax(1) * (x >= x.sort(1).values[:, -min(k, x.size(1))][:, None])
            ),
            "not_renormalised",
        ),
        (nb11.split_heads, lambda x, a: x.view(len(x), a, x.size(1), -1), "reshaped_at_once"),
        (nb11.merge_heads, lambda x: x.view(len(x), x.size(2), -1), "reshaped_at_once"),
        (nb11.multi_head_attention, reshaped_and_transposed_back, "split_at_once"),
        (nb11.head_parameters, lambda d, a, t: (a * 4 * d * d, a * t * t), "times_heads"),
    ],
    **named,
)
def test_slip_in_other_words_is_known_too(exercise, answer, name):
    assert exercise.verdict(answer).misconception == name


@pytest.mark.parametrize(
    ("exercise", "answer", "message"),
    [
        (
            nb10.generate,
            lambda model, choose, prompt, longest, end=2: [choose(model(torch.tensor(prompt)))],
            "model was given (2,); it expects ids (1, t), a batch of one.",
        ),
        (
            nb10.generate,
            lambda model, choose, prompt, longest, end=2: [
                choose(model(torch.tensor([prompt]))[:, -1])
            ],
            "choose was given (1, 5); it expects the logits of one position, (V,) = (5,).",
        ),
    ],
)
def test_toys_say_what_they_expect(exercise, answer, message):
    verdict = exercise.verdict(answer)
    assert verdict.kind == NOT_YET
    assert message in unwrapped(verdict.message)


def test_model_is_asked_once_for_each_word():
    def asked_twice(model, choose, prompt, longest, end=2):
        model(torch.tensor([prompt]))
        return nb10.generate.reference(model, choose, prompt, longest, end)

    verdict = nb10.generate.verdict(asked_twice)
    assert "not the number of calls: model 4, choose 3. Needed: model 3" in unwrapped(
        verdict.message
    )


def test_k_above_the_vocabulary_is_met():
    def without_min(logits, temperature, k):
        least = logits.topk(k, dim=-1).values[:, -1:]
        return torch.softmax(logits.masked_fill(logits < least, -math.inf) / temperature, dim=-1)

    verdict = nb10.next_word_probabilities.verdict(without_min)
    assert verdict.kind == RAISED
    assert "k = 9" in verdict.details


@pytest.mark.parametrize("seed", [2014, 1, 2, 3])
def test_inputs_leave_room_for_slips_to_show(seed):
    """A softmax is neither flat nor a hard choice, and an order is not its own way back."""
    for queries, keys, _ in nb08.attention_outputs.cases(Dice(seed)):
        if keys.size(1) > 1 and queries.abs().max() < 10:  # but for the scores in the thousands
            weights = torch.softmax(scaled_dot(queries, keys), dim=-1)
            assert weights.amax(dim=-1).mean() < 0.95
            assert weights.amax(dim=-1).mean() > 1.1 / keys.size(1)
    for _, order in nb09.put_back.cases(Dice(seed)):
        assert not torch.equal(order[order], torch.arange(len(order)))
