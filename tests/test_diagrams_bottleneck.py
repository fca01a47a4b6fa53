"""The pictures of notebook 03, each held against the model that it draws."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from helpers.analysis import PositionReader
from helpers.figures.diagrams import Diagram, faults
from helpers.figures.diagrams.bottleneck import (
    follow_funnel,
    funnel,
    position_reader,
    reading_orders,
    trace_funnel,
    trace_position_reader,
    trace_reading_orders,
    trace_two_contexts,
    two_contexts,
)
from helpers.models import BottleneckTranslator

SIZES = {"embed": 3, "hidden": 6, "half": 4, "vocab": 13, "fed": 2}
SOURCE, FED = torch.tensor([3, 4, 5, 6]), torch.tensor([1, 4, 5])


def translator() -> BottleneckTranslator:
    torch.manual_seed(0)
    return BottleneckTranslator(11, 13, embed=3, hidden=6).double()


def layer(hidden: int, bidirectional: bool = False) -> nn.GRU:
    return nn.GRU(3, hidden, batch_first=True, bidirectional=bidirectional).double()


def drawn(name: str) -> tuple[Diagram, dict[str, torch.Tensor]]:
    model = translator()
    if name == "funnel":
        return funnel(list("abcd"), list("xyz")), trace_funnel(model, SOURCE, FED)
    if name == "probe":
        probe = PositionReader(13, 4, embed=3, hidden=6).double()
        return position_reader(list("abcd")), trace_position_reader(probe, SOURCE)
    if name == "contexts":
        tensors = trace_two_contexts(model, SOURCE, SOURCE.flip(0)[:3], FED[:2])
        return two_contexts("a b c d", "d c b", "x", "y"), tensors
    inputs = torch.randn(4, 3, dtype=torch.float64)
    layers = layer(6), layer(6), layer(4, bidirectional=True)
    return reading_orders(list("abcd")), trace_reading_orders(inputs, *layers)


NAMES = ("funnel", "probe", "contexts", "orders")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_drawn_as_it_is_computed(name):
    diagram, tensors = drawn(name)
    assert faults(diagram, tensors, SIZES) == []


@pytest.mark.parametrize("name", NAMES)
def test_any_arrow_turned_round_is_found(name):
    diagram, tensors = drawn(name)
    bound = {box.name for box in diagram.boxes if box.bound}
    for place, arrow in enumerate(diagram.arrows):
        if arrow.choice or arrow.start not in bound:
            continue  # words are no tensors
        turned = dataclasses.replace(arrow, start=arrow.end, end=arrow.start)
        rest = diagram.arrows[:place] + diagram.arrows[place + 1 :]
        wrong = dataclasses.replace(diagram, arrows=(*rest, turned))
        assert faults(wrong, tensors, SIZES), arrow


def test_a_decoder_that_sees_the_other_context_too_is_found():
    diagram, tensors = drawn("contexts")
    (leak,) = [a for a in diagram.arrows if (a.start, a.end) == ("c'", "s'")]
    leak = dataclasses.replace(leak, end="s")
    wrong = dataclasses.replace(diagram, arrows=(*diagram.arrows, leak))
    assert "arrows lead from c' to s, which does not depend on it" in faults(wrong, tensors, SIZES)


def test_the_traces_are_the_models():
    model = translator()
    parts = trace_funnel(model, SOURCE, FED)
    lengths = torch.tensor([4])
    torch.testing.assert_close(parts["c"], model.encode(SOURCE[None], lengths)[0])
    states, _ = model.encoder.gru(model.encoder.embedding(SOURCE)[None])
    torch.testing.assert_close(torch.stack([parts[f"h{i}"] for i in (1, 2, 3, 4)]), states[0])
    states = torch.stack([parts[f"s{t}"] for t in (1, 2, 3)])
    torch.testing.assert_close(model.output(states), model(SOURCE[None], lengths, FED[None])[0])
    numbers = follow_funnel(model, SOURCE, FED)
    assert numbers.values["c"] == parts["c"].tolist()
    probe = PositionReader(13, 4, embed=3, hidden=6).double()
    read = trace_position_reader(probe, SOURCE)
    torch.testing.assert_close(
        torch.stack([read[f"r{i}"] for i in (1, 2, 3, 4)]), probe(SOURCE[None])[0]
    )
    both = trace_two_contexts(model, SOURCE, SOURCE[:2], FED)
    right = model(SOURCE[None], lengths, FED[None])[0, -1]
    torch.testing.assert_close(both["logits"], right)
    assert not torch.allclose(both["logits'"], right)


def test_the_orders_of_reading_are_pytorchs():
    torch.manual_seed(1)
    inputs = torch.randn(5, 3, dtype=torch.float64)
    left, right, both = layer(6), layer(6), layer(4, bidirectional=True)
    parts = trace_reading_orders(inputs, left, right, both)
    torch.testing.assert_close(parts["lc"], left(inputs[None])[1][0, 0])
    torch.testing.assert_close(parts["rc"], right(inputs.flip(0)[None])[1][0, 0])
    torch.testing.assert_close(parts["bc"], both(inputs[None])[1][:, 0].flatten())
