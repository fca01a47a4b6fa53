"""The pictures of notebook 08, each held against the layer that it draws."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from helpers.exercises import nb08
from helpers.figures.diagrams import Arrow, faults
from helpers.figures.diagrams.lookups import (
    attention_layer,
    follow_attention_layer,
    trace_attention_layer,
)

SIZES = {"target": 2, "source": 4, "d_q": 5, "d_m": 6, "d_k": 3, "d_v": 7}
MASK = torch.tensor([[True, True, True, True], [True, False, True, True]])


def layer_and_inputs():
    torch.manual_seed(0)
    layer = nb08.AttentionLayer.reference(5, 6, 3, 7).double()
    given = (
        torch.randn(n, d, dtype=torch.float64, requires_grad=True) for n, d in ((2, 5), (4, 6))
    )
    return layer, *given


def tensors():
    return trace_attention_layer(*layer_and_inputs(), MASK)


def test_the_layer_is_drawn_as_it_is_computed():
    assert faults(attention_layer("a b", "c d e f"), tensors(), SIZES) == []


@pytest.mark.parametrize("wrong", [Arrow("X_q", "K"), Arrow("V", "E"), Arrow("K", "V")])
def test_a_wrong_arrow_is_found(wrong):
    diagram = attention_layer("a b", "c d e f")
    more = dataclasses.replace(diagram, arrows=(*diagram.arrows, wrong))
    assert faults(more, tensors(), SIZES)


@pytest.mark.parametrize("left_out", [("V", "Y"), ("W_K", "K"), ("Q", "E"), ("X_k", "V")])
def test_a_missing_arrow_is_found(left_out):
    diagram = attention_layer("a b", "c d e f")
    ways = tuple(a for a in diagram.arrows if (a.start, a.end) != left_out)
    assert faults(dataclasses.replace(diagram, arrows=ways), tensors(), SIZES)


def test_the_walk_shows_what_the_learners_layer_computes():
    layer, asking, memory = layer_and_inputs()
    numbers = follow_attention_layer(layer, asking, memory, MASK)
    outputs, weights = layer(asking[None], memory[None], MASK[None])
    for name, expected in (("Y", outputs[0]), ("A", weights[0])):
        found = torch.tensor(numbers.values[name], dtype=torch.float64)
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    assert numbers.values["A"][1][1] == 0
