"""The picture of notebook 11, held against the layer that it draws."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from helpers.exercises import nb11
from helpers.figures.diagrams import Arrow, faults
from helpers.figures.diagrams.heads import follow_two_heads, trace_two_heads, two_heads
from helpers.figures.diagrams.spec import check_numbers

WORDS = ("the", "black", "cat")
SIZES = {"words": 3, "d_model": 8, "d_k": 4}


def layer_and_vectors():
    torch.manual_seed(0)
    layer = nb11.MultiHeadAttention.reference(8, 2).double()
    return layer, torch.randn(3, 8, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("grids", [False, True])
def test_the_layer_is_drawn_as_it_is_computed(grids):
    assert faults(two_heads(WORDS, grids), trace_two_heads(*layer_and_vectors()), SIZES) == []


@pytest.mark.parametrize("wrong", [("Q1", "A2"), ("V1", "A1"), ("Y1", "Y2"), ("X", "W_O")])
def test_a_wrong_arrow_is_found(wrong):
    diagram = two_heads(WORDS)
    more = dataclasses.replace(diagram, arrows=(*diagram.arrows, Arrow(*wrong)))
    assert faults(more, trace_two_heads(*layer_and_vectors()), SIZES)


@pytest.mark.parametrize("left_out", [("K", "K2"), ("V1", "Y1"), ("Y2", "Y"), ("W_O", "O")])
def test_a_missing_arrow_is_found(left_out):
    diagram = two_heads(WORDS)
    ways = tuple(a for a in diagram.arrows if (a.start, a.end) != left_out)
    fewer = dataclasses.replace(diagram, arrows=ways)
    assert faults(fewer, trace_two_heads(*layer_and_vectors()), SIZES)


def test_the_walk_shows_what_the_learners_layer_computes():
    layer, vectors = layer_and_vectors()
    numbers = follow_two_heads(layer, vectors, WORDS)
    check_numbers(two_heads(WORDS, grids=True), [numbers])
    outputs, weights = layer(vectors[None], vectors[None], vectors[None])
    for name, expected in (("O", outputs[0]), ("A1", weights[0, 0]), ("A2", weights[0, 1])):
        found = torch.tensor(numbers.values[name], dtype=torch.float64)
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    assert numbers.columns["Q"] == ["1"] * 4 + ["2"] * 4
    assert numbers.values["Q2"] == [row[4:] for row in numbers.values["Q"]]
