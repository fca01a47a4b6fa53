"""The pictures of notebook 06, each held against the model or the count that it draws."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from helpers import metrics
from helpers.attention import masked_softmax
from helpers.exercises import REGISTRY
from helpers.figures.diagrams import Diagram, faults
from helpers.figures.diagrams.contexts import (
    TWINS,
    follow_two_ways,
    trace_twin_step,
    trace_two_ways,
    twin_step,
    two_ways,
)
from helpers.figures.diagrams.maps import (
    changed_weights,
    follow_largest_masked,
    largest_masked,
    link_sets,
    six_changes,
    trace_largest_masked,
)
from helpers.models import LuongTranslator

SIZES = {"hidden": 6, "vocab": 13}
SOURCE, START = torch.tensor([3, 4, 5, 6]), torch.tensor([1])
ROW = torch.tensor([0.125, 0.5, 0.25, 0.125], dtype=torch.float64)


def translator(context: str = "attention", bidirectional: bool = True) -> LuongTranslator:
    torch.manual_seed(0)
    sizes = {"embed": 3, "hidden": 6, "bidirectional": bidirectional}
    return LuongTranslator(11, 13, context=context, **sizes).double()


def drawn(name: str) -> tuple[Diagram, dict[str, torch.Tensor]]:
    words = list("abcd")
    if name == "two ways":
        return two_ways(words), trace_two_ways(translator(bidirectional=False), SOURCE, START)
    if name == "masked":
        return largest_masked(words, 1), trace_largest_masked(ROW)
    return twin_step(words, name), trace_twin_step(translator(name), SOURCE, START)


NAMES = (*TWINS, "two ways", "masked")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_drawn_as_it_is_computed(name: str) -> None:
    assert faults(*drawn(name), SIZES) == []


@pytest.mark.parametrize("name", NAMES)
def test_any_arrow_turned_round_is_found(name: str) -> None:
    diagram, tensors = drawn(name)
    bound = {box.name for box in diagram.boxes if box.bound}
    for place, arrow in enumerate(diagram.arrows):
        if arrow.start not in bound:
            continue  # words are no tensors
        turned = dataclasses.replace(arrow, start=arrow.end, end=arrow.start)
        rest = diagram.arrows[:place] + diagram.arrows[place + 1 :]
        wrong = dataclasses.replace(diagram, arrows=(*rest, turned))
        assert faults(wrong, tensors, SIZES), arrow


def test_a_twin_drawn_as_another_is_found() -> None:
    """The mean has no use for the decoder's state, so attention's picture lies about it."""
    _, tensors = drawn("mean")
    diagram, _ = drawn("attention")
    assert faults(diagram, tensors, SIZES) == [
        "arrows lead from s to c, which does not depend on it",
        "arrows lead from before to c, which does not depend on it",
    ]


@pytest.mark.parametrize("context", TWINS)
def test_the_step_is_the_models(context: str) -> None:
    model = translator(context)
    memory = model.encode(SOURCE[None], torch.tensor([4]))
    expected, _, _ = model.step(START, model.start(memory), memory)
    parts = trace_twin_step(model, SOURCE, START)
    torch.testing.assert_close(parts["logits"], expected[0])


def test_the_two_ways_are_the_models_and_their_sizes_its_gradients() -> None:
    model = translator(bidirectional=False)
    memory = model.encode(SOURCE[None], torch.tensor([4]))
    expected, _, weights = model.step(START, model.start(memory), memory)
    first, *_, last = weights[0].tolist()
    parts = trace_two_ways(model, SOURCE, START)
    torch.testing.assert_close(parts["logits"], expected[0])
    torch.manual_seed(3)
    sizes = follow_two_ways(model, SOURCE, START).words
    ratio = float(sizes["sum1"]) / float(sizes["sum4"])
    assert ratio == pytest.approx(first / last, rel=0.1)
    # The chain alone: with the context held still, the gradient by h_1 of the same direction.
    torch.manual_seed(3)
    given = parts["c"].detach()
    scores = model.output(model.attentional(torch.cat([given, parts["s"]])))
    (chain,) = torch.autograd.grad(scores @ torch.randn_like(scores), parts["h1"])
    assert float(sizes["chain1"]) == pytest.approx(float(chain.norm()), rel=0.1)


def test_the_links_are_counted_as_the_metric_counts_them() -> None:
    found, sure, possible = {(0, 0), (1, 1), (1, 2)}, {(0, 0), (2, 2)}, {(0, 0), (2, 2), (1, 1)}
    diagram = link_sets(list("abc"), list("xyz"), found, sure, possible)
    error = metrics.alignment_error_rate([found], [sure], [possible])
    assert diagram.stages[-1].text.endswith(f"(1 + 2) / (3 + 2) = {error:.2f}.")
    labels = {box.name: box.label for box in diagram.boxes}
    assert labels["0 0"] == "A, S" and labels["1 1"] == "A, P" and labels["1 2"] == "A"
    assert labels["2 2"] == "S" and labels["2 0"] == ""
    assert len(diagram.stages[2].lit) == 1 and len(diagram.stages[3].lit) == 2


def test_a_sure_link_that_is_not_possible_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[\(1, 0\)\] are not possible"):
        link_sets(["a"], ["x", "y"], [(0, 0)], [(1, 0)], [(0, 0)])


def test_the_largest_is_masked_as_before_the_softmax() -> None:
    allowed = torch.tensor([True, False, True, True])
    expected = masked_softmax(ROW.log()[None, None], allowed)[0, 0]
    parts = trace_largest_masked(ROW)
    for i in (1, 3, 4):
        torch.testing.assert_close(parts[f"b{i}"], expected[i - 1])
    shown = follow_largest_masked(ROW, "chat")
    assert shown.name == "chat" and shown.words["rest"] == "÷ 0.500, the sum of the others"
    with pytest.raises(ValueError, match="a place from 0 to 1"):
        largest_masked(["x", "y"], 2)


def test_six_changes_are_those_of_the_notebook() -> None:
    rows = list(six_changes(ROW).values())
    assert torch.equal(rows[0], ROW) and all(rows[k].sum() == pytest.approx(1) for k in range(5))
    masks = [[1, 0, 1, 1], [1, 1, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    scores = ROW.log().expand(5, 4)
    expected = masked_softmax(scores, torch.tensor(masks, dtype=torch.bool))
    assert torch.allclose(torch.stack(rows[1:6]), expected)
    assert torch.equal(rows[6], torch.full((4,), 0.25, dtype=torch.float64))
    without_largest = REGISTRY["nb06.without_largest"].reference
    assert torch.allclose(without_largest(ROW[None, None])[0, 0], rows[1])
    equal = list(six_changes(torch.full((2,), 0.5)).values())
    assert equal[3].tolist() == [1, 0] and equal[4].tolist() == [0, 1]  # of equal ones the first
    with pytest.raises(ValueError, match="expected two above 0 at least"):
        six_changes(torch.tensor([0.0, 1.0, 0.0]))


def test_masked_weights_are_hatched_and_all_are_written() -> None:
    rows = six_changes(ROW)
    figure = changed_weights(rows, list("abcd"))
    (axes,) = figure.axes
    hatched = [patch.xy for patch in axes.patches if patch.get_hatch()]
    alone = [(0, 3), (2, 3), (3, 3), (0, 4), (1, 4), (3, 4)]
    assert hatched == [(1, 1), (2, 2), *alone, *((place, 5) for place in range(4))]
    texts = [text.get_text() for text in axes.texts]
    assert texts[:5] == ["the weights of the model", "0.12", "0.50", "0.25", "0.12"]
    assert texts.count("0.25") == 7 and texts[-4:] == list("abcd")
    with pytest.raises(ValueError, match="do not have 3 weights"):
        changed_weights(rows, list("abc"))
