"""The softmax with a slider: its weights, its static table, and what it refuses."""

from __future__ import annotations

import math
import re

import pytest
import torch

from helpers.explorer import Temperature
from helpers.explorer.temperature import FACTORS, softmax


@pytest.mark.parametrize("factor", [0.25, 1.0, 4.0, 300.0])
def test_weights_are_those_of_torch(factor: float) -> None:
    scores = [2.0, -1.0, 0.5]
    expected = torch.softmax(factor * torch.tensor(scores, dtype=torch.float64), dim=0)
    assert softmax(scores, factor) == pytest.approx(expected.tolist())


def test_the_slider_has_one_in_its_middle_and_covers_both_sides() -> None:
    state = Temperature([1.0, 2.0], ["a", "b"]).state
    assert state["factors"][len(FACTORS) // 2] == 1.0
    assert state["factors"] == sorted(state["factors"])
    assert state["factors"][0] == pytest.approx(1 / state["factors"][-1], abs=1e-3)


def test_static_table_holds_the_weights_of_five_factors() -> None:
    view = Temperature(torch.tensor([math.log(3.0), 0.0]), ["le", "<b>"], title="Softer, harder")
    rows = re.findall(r'scope="row"[^>]*>([\d.]+)</th>(.*?)</tr>', view.html())
    assert [factor for factor, _ in rows] == ["0.25", "0.5", "1", "2", "4"]
    assert re.findall(r"<td>([\d.]+)</td>", rows[2][1]) == ["1", "0.75", "0.25", "0.188"]
    assert "&lt;b&gt;" in view.html() and "'le'" in view.sentence()


@pytest.mark.parametrize(
    ("scores", "words", "message"),
    [
        ([1.0], ["a", "b"], "expected 2 finite numbers"),
        ([1.0, math.nan], ["a", "b"], "or hold NaN"),
        ([], [], "words is empty"),
        (["x"], ["a"], "cannot be read as numbers"),
    ],
)
def test_bad_input_is_named(scores: list, words: list, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Temperature(scores, words)
