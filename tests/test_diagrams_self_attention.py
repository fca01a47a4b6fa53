"""The pictures of notebook 09, each held against what it draws."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from helpers.exercises import nb09
from helpers.figures.diagrams import Arrow, faults
from helpers.figures.diagrams.self_attention import (
    REACHES,
    asking_word,
    follow_asking_word,
    follow_two_ways,
    reach,
    trace_asking_word,
    trace_reach,
    trace_two_ways,
    two_ways,
)
from helpers.figures.diagrams.spec import check_numbers

WORDS = ("the", "black", "cat")
SIZES = {"d_model": 5, "d_k": 4, "d_v": 6}


def given():
    torch.manual_seed(0)
    sizes = ((3, 5), (5, 4), (5, 4), (5, 6))
    drawn = [torch.randn(size, dtype=torch.float64, requires_grad=True) for size in sizes]
    return drawn[0], drawn[1:]


@pytest.mark.parametrize("asking", [0, 1, 2])
def test_a_word_that_asks_is_drawn_as_it_is_computed(asking):
    tensors = trace_asking_word(*given(), asking)
    assert faults(asking_word(WORDS, asking), tensors, SIZES) == []


@pytest.mark.parametrize("wrong", [Arrow("v0", "e0"), Arrow("x0", "q"), Arrow("x1", "k0")])
def test_a_wrong_arrow_is_found(wrong):
    diagram = asking_word(WORDS, 1)
    more = dataclasses.replace(diagram, arrows=(*diagram.arrows, wrong))
    assert faults(more, trace_asking_word(*given(), 1), SIZES)


@pytest.mark.parametrize("left_out", [("x0", "v0"), ("q", "e2"), ("a1", "p1"), ("p2", "y")])
def test_a_missing_arrow_is_found(left_out):
    diagram = asking_word(WORDS, 1)
    ways = tuple(a for a in diagram.arrows if (a.start, a.end) != left_out)
    assert faults(dataclasses.replace(diagram, arrows=ways), trace_asking_word(*given(), 1), SIZES)


def test_the_walk_shows_what_the_learners_function_computes():
    states, matrices = given()
    numbers = follow_asking_word(states, matrices, 2)
    outputs, weights = nb09.self_attention.reference(states[None], *matrices)
    shown = torch.tensor(numbers.values["y"], dtype=torch.float64)
    torch.testing.assert_close(shown, outputs[0, 2])
    assert [numbers.weights[f"a{i}"] for i in (0, 1, 2)] == pytest.approx(weights[0, 2].tolist())


def test_numbers_that_have_names_stand_upright_beside_them():
    states, matrices = given()
    plain = follow_asking_word(states, matrices, 1)
    numbers = follow_asking_word(states, matrices, 1, list("abcd"), list("efghij"))
    check_numbers(asking_word(WORDS, 1), [numbers])  # a name for each number
    assert numbers.rows == dict.fromkeys(("k0", "k1", "k2", "q"), list("abcd")) | dict.fromkeys(
        ("v0", "v1", "v2", "y"), list("efghij")
    )
    for name in numbers.rows:
        assert numbers.values[name] == [[number] for number in plain.values[name]]
    assert numbers.values["x1"] == plain.values["x1"] and not plain.rows


@pytest.mark.parametrize("asking", [-1, 3])
def test_a_word_that_is_not_there_cannot_ask(asking):
    with pytest.raises(ValueError, match=f"word {asking} of 3"):
        asking_word(WORDS, asking)


def test_both_ways_round_a_shuffle_are_drawn_as_they_are_computed():
    tensors = trace_two_ways(*given(), (2, 0, 1))
    assert faults(two_ways(), tensors, SIZES | {"source": 3}) == []


@pytest.mark.parametrize("wrong", [("PY", "of_PX"), ("Y", "PX"), ("Y", "of_PX")])
def test_a_way_that_joins_the_two_is_found(wrong):
    more = dataclasses.replace(two_ways(), arrows=(*two_ways().arrows, Arrow(*wrong)))
    assert faults(more, trace_two_ways(*given(), (2, 0, 1)), SIZES | {"source": 3})


@pytest.mark.parametrize("order", [(2, 0, 1), (1, 0, 2), (0, 2, 1)])
def test_both_ways_round_a_shuffle_end_with_the_learners_outputs_moved(order):
    states, matrices = given()
    numbers = follow_two_ways(states, matrices, order, WORDS, list("abcdef"))
    outputs, _ = nb09.self_attention.reference(states[None], *matrices)
    for name in ("PY", "of_PX"):
        shown = torch.tensor(numbers.values[name], dtype=torch.float64)
        torch.testing.assert_close(shown, outputs[0, list(order)])
        assert numbers.rows[name] == [WORDS[place] for place in order]


def test_words_that_know_their_places_end_elsewhere():
    states, matrices = given()
    places = torch.arange(15, dtype=torch.float64).view(3, 5)
    order = [2, 0, 1]
    before = trace_two_ways(states + places, matrices, order)["PY"]
    after = trace_two_ways(states[order] + places, matrices, [0, 1, 2])["Y"]
    assert (before - after).abs().max() > 0.1


@pytest.mark.parametrize("order", [(0, 1), (0, 0, 1), (1, 2, 3)])
def test_an_order_that_is_no_shuffle_is_refused(order):
    with pytest.raises(ValueError, match="expected the places 0 to 2, each once"):
        trace_two_ways(*given(), order)


def of_reach(kind):
    torch.manual_seed(0)
    states = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    return reach(kind, ("the", "cow", "saw", "the", "horse")), trace_reach(kind, states)


@pytest.mark.parametrize("kind", REACHES)
def test_each_layer_is_drawn_with_what_it_hears(kind):
    assert faults(*of_reach(kind), {"d_model": 4}) == []


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [("recurrent", ("x5", "h1")), ("convolution", ("x1", "m4")), ("self-attention", ("y", "x1"))],
)
def test_a_layer_that_hears_more_than_it_does_is_found(kind, wrong):
    diagram, tensors = of_reach(kind)
    more = dataclasses.replace(diagram, arrows=(*diagram.arrows, Arrow(*wrong)))
    assert faults(more, tensors, {"d_model": 4})


def test_a_reach_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="expected one of recurrent"):
        reach("mean", ("a", "b", "c", "d"))
