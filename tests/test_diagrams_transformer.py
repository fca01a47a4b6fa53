"""The pictures of notebook 12, each held against the model that it draws."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from helpers.figures.diagrams import Diagram, faults
from helpers.figures.diagrams.transformer import (
    encoder_block,
    follow_transformer,
    stream,
    trace_encoder_block,
    trace_stream,
    trace_transformer,
    transformer,
)
from helpers.models import EncoderBlock, TransformerTranslator

SIZES = {"source": 4, "target": 3, "d_model": 6, "vocab": 13}
SOURCE, FED = torch.tensor([3, 4, 5, 6]), torch.tensor([1, 4, 5])
FRENCH = ["<pad>", "<start>", "<end>", *"abcdefghij"]


def model(layers: int = 1) -> TransformerTranslator:
    torch.manual_seed(0)
    return TransformerTranslator(11, 13, width=6, heads=2, layers=layers, mlp=9).double()


def drawn(name: str) -> tuple[Diagram, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    states = torch.randn(4, 6, dtype=torch.float64)
    if name == "whole":
        return transformer(list("abcd")), trace_transformer(model(), SOURCE, FED)[0]
    if name in ("pre", "post"):
        block = EncoderBlock(6, 2, 9, norm=name).double()
        return encoder_block(name), trace_encoder_block(block, states)
    layers = [nn.Linear(6, 6).double() for _ in range(3)]
    return stream(3, name == "adds"), trace_stream(layers, states, name == "adds")


NAMES = ("whole", "pre", "post", "adds", "replaces")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_drawn_as_it_is_computed(name):
    diagram, tensors = drawn(name)
    assert faults(diagram, tensors, SIZES) == []


@pytest.mark.parametrize(
    ("name", "cut", "said"),
    [
        ("whole", ("memory", "m2"), "m2 depends on memory, and no arrow leads there"),
        ("whole", ("ds0", "dn1"), "dback depends on dn1"),
        ("pre", ("look", "s1"), "s1 depends on look, and no arrow leads there"),
        ("post", ("s0", "look"), "look depends on s0, and no arrow leads there"),
        ("adds", ("f2", "x2"), "x2 depends on f2, and no arrow leads there"),
    ],
)
def test_a_wrong_arrow_is_found(name, cut, said):
    diagram, tensors = drawn(name)
    if cut == ("ds0", "dn1"):  # turned round instead
        turned = [
            dataclasses.replace(a, start="dback", end="dn1")
            if (a.start, a.end) == ("dn1", "dback")
            else a
            for a in diagram.arrows
        ]
    else:
        turned = [a for a in diagram.arrows if (a.start, a.end) != cut]
        assert len(turned) == len(diagram.arrows) - 1
    wrong = dataclasses.replace(diagram, arrows=tuple(turned))
    assert any(said in fault for fault in faults(wrong, tensors, SIZES))


def test_the_picture_of_one_norm_does_not_fit_the_other():
    pre, post = drawn("pre")[0], drawn("post")[1]
    assert faults(pre, post, SIZES)


def test_the_trace_is_the_models_own_pass():
    whole = model()
    parts, weights = trace_transformer(whole, SOURCE, FED)
    expected = whole(SOURCE[None], torch.tensor([4]), FED[None])[0]
    torch.testing.assert_close(parts["logits"], expected, rtol=1e-10, atol=1e-10)
    maps = whole.maps(SOURCE[None], torch.tensor([4]), FED[None])
    torch.testing.assert_close(weights, maps.cross[0, 0].mean(dim=0))


def test_following_writes_what_the_model_writes():
    found = follow_transformer(model(), SOURCE, FRENCH, longest=4)
    assert 1 <= len(found) <= 4
    first = found[0]
    assert first.words["said"] == "<start>"
    assert sum(first.weights.values()) == pytest.approx(1)
    parts, _ = trace_transformer(model(), SOURCE, torch.tensor([1]))
    assert first.name == FRENCH[int(parts["logits"][-1].argmax())]
    assert first.values["es1"] == pytest.approx(parts["es1"][0].tolist())
    assert len(first.values["logits"]) == 8
    for one, other in zip(found, found[1:], strict=False):
        assert other.words["said"] == one.name


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="the model has 2"):
        trace_transformer(model(layers=2), SOURCE, FED)
    with pytest.raises(ValueError, match="norm is 'none'"):
        encoder_block("none")
