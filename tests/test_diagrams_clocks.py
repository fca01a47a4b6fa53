"""The pictures of positional encodings, held against the numbers that they draw."""

from __future__ import annotations

import pytest
import torch

from helpers.figures.diagrams.clocks import clock_hands, encoding_map
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
