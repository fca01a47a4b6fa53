"""The picture of one pass under a causal mask, held against the layer that it draws."""

from __future__ import annotations

import dataclasses

import torch

from helpers.figures.diagrams import Arrow, faults, picture
from helpers.figures.diagrams.causal import one_pass, trace_one_pass
from helpers.models import AttentionLayer

WORDS = ["<start>", "le", "chat", "dort", "<end>"]
SIZES = {"d_model": 6}


def tensors():
    torch.manual_seed(0)
    vectors = torch.randn(len(WORDS) - 1, 6, dtype=torch.float64, requires_grad=True)
    return trace_one_pass(AttentionLayer(6).double(), vectors)


def test_it_is_drawn_as_it_is_computed():
    assert faults(one_pass(WORDS), tensors(), SIZES) == []


def test_an_arrow_from_the_future_or_a_missing_one_is_found():
    diagram = one_pass(WORDS)
    leaking = dataclasses.replace(diagram, arrows=(*diagram.arrows, Arrow("x3", "y1")))
    assert faults(leaking, tensors(), SIZES)
    fewer = tuple(a for a in diagram.arrows if (a.start, a.end) != ("x0", "y2"))
    assert faults(dataclasses.replace(diagram, arrows=fewer), tensors(), SIZES)


def test_each_position_is_asked_for_the_next_word():
    diagram = one_pass(WORDS)
    assert [diagram.box(f"z{t}").label for t in range(4)] == WORDS[1:]
    assert len(diagram.stages) == 4
    picture(diagram, None, 2)
