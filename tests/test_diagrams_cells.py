"""The pictures of attention over cells, each held against the model that it draws."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from helpers.analysis import caption_all
from helpers.corpus import CELL, CELLS, GRID, draw_scenes, move_cells, render
from helpers.figures.diagrams import Arrow, Diagram, faults
from helpers.figures.diagrams.cells import (
    by_hand,
    captioner_step,
    follow_by_hand,
    follow_captioner,
    picture_to_set,
    shuffled,
    trace_by_hand,
    trace_captioner_step,
)
from helpers.models import AttentionCaptioner, MeanPooledCaptioner

SIZES = {"cells": CELLS, "side": CELL, "content": 7, "position": 5, "attention": 6, "features": 4}
SIZES |= {"embed": 8, "hidden": 9, "vocab": 30}
CONTENTS = ("nothing", "red circle", "blue square")


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def scene():
    return draw_scenes(1, "test", seed=0)[0]


def captioner(attends: bool = True):
    if attends:
        return AttentionCaptioner(content=7, place=5, embed=8, hidden=9, attention=6).double()
    return MeanPooledCaptioner(content=7, place=5, embed=8, hidden=9).double()


def drawn(name: str) -> tuple[Diagram, dict[str, torch.Tensor]]:
    if name == "by hand":
        query, cells = (torch.randn(*n, dtype=torch.float64) for n in ((4,), (3, 4)))
        return by_hand(CONTENTS), trace_by_hand(query.requires_grad_(), cells.requires_grad_())
    attends = name == "attention"
    state = torch.randn(9, dtype=torch.float64, requires_grad=True)
    image = torch.from_numpy(scene().image)
    model = captioner(attends)
    sizes = SIZES | {"vocab": model.output.out_features}
    assert sizes == SIZES
    return captioner_step(attends), trace_captioner_step(model, image, torch.tensor([4]), state)


NAMES = ("by hand", "attention", "mean")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_drawn_as_it_is_computed(name):
    diagram, tensors = drawn(name)
    assert faults(diagram, tensors, SIZES) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_arrow_is_found(name):
    diagram, tensors = drawn(name)
    bound = {box.name for box in diagram.boxes if box.bound}
    tried = 0
    for arrow in diagram.arrows:
        if not {arrow.start, arrow.end} <= bound:
            continue
        fewer = dataclasses.replace(
            diagram, arrows=tuple(other for other in diagram.arrows if other != arrow)
        )
        if (arrow.start, arrow.end) not in fewer.reachable():
            tried += 1
            assert faults(fewer, tensors, SIZES), (arrow.start, arrow.end)
    assert tried


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("by hand", Arrow("h1", "e2")),
        ("attention", Arrow("y", "query")),
        ("mean", Arrow("before", "c")),
    ],
)
def test_a_wrong_arrow_is_found(name, wrong):
    diagram, tensors = drawn(name)
    more = dataclasses.replace(diagram, arrows=(*diagram.arrows, wrong))
    assert faults(more, tensors, SIZES)


def test_the_hand_example_shows_its_own_numbers():
    query, cells = torch.tensor([2.0, -2.0]), torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
    numbers = follow_by_hand(query, cells)
    assert [numbers.words[f"e{i}"] for i in (1, 2, 3)] == ["0", "6", "-6"]
    weights = torch.softmax(cells @ query, dim=0)
    found = [numbers.weights[f"a{i}"] for i in (1, 2, 3)]
    torch.testing.assert_close(torch.tensor(found), weights)
    torch.testing.assert_close(torch.tensor(numbers.values["c"]), weights @ cells)


def test_the_walk_says_what_the_captioner_says():
    model, one = captioner().float(), scene()
    walk = follow_captioner(model, torch.from_numpy(one.image), longest=6)
    (said,) = caption_all(model, [one])
    assert [moment.name for moment in walk] == said.target[:6]
    for moment, weights in zip(walk, said.weights, strict=False):
        most = int(weights.argmax())
        assert moment.words["weights"] == f"weights: cell {most + 1}, {float(weights[most]):.2f}"


def shown_cells(axes, side: int) -> list[np.ndarray]:
    """The cells that are seen, in reading order; side: of a cell, in pixels."""
    (image,) = axes.images
    seen = np.asarray(image.get_array())
    step = side + (seen.shape[0] - GRID * side) // (GRID - 1)  # with the gap
    return [
        seen[r * step : r * step + side, c * step : c * step + side, :3]
        for r in range(GRID)
        for c in range(GRID)
    ]


def test_the_set_shows_cells_vectors_and_weights_of_the_picture():
    picture = render(scene(), 8)
    vectors, weights = torch.randn(CELLS, 12), torch.softmax(torch.randn(CELLS), dim=0)
    fig = picture_to_set(picture, vectors, weights, 7, "A title")
    bars, content, position, whole, cut = fig.axes
    heights = [bar.get_height() for bar in bars.patches]
    torch.testing.assert_close(torch.tensor(heights), weights, check_dtype=False)
    np.testing.assert_allclose(content.collections[0].get_array().T, vectors[:, :6], rtol=1e-5)
    place, total = position.collections
    np.testing.assert_allclose(place.get_array().T, vectors[:, 7:10], rtol=1e-5)
    np.testing.assert_allclose(total.get_array()[:, 0], (weights @ vectors)[7:10], rtol=1e-5)
    for axes in (whole, cut):
        for k, cell in enumerate(shown_cells(axes, 8)):
            row, column = divmod(k, GRID)
            expected = picture[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8]
            assert np.array_equal(cell, expected)
    with pytest.raises(ValueError, match="a row and a weight for each cell"):
        picture_to_set(picture, vectors, weights[:4], 7, "A title")
    with pytest.raises(ValueError, match="a square number"):
        picture_to_set(picture, vectors[:15], weights[:15], 7, "A title")


def test_shuffled_cells_are_those_that_the_model_gets():
    picture = torch.from_numpy(scene().image).permute(1, 2, 0).numpy()  # as drawn for the model
    order = torch.randperm(CELLS)
    said = {"the picture": "a", "all moved": "b", "contents moved": "c"}
    plain, both, contents = shuffled(picture, order.tolist(), said, "A title").axes
    moved = move_cells(torch.from_numpy(scene().image)[None], order)[0].permute(1, 2, 0).numpy()
    for axes in (both, contents):
        for k, cell in enumerate(shown_cells(axes, CELL)):
            row, column = divmod(k, GRID)
            rows = slice(row * CELL, row * CELL + CELL)
            assert np.array_equal(cell, moved[rows, column * CELL : column * CELL + CELL])
    tags = [[text.get_text() for text in axes.texts[:CELLS]] for axes in (plain, both, contents)]
    assert tags[0] == tags[2] == [str(k) for k in range(1, CELLS + 1)]
    assert tags[1] == [str(int(k) + 1) for k in order]
    with pytest.raises(ValueError, match="expected three"):
        shuffled(picture, order.tolist(), {"one": "a"}, "A title")
