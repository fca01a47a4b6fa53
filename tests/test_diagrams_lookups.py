"""The pictures of notebook 08, each held against the layer that it draws."""

from __future__ import annotations

import dataclasses
from math import cos, radians

import pytest
import torch

from helpers.exercises import nb08
from helpers.figures.diagrams import Arrow, faults
from helpers.figures.diagrams.lookups import (
    attention_layer,
    follow_attention_layer,
    in_the_plane,
    softmax_in_pieces,
    trace_attention_layer,
    trace_in_pieces,
    turned_question,
)
from helpers.figures.diagrams.spec import check_numbers

SIZES = {"target": 2, "source": 4, "d_q": 5, "d_m": 6, "d_k": 3, "d_v": 7}
MASK = torch.tensor([[True, True, True, True], [True, False, True, True]])


def layer_and_inputs():
    torch.manual_seed(0)
    layer = nb08.AttentionLayer.reference(5, 6, 3, 7).double()
    given = (
        torch.randn(n, d, dtype=torch.float64, requires_grad=True) for n, d in ((2, 5), (4, 6))
    )
    return layer, *given


def tensors():
    return trace_attention_layer(*layer_and_inputs(), MASK)


@pytest.mark.parametrize("grids", [False, True])
def test_the_layer_is_drawn_as_it_is_computed(grids: bool):
    assert faults(attention_layer("a b", "c d e f", grids), tensors(), SIZES) == []


@pytest.mark.parametrize("wrong", [Arrow("X_q", "K"), Arrow("V", "E"), Arrow("K", "V")])
def test_a_wrong_arrow_is_found(wrong):
    diagram = attention_layer("a b", "c d e f")
    more = dataclasses.replace(diagram, arrows=(*diagram.arrows, wrong))
    assert faults(more, tensors(), SIZES)


@pytest.mark.parametrize("left_out", [("V", "Y"), ("W_K", "K"), ("Q", "E"), ("X_k", "V")])
def test_a_missing_arrow_is_found(left_out):
    diagram = attention_layer("a b", "c d e f")
    ways = tuple(a for a in diagram.arrows if (a.start, a.end) != left_out)
    assert faults(dataclasses.replace(diagram, arrows=ways), tensors(), SIZES)


def test_the_walk_shows_what_the_learners_layer_computes():
    layer, asking, memory = layer_and_inputs()
    words = ("a", "b"), ("c", "d", "e", "f"), tuple("vwxyz")
    numbers = follow_attention_layer(layer, asking, memory, MASK, *words)
    with pytest.raises(ValueError, match="5 words name the rows of 'W_K'"):
        check_numbers(attention_layer("a b", "c d e f"), [numbers])  # the memory has 6 numbers
    outputs, weights = layer(asking[None], memory[None], MASK[None])
    for name, expected in (("Y", outputs[0]), ("A", weights[0])):
        found = torch.tensor(numbers.values[name], dtype=torch.float64)
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    assert numbers.values["A"][1][1] == 0
    assert numbers.rows["A"] == words[0] and numbers.columns["A"] == words[1]


def pieces():
    torch.manual_seed(0)
    scores = torch.randn(4, dtype=torch.float64, requires_grad=True)
    values = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    return scores, values, trace_in_pieces(scores, values, 2)


def test_the_softmax_in_pieces_is_drawn_as_it_is_computed():
    scores, values, parts = pieces()
    assert faults(softmax_in_pieces(), parts, {"piece": 2, "d_v": 3}) == []
    torch.testing.assert_close(parts["Y"], torch.softmax(scores, dim=0) @ values)


@pytest.mark.parametrize("left_out", [("total1", "total2"), ("mixed1", "mixed2"), ("V2", "mixed2")])
def test_a_piece_that_is_forgotten_is_found(left_out):
    diagram = softmax_in_pieces()
    ways = tuple(a for a in diagram.arrows if (a.start, a.end) != left_out)
    fewer = dataclasses.replace(diagram, arrows=ways)
    assert faults(fewer, pieces()[2], {"piece": 2, "d_v": 3})


def test_the_width_of_an_arrow_in_the_plane_is_its_weight():
    keys, query = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0.6, 0.8])
    values = torch.tensor([[10.0, 0.0], [0.0, 20.0]])
    figure = in_the_plane(query, keys, values, ["noir", "chat"], (1.0, 0.1))
    for axes, temperature in zip(figure.axes, (1.0, 0.1), strict=True):
        weights = torch.softmax(keys @ query / temperature, dim=0)
        words = [text.get_text() for text in axes.texts]
        assert f"chat {weights[1]:.2f}\n(0, 20)" in words
        assert f"answer ({10 * weights[0]:.1f}, {20 * weights[1]:.1f})" in words
        widths = [t.arrow_patch.get_linewidth() for t in axes.texts if hasattr(t, "arrow_patch")]
        widths = [t for t in widths if t != 2.5]  # the query
        assert widths == pytest.approx([1 + 7 * float(weight) for weight in weights])
    with pytest.raises(ValueError, match="one row of values for each word"):
        in_the_plane(query, keys, values, ["noir"], (1.0,))


def test_each_panel_may_have_its_own_query():
    keys, queries = torch.eye(2), torch.tensor([[0.8, 0.6], [0.6, 0.8]])
    figure = in_the_plane(queries, keys, 10 * torch.eye(2), ["noir", "chat"], (0.05, 0.05))
    for axes, query, found in zip(figure.axes, queries.tolist(), ("noir", "chat"), strict=True):
        arrows = [text for text in axes.texts if hasattr(text, "arrow_patch")]
        assert arrows[-1].xy == pytest.approx(query)
        assert any(text.get_text().startswith(f"{found} 0.98") for text in axes.texts)
    with pytest.raises(ValueError, match=r"expected \(2,\) or \(3, 2\)"):
        in_the_plane(queries, keys, torch.eye(2), ["noir", "chat"], (1.0, 0.3, 0.05))


def test_a_turned_question_is_its_key_in_another_direction():
    keys = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    table, plane = turned_question(keys, 5 * torch.eye(3), ["a", "b", "c"], 1, 80).axes
    drawn = [text.xy for text in plane.texts if hasattr(text, "arrow_patch")]
    assert [list(tip) for tip in drawn[:3]] == keys.tolist()
    question = torch.tensor(drawn[3])
    assert float(question @ keys[1]) == pytest.approx(cos(radians(80)), abs=1e-6)
    assert int((keys @ question).argmax()) == 2  # so that an untrained look takes a wrong entry
    thick = [cell for cell in table.patches if cell.get_linewidth() > 1]
    written = [text.get_text() for text in table.texts]
    assert len(thick) == 3 and written[written.index("b") + 1 :][:5] == ["0", "1", "0", "5", "0"]
    assert written[written.index("question") + 1 :][:5] == ["-0.98", "0.17", "0", "0", "0"]
    with pytest.raises(ValueError, match="entry 3 of 3"):
        turned_question(keys, torch.eye(3), ["a", "b", "c"], 3, 80)
