"""The pictures of positional encodings, held against the numbers that they draw."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from helpers.figures.diagrams import Arrow, faults
from helpers.figures.diagrams.clocks import (
    clock_hands,
    encoding_map,
    follow_word_plus_position,
    trace_word_plus_position,
    word_plus_position,
)
from helpers.models import sinusoidal_positions

ENCODING = sinusoidal_positions(5, 8)


def test_a_hand_points_where_its_sine_and_cosine_say():
    (axes,) = clock_hands(ENCODING, (0, 2)).axes
    hands = [text for text in axes.texts if hasattr(text, "arrow_patch")]
    assert len(hands) == 2 * 5
    for number, hand in enumerate(hands):
        line, place = divmod(number, 5)
        (tip_x, tip_y), (x, y) = hand.xy, hand.xyann
        assert (x, y) == (place, line)
        sine, cosine = ENCODING[place, 4 * line : 4 * line + 2].tolist()
        assert (tip_x - x, y - tip_y) == pytest.approx((0.36 * sine, 0.36 * cosine))
    assert axes.yaxis_inverted()  # so that a smaller y is further up


def test_a_pair_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"pairs \[4\] are not there"):
        clock_hands(ENCODING, (0, 4))


def test_the_map_holds_every_number():
    axes, bar = encoding_map(ENCODING).axes
    (image,) = axes.images
    assert torch.equal(torch.tensor(image.get_array()), ENCODING)
    assert image.get_clim() == (-1, 1) and bar.get_ylabel() == "number"


def added_up():
    torch.manual_seed(0)
    word = torch.randn(8, dtype=torch.float64, requires_grad=True)
    encoding = ENCODING.double().requires_grad_()
    return word_plus_position("the", (1, 4)), trace_word_plus_position(word, encoding, (1, 4))


def test_word_and_position_are_drawn_as_they_are_added():
    diagram, tensors = added_up()
    assert faults(diagram, tensors, {"d_model": 8}) == []
    assert diagram.alike == set(tensors)  # the same number has the same shade in each vector


@pytest.mark.parametrize("wrong", [("p1", "x2"), ("p2", "x1"), ("p1", "e")])
def test_a_position_that_moves_another_place_is_found(wrong):
    diagram, tensors = added_up()
    more = dataclasses.replace(diagram, arrows=(*diagram.arrows, Arrow(*wrong)))
    assert faults(more, tensors, {"d_model": 8})


@pytest.mark.parametrize("left_out", [("e", "x1"), ("e", "x2"), ("p1", "x1"), ("p2", "x2")])
def test_a_part_of_the_sum_that_is_missing_is_found(left_out):
    diagram, tensors = added_up()
    ways = tuple(arrow for arrow in diagram.arrows if (arrow.start, arrow.end) != left_out)
    assert faults(dataclasses.replace(diagram, arrows=ways), tensors, {"d_model": 8})


def test_the_numbers_of_the_sum_are_those_of_the_word_and_of_its_places():
    word = torch.randn(8, generator=torch.Generator().manual_seed(0))
    shown = follow_word_plus_position(word, ENCODING, (1, 4)).values
    for part, place in (("1", 1), ("2", 4)):
        assert shown[f"p{part}"] == ENCODING[place, :3].tolist()
        assert shown[f"x{part}"] == pytest.approx((word + ENCODING[place])[:3].tolist())
    assert shown["e"] == word[:3].tolist() and shown["x1"] != shown["x2"]
