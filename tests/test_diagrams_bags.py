"""The pictures of a bag that answers questions, each held against the reader that it draws."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from helpers.figures.diagrams import Arrow, faults
from helpers.figures.diagrams.bags import one_look, parts_of_scores, scores_apart, trace_one_look
from helpers.tasks import BagReader
from helpers.tasks.key_value_retrieval import CONTENTS, WIDTH

SIZES = {"items": 3, "width": WIDTH, "contents": CONTENTS}


def reader_and_bag(projections: str):
    torch.manual_seed(0)
    reader = BagReader(projections).double()
    given = (
        torch.randn(*shape, WIDTH, dtype=torch.float64, requires_grad=True)
        for shape in ((3,), (3,), ())
    )
    return reader, *given


READERS = {"none": [], "both alike": ["both"], "keys and values": ["keys", "values"]}


@pytest.mark.parametrize("projections", READERS)
def test_it_is_drawn_as_it_is_computed(projections):
    assert faults(one_look(projections), trace_one_look(*reader_and_bag(projections)), SIZES) == []


@pytest.mark.parametrize("projections", READERS)
@pytest.mark.parametrize("wrong", [Arrow("names", "contents"), Arrow("h", "q")])
def test_a_wrong_arrow_is_found(projections, wrong):
    diagram = one_look(projections)
    more = dataclasses.replace(diagram, arrows=(*diagram.arrows, wrong))
    assert faults(more, trace_one_look(*reader_and_bag(projections)), SIZES)


@pytest.mark.parametrize("projections", READERS)
def test_it_is_the_look_of_the_reader(projections):
    reader, names, contents, question = reader_and_bag(projections)
    parts = trace_one_look(reader, names, contents, question)
    logits, weights = reader((names + contents)[None], question[None])
    torch.testing.assert_close(parts["weights"], weights[0])
    torch.testing.assert_close(parts["logits"], logits[0])
    assert [name for name in parts if name in ("both", "keys", "values")] == READERS[projections]


@pytest.mark.parametrize("projections", READERS)
def test_the_two_parts_are_the_score(projections):
    reader, names, contents, question = reader_and_bag(projections)
    named, filled = parts_of_scores(reader, names, contents, question)
    weights = trace_one_look(reader, names, contents, question)["weights"]
    torch.testing.assert_close(torch.softmax(named + filled, dim=0), weights)


def test_the_bars_are_the_parts_and_the_mark_is_their_sum():
    named, filled = torch.tensor([1.0, -0.5]), torch.tensor([0.25, 2.0])
    fig = scores_apart({"one vector": (named, filled)}, ["hat", "ball"], 1, "A title")
    (axes,) = fig.axes
    heights = [bar.get_height() for bars in axes.containers for bar in bars]
    assert heights == [*named.tolist(), *filled.tolist()]
    assert axes.lines[0].get_ydata().tolist() == (named + filled).tolist()
    assert [label.get_text() for label in axes.get_xticklabels()] == ["hat", "ball\n(asked)"]
    with pytest.raises(ValueError, match="expected \\(3,\\)"):
        scores_apart({"one vector": (named, filled)}, ["hat", "ball", "cup"], 1, "A title")
