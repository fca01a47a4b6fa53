"""The walk: what it hands to the browser, its static view, and what it refuses."""

from __future__ import annotations

import json

import pytest
import torch

from helpers.explorer import Walk
from helpers.explorer.walk import plain, runs
from helpers.figures.diagrams import Arrow, Box, Diagram, Numbers, Stage

BOXES = (
    Box("x", "$x_1$", "source", (0, 0), "hidden", "$x_1 = E_{1}$", "What is <read>."),
    Box("y", "chat", "word", (0, 1), bound=False),
)
DIAGRAM = Diagram(
    "One & two",
    BOXES,
    (Arrow("x", "y", weight="a", choice=True),),
    (Stage("From $x_1$.", ("x",)), Stage("To the word.", ("x", "y"))),
    "two boxes, one above the other",
    unfolds=True,
)


def test_the_state_is_plain_json_and_knows_what_is_computed_when():
    numbers = Numbers("chat", {"x": torch.arange(30.0)}, {"y": "le"}, {"a": 0.25})
    walk = Walk(DIAGRAM, [numbers])
    state = json.loads(json.dumps(walk.state))
    assert state["known"] == [["x"], ["x", "y"]]
    moment = state["moments"][0]
    assert moment["values"]["x"]["of"] == 30 and len(moment["values"]["x"]["first"]) == 12
    assert (moment["words"], moment["weights"]) == ({"y": "le"}, {"a": 0.25})
    assert state["boxes"][0]["label"] == [["i", "x"], ["_", "1"]]
    assert state["arrows"][0]["choice"] and state["arrows"][0]["line"][0] == 0


def test_a_matrix_goes_to_the_browser_as_a_grid_with_its_words() -> None:
    words = {"x": ("le", "chat")}, {"x": ("the", "black", "cat")}
    matrix = torch.tensor([[0.0, 0.9953, 6.0], [1.0, 2.0, 3.0]])
    moment = Walk(DIAGRAM, Numbers("", {"x": matrix}, rows=words[0], columns=words[1])).state[
        "moments"
    ][0]
    assert moment["values"]["x"] == {
        "of": 6,
        "first": [0, 0.9953, 6, 1, 2, 3],
        "across": 3,
    }
    assert moment["rows"]["x"] == ["le", "chat"]
    assert moment["columns"]["x"] == ["the", "black", "cat"]
    large = Walk(DIAGRAM, Numbers("", {"x": torch.ones(40, 30)})).state["moments"][0]["values"]["x"]
    assert (large["of"], large["across"], len(large["first"])) == (1200, 12, 144)


@pytest.mark.parametrize("shape", [(3,), (3, 2)])
def test_words_for_other_rows_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="2 words name the rows of 'x'"):
        Walk(DIAGRAM, Numbers("", {"x": torch.ones(shape)}, rows={"x": ("a", "b")}))


def test_the_static_view_is_a_picture_with_its_steps():
    html = Walk(DIAGRAM).html()
    assert html.count("<img ") == 2 and "From x_1." in html and "Run the cell" in html
    assert "<svg" not in html and "<script" not in html
    assert Walk(DIAGRAM).sentence() == "One & two: two boxes, one above the other"


def test_the_static_view_shows_the_last_moment() -> None:
    moments = [Numbers(name, {"x": torch.ones(2)}, {"y": name}) for name in ("le", "<chat>")]
    walk = Walk(DIAGRAM, moments)
    assert "Shown: word 2 of 2, &lt;chat&gt;. Run the cell" in walk.html()
    last = Walk(DIAGRAM, moments[1:]).html()
    assert "Shown:" not in last
    assert walk.html().split("<figure")[1] == last.split("<figure")[1]
    assert last.split("<figure")[1] != Walk(DIAGRAM, moments[:1]).html().split("<figure")[1]


def test_the_static_view_shows_the_moment_that_is_asked_for() -> None:
    moments = [Numbers(name, {"x": torch.ones(2)}, {"y": name}) for name in ("le", "chat", "dort")]
    walk = Walk(DIAGRAM, moments, still=1)
    assert "Shown: word 2 of 3, chat. Run the cell" in walk.html()
    alone = Walk(DIAGRAM, moments[1]).html()
    assert walk.html().split("<figure")[1] == alone.split("<figure")[1]
    assert walk.state == Walk(DIAGRAM, moments).state  # the live view begins at its beginning


@pytest.mark.parametrize(("count", "still"), [(2, 2), (2, -3), (1, 1), (0, 0)])
def test_a_moment_that_is_not_there_is_refused(count: int, still: int) -> None:
    moments = [Numbers("le", {"x": torch.ones(2)})] * count
    with pytest.raises(IndexError, match=f"still is {still}, and there are"):
        Walk(DIAGRAM, moments, still=still)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", [["", "plain"]]),
        ("$s_{t-1}$", [["i", "s"], ["_", "t−1"]]),
        ("is $c$", [["", "is "], ["i", "c"]]),
        ("$a^2$", [["i", "a"], ["^", "2"]]),
        (r"$\tanh$", [["", "tanh"]]),
        (r"$K^\top$", [["i", "K"], ["^", "⊤"]]),
        (r"$\sqrt{d}$", [["", "√"], ["i", "d"]]),
        ("$GRU$", [["", "GRU"]]),
    ],
)
def test_mathtext_becomes_pieces(text, expected):
    assert runs(text) == expected
    assert "$" not in plain(text)


def test_plain_text_keeps_what_stands_below_and_above() -> None:
    assert plain("is $h_3^2$") == "is h_3^2"


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="no stages to walk through"):
        Walk(Diagram("Still", BOXES, ()))
    with pytest.raises(ValueError, match="does not have"):
        Walk(DIAGRAM, Numbers("one", {"z": [1.0]}))
