"""Bad input: each slip that a user can make gets a defined result or a message that says it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from helpers.attention import attend, dot, fused_attend, padding_mask, scaled_dot
from helpers.decoding import beam_search, greedy
from helpers.models import (
    AdditiveTranslator,
    AttentionLayer,
    BottleneckTranslator,
    LanguageModel,
    LuongTranslator,
    TransformerTranslator,
)

SEEN = padding_mask(torch.tensor([2, 4]), 4)  # (B, 1, S)
FLOAT = torch.zeros(2, 1, 4).masked_fill(~SEEN, -math.inf)
TRANSLATORS = [AdditiveTranslator, BottleneckTranslator, LuongTranslator, TransformerTranslator]
WORDS = torch.tensor([[3, 4, 5, 6], [7, 8, 0, 0]])
TARGET = torch.tensor([[1, 4, 5], [1, 8, 0]])

translators = pytest.mark.parametrize("kind", TRANSLATORS)


def draw(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def states():
    return [draw(2, 3, 5), draw(2, 4, 5), draw(2, 4, 5)]  # queries, keys, values


@pytest.mark.parametrize("mask", [SEEN, FLOAT], ids=["bool", "float"])
@pytest.mark.parametrize("foul", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "look",
    [
        lambda q, k, v, mask: attend(q, k, v, mask)[0],
        fused_attend,
        lambda q, k, v, mask: AttentionLayer(5)(q, k, v, mask)[0],
        lambda q, k, v, mask: AttentionLayer(5)(q, k, v, mask, need_weights=True)[0],
    ],
    ids=["attend", "fused", "layer", "layer with weights"],
)
def test_what_is_hidden_from_every_query_has_no_effect_even_if_it_is_no_number(look, foul, mask):
    queries, keys, values = states()
    broken = [queries, *(x.clone() for x in (keys, values))]
    for tensor in broken[1:]:
        tensor[0, 2:] = foul
    found = []
    for given in ((queries, keys, values), broken):
        torch.manual_seed(0)  # the layer's weights
        given = [x.clone().requires_grad_() for x in given]
        context = look(*given, mask)
        context.sum().backward()
        found.append((context, *(x.grad for x in given)))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    assert (found[1][2][0, 2:] == 0).all() and (found[1][3][0, 2:] == 0).all()


def test_a_value_that_is_no_number_and_may_be_seen_is_not_covered_up():
    queries, keys, values = states()
    values[1, 3] = math.nan
    assert attend(queries, keys, values, SEEN)[0][1].isnan().all()
    assert attend(queries, keys, values, SEEN)[0][0].isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("need_weights", [True, False])
def test_the_least_number_of_any_dtype_forbids_in_a_layer_of_another(dtype, need_weights):
    layer, x = AttentionLayer(6, heads=2), draw(2, 4, 6)
    mask = torch.zeros(2, 1, 4, dtype=dtype).masked_fill(~SEEN, torch.finfo(dtype).min)
    mask[1] = torch.finfo(dtype).min  # the second sentence may see nothing
    outputs, _ = layer(x, mask=mask, need_weights=need_weights)
    expected, _ = layer(x, mask=SEEN, need_weights=need_weights)
    torch.testing.assert_close(outputs[0], expected[0])
    assert (outputs[1] == 0).all()


@pytest.mark.parametrize("sizes", [(0, 2, 3), (2, 0, 3), (2, 3, 0)], ids=["batch", "T", "S"])
@pytest.mark.parametrize("score", [dot, scaled_dot])
def test_nothing_to_look_at_gives_zeros_and_nobody_who_looks_gives_nothing(sizes, score):
    batch, queries, words = sizes
    given = draw(batch, queries, 4), draw(batch, words, 4), draw(batch, words, 5)
    mask = torch.ones(batch, 1, words, dtype=torch.bool)
    context, weights = attend(*given, mask, score)
    assert weights.shape == sizes and torch.equal(context, torch.zeros(batch, queries, 5))
    assert torch.equal(fused_attend(*given, mask, score is scaled_dot), context)
    assert torch.equal(fused_attend(*given, None, score is scaled_dot), context)


def test_the_mask_of_no_sentences_has_no_rows():
    nobody = torch.tensor([], dtype=torch.long)
    assert padding_mask(nobody).shape == (0, 1, 0) and padding_mask(nobody, 3).shape == (0, 1, 3)


@pytest.mark.parametrize("mask", [SEEN.tolist(), SEEN.numpy()], ids=["list", "numpy"])
def test_a_mask_that_is_no_tensor_is_named(mask):
    layer = AttentionLayer(5)
    for look in (attend, fused_attend, lambda *given: layer(given[0], mask=given[-1])):
        with pytest.raises(TypeError, match=r"the mask is of type \w+; .* torch.tensor\(mask\)"):
            look(*states(), mask)


LENGTHS = [
    ([4, 2], TypeError, r"of type list; .* torch.tensor\(lengths\)"),
    (np.array([4, 2]), TypeError, r"of type ndarray; .* torch.tensor\(lengths\)"),
    (torch.tensor([4.0, 2.0]), TypeError, r"dtype torch.float32; .*lengths.long\(\)"),
    (torch.tensor([[4, 2]]), ValueError, r"shape \(1, 2\); expected \(B,\)"),
    (torch.tensor([4, -1]), ValueError, "go from -1 to 4; expected [01]"),
]


@pytest.mark.parametrize(("lengths", "error", "message"), LENGTHS)
def test_lengths_that_cannot_be_are_named(lengths, error, message):
    with pytest.raises(error, match=message):
        padding_mask(lengths)
    for kind in TRANSLATORS:
        with pytest.raises(error, match=message):
            greedy(kind(9, 9), WORDS, lengths)


@translators
@pytest.mark.parametrize(
    ("source", "lengths", "target", "message"),
    [
        (WORDS, torch.tensor([4, 0]), TARGET, "go from 0 to 4; expected 1 to 4"),
        (WORDS, torch.tensor([4, 5]), TARGET, "go from 4 to 5; expected 1 to 4"),
        (WORDS, torch.tensor([4]), TARGET, r"lengths \(1,\); expected .* one length"),
        (WORDS[:, :0], torch.tensor([0, 0]), TARGET, r"source has shape \(2, 0\).* has a word"),
        (WORDS[0], torch.tensor([4]), TARGET, r"source has shape \(4,\).*unsqueeze\(0\)"),
        (WORDS, torch.tensor([4, 2]), TARGET[:, :0], r"target_in has shape \(2, 0\)"),
    ],
)
def test_sentences_that_cannot_be_are_named(kind, source, lengths, target, message):
    with pytest.raises(ValueError, match=message):
        kind(9, 9)(source, lengths, target)


@translators
def test_words_that_are_no_numbers_of_words_are_named(kind):
    for given in (WORDS.tolist(), WORDS.float()):
        with pytest.raises(TypeError, match="source is of .*vocabulary.encode"):
            kind(9, 9)(given, torch.tensor([4, 2]), TARGET)
    with pytest.raises(TypeError, match="target_in is of list"):
        kind(9, 9)(WORDS, torch.tensor([4, 2]), TARGET.tolist())


@translators
def test_no_sentences_have_no_translation(kind):
    model, nobody = kind(9, 11), torch.tensor([], dtype=torch.long)
    assert model(WORDS[:0], nobody, TARGET[:0]).shape == (0, 3, 11)
    assert greedy(model, WORDS[:0], nobody)[0].shape[0] == 0
    assert beam_search(model, WORDS[:0], nobody, width=2).words.shape[:2] == (0, 2)


def test_words_for_the_language_model_that_are_no_tensor_are_named():
    with pytest.raises(TypeError, match=r"of type list; .*torch.tensor\(words\)"):
        LanguageModel(9)([[1, 4]])
