"""The pictures of notebook 05, each held against the model that it draws."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from helpers.explorer import Walk
from helpers.figures.diagrams import Diagram, faults
from helpers.figures.diagrams.products import (
    all_steps,
    attentional_vector,
    follow_all_steps,
    look_then_update,
    score_functions,
    trace_all_steps,
    trace_attentional,
    trace_look_then_update,
    trace_scores,
    trace_update_then_look,
    update_then_look,
)
from helpers.models import AdditiveTranslator, LuongTranslator

SIZES = {
    **{"source": 3, "target": 4, "hidden": 6, "context": 12},
    **{"attention": 7, "embed": 5, "vocab": 13},
}
FED = torch.tensor([1, 4, 5, 6])


def rows(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def luong() -> LuongTranslator:
    return LuongTranslator(11, 13, embed=5, hidden=6).double()


def drawn(name: str) -> tuple[Diagram, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    dot, general, additive = score_functions()
    if name == "dot":
        return dot, trace_scores(rows(6), rows(6))
    if name == "general":
        return general, trace_scores(rows(6), rows(12), W_a=rows(6, 12))
    if name == "additive":
        learnt = {"W": rows(7, 6), "U": rows(7, 12), "v": rows(7)}
        return additive, trace_scores(rows(6), rows(12), **learnt)
    if name == "attentional":
        return attentional_vector(), trace_attentional(rows(6), rows(6), rows(6, 12), rows(13, 6))
    if name == "look first":
        model = AdditiveTranslator(11, 13, embed=5, hidden=6, attention=7).double()
        tensors = trace_look_then_update(model, rows(3, 12), rows(6), FED[:2])
        return look_then_update("a b c"), tensors
    if name == "update first":
        tensors = trace_update_then_look(luong(), rows(3, 6), rows(6), FED[:2])
        return update_then_look("a b c"), tensors
    tensors = trace_all_steps(luong(), rows(3, 6), rows(6), FED)
    return all_steps(list("abc"), list("wxyz"), grids=name == "grids"), tensors


NAMES = (
    "dot",
    "general",
    "additive",
    "attentional",
    "look first",
    "update first",
    "all steps",
    "grids",
)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_drawn_as_it_is_computed(name):
    diagram, tensors = drawn(name)
    assert faults(diagram, tensors, SIZES) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_arrow_is_found(name):
    diagram, tensors = drawn(name)
    bound = {box.name for box in diagram.boxes if box.bound}
    for arrow in diagram.arrows:
        if not {arrow.start, arrow.end} <= bound:
            continue
        fewer = dataclasses.replace(
            diagram, arrows=tuple(other for other in diagram.arrows if other != arrow)
        )
        if (arrow.start, arrow.end) not in fewer.reachable():
            assert faults(fewer, tensors, SIZES), (arrow.start, arrow.end)


def test_the_orders_are_not_exchanged():
    (early, early_tensors), (late, late_tensors) = drawn("look first"), drawn("update first")
    sizes = SIZES | {"context": 6}
    assert "s2 depends on c1, and no arrow leads there" in faults(late, early_tensors, SIZES)
    assert any("lead from c1 to s2" in fault for fault in faults(early, late_tensors, sizes))


def test_all_steps_follows_what_the_model_computes():
    model = luong().eval()
    source = torch.tensor([3, 4, 5])
    known = [f"word {i}" for i in range(13)]
    numbers = follow_all_steps(model, source, FED, list("abc"), list("wxyz"), known)
    memory = model.encode(source[None], torch.tensor([3]))
    vectors, last, weights = model.decode(FED[None], memory.start, memory)
    for name, tensor in (("A", weights[0]), ("V", vectors[0]), ("s4", last[0])):
        found = torch.tensor(numbers.values[name], dtype=torch.float64)
        torch.testing.assert_close(found, tensor, rtol=1e-9, atol=1e-9)
    assert numbers.rows["A"] == list("wxyz") and numbers.columns["A"] == list("abc")
    logits = model.output(vectors)[0]
    shown, places = numbers.columns["O"], torch.tensor(numbers.values["O"]).argmax(dim=-1)
    assert [shown[i] for i in places] == [known[i] for i in logits.argmax(dim=-1)]
    walk = Walk(all_steps(list("abc"), list("wxyz"), grids=True), numbers)
    assert "only the states wait" in walk.state["title"]
