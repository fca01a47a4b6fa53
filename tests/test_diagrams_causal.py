"""The pictures of notebook 10, each held against what it draws."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from matplotlib.figure import Figure

from helpers.attention import causal_mask, padding_mask
from helpers.exercises import nb13
from helpers.figures.diagrams import Arrow, faults, picture
from helpers.figures.diagrams.causal import (
    cached_step,
    choosing,
    follow_cached_step,
    follow_choosing,
    one_by_one,
    one_pass,
    trace_cached_step,
    trace_choosing,
    trace_one_pass,
)
from helpers.figures.diagrams.spec import check_numbers
from helpers.figures.diagrams.three_masks import AHEAD, PADDING, SEEN, states, three_masks
from helpers.models import AttentionLayer

WORDS = ["<start>", "le", "chat", "dort", "<end>"]
SIZES = {"d_model": 6}


def tensors():
    torch.manual_seed(0)
    vectors = torch.randn(len(WORDS) - 1, 6, dtype=torch.float64, requires_grad=True)
    return trace_one_pass(AttentionLayer(6).double(), vectors)


@pytest.mark.parametrize("diagram", [one_pass(WORDS), one_by_one(WORDS)], ids=lambda d: d.title)
def test_it_is_drawn_as_it_is_computed(diagram):
    assert faults(diagram, tensors(), SIZES) == []


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


def test_each_pass_of_writing_shows_what_it_reads_and_nothing_later():
    diagram = one_by_one(WORDS, [0.25, 0.5, 0.125, 1.0])
    for t, stage in enumerate(diagram.stages):
        kinds = {name[0]: sum(lit[0] == name[0] for lit in stage.lit) for name in stage.lit}
        assert kinds == {"w": t + 1, "x": t + 1, "y": t + 1, "z": 1, "n": 1}
    assert "0.25" in diagram.stages[0].text and diagram.stages[3].text.endswith("finished.")
    fed = {(a.start, a.end) for a in diagram.arrows if a.start[0] == "z"}
    assert fed == {("z0", "w1"), ("z1", "w2"), ("z2", "w3")}
    assert "10 positions" in diagram.title


LOGITS = (1.0, 3.0, 0.0, 2.0)


def drawn():
    given = [torch.tensor(z, dtype=torch.float64, requires_grad=True) for z in LOGITS]
    return choosing("abcd", LOGITS, 2, 0.5), trace_choosing([z * 1 for z in given], 2, 0.5)


def test_a_draw_is_drawn_as_it_is_computed():
    diagram, parts = drawn()
    assert faults(diagram, parts, {}) == []
    assert diagram.masked == {"d0", "p0", "d2", "p2"}
    for start, end in (("z0", "d0"), ("z0", "p1")):
        more = dataclasses.replace(diagram, arrows=(*diagram.arrows, Arrow(start, end)))
        assert faults(more, parts, {})


def test_a_draw_shows_the_probabilities():
    diagram, _ = drawn()
    numbers = follow_choosing(LOGITS, 2, 0.5)
    check_numbers(diagram, [numbers])
    expected = torch.softmax(torch.tensor([3.0, 2.0]) / 0.5, dim=0).tolist()
    assert [numbers.values[f"p{i}"] for i in (1, 3)] == pytest.approx(expected)
    assert numbers.values["p0"] == 0 and set(numbers.words) == {"d0", "d2"}


@pytest.mark.parametrize(("logits", "k"), [((1.0, 2.0), 1), ((1.0, 2.0, 2.0), 1), ((1, 2, 3), 4)])
def test_a_draw_that_does_not_fit_is_refused(logits, k):
    with pytest.raises(ValueError, match="expected one logit for each"):
        choosing("abc", logits, k, 1.0)


def test_the_three_masks_are_those_of_the_course():
    words = [*"abc", "<end>"]
    for length in (2, 3, 4):
        found = states(length, 4)
        seen = torch.tensor([[state == SEEN for state in row] for row in found])
        expected = causal_mask(4) & padding_mask(torch.tensor([length]), 4)[0]
        assert torch.equal(seen, expected)
        assert all(
            (state == PADDING) == (i >= length) for row in found for i, state in enumerate(row)
        )
    figure = three_masks([words, ["a", "<end>"]])
    assert isinstance(figure, Figure) and AHEAD in {t.get_text() for t in figure.legends[0].texts}
    asked = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert asked == [["b", "c", "<end>"], ["<end>", "<pad>", "<pad>"]]


def cached():
    """A query, three keys and three values, each with gradients."""
    torch.manual_seed(0)
    sizes = ((4,), (3, 4), (3, 5))
    return [torch.randn(size, dtype=torch.float64, requires_grad=True) for size in sizes]


def test_a_cached_step_is_drawn_as_it_is_computed():
    diagram, parts = cached_step(["le", "chat", "dort"]), trace_cached_step(*cached())
    sizes = {"d_k": 4, "d_v": 5, "seen": 3}
    assert faults(diagram, parts, sizes) == []
    for start, end in (("k1", "e2"), ("q", "v3"), ("v1", "a")):
        more = dataclasses.replace(diagram, arrows=(*diagram.arrows, Arrow(start, end)))
        assert faults(more, parts, sizes)
    fewer = tuple(a for a in diagram.arrows if (a.start, a.end) != ("v1", "c"))
    assert faults(dataclasses.replace(diagram, arrows=fewer), parts, sizes)
    picture(diagram, None, 3)


def test_a_cached_step_finds_what_the_exercise_finds():
    query, keys, values = cached()
    step = nb13.cached_step.reference
    found, *_ = step(query[None], keys[2:], values[2:], keys[None, :2], values[None, :2])
    assert torch.allclose(trace_cached_step(query, keys, values)["c"], found[0])


def test_a_cached_step_shows_the_numbers_that_are_found_by_hand():
    diagram = cached_step(["le", "chat", "dort"])
    values = torch.tensor([[3.0], [5.0], [7.0]])
    numbers = follow_cached_step(torch.ones(1), torch.zeros(3, 1), values)
    check_numbers(diagram, [numbers])
    assert numbers.values["c"] == pytest.approx([5.0])
    assert list(numbers.weights.values()) == pytest.approx([1 / 3] * 3)


def test_a_cached_step_needs_a_word_that_is_kept():
    with pytest.raises(ValueError, match="a word that is kept, and the newest one"):
        cached_step(["dort"])
