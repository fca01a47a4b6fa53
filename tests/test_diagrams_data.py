"""Diagrams as data: the picture, the numbers in it, and the proof by shapes and gradients."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import re

import pytest
import torch
from matplotlib.colors import to_hex, to_rgba
from matplotlib.patches import Rectangle
from PIL import Image
from torch import nn

from helpers import palette
from helpers.figures import charts
from helpers.figures.diagrams import (
    Arrow,
    Box,
    Diagram,
    Numbers,
    Stage,
    arrows,
    draw,
    draw_all,
    faults,
    show_drawing,
)
from helpers.figures.diagrams.attention import (
    additive_step,
    follow_additive,
    one_look,
    trace_additive_step,
)
from helpers.figures.diagrams.both_ways import both_ways, trace_both_ways
from helpers.figures.diagrams.course import (
    core_minutes,
    draw_course,
    first_letters,
    follow_letters,
    whole_course,
)
from helpers.figures.diagrams.recurrent import (
    back_through_time,
    gru_cell,
    lstm_cell,
    rnn_cell,
    trace_back_through_time,
    trace_gru_cell,
    trace_lstm_cell,
    trace_rnn_cell,
    trace_unrolled,
    unrolled_network,
)
from helpers.figures.diagrams.still import COLOURS, ends, picture
from helpers.figures.diagrams.translation import (
    encoder_decoder,
    follow_encoder_decoder,
    trace_encoder_decoder,
)
from helpers.models import AdditiveTranslator, BottleneckTranslator
from helpers.settings import ROOT

SIZES = {"hidden": 5, "2 × hidden": 10, "attention": 7, "embed": 3, "vocab": 13}


def additive():
    """The diagram of one step over four words, and its tensors in a small random model."""
    torch.manual_seed(0)
    model = AdditiveTranslator(11, SIZES["vocab"], embed=3, hidden=5, attention=7).double()
    memory = model.encode(torch.tensor([[3, 4, 5, 6]]), torch.tensor([4]))
    memory = memory._replace(values=memory.values.detach().requires_grad_())
    state = torch.randn(1, 5, dtype=torch.float64, requires_grad=True)
    tensors = trace_additive_step(model, memory, torch.tensor([4]), state)
    return additive_step(list("abcd")), tensors, model, memory, state


def toy():
    x = torch.ones(2, requires_grad=True)
    h = 2 * x
    tensors = {"x": x, "h": h, "y": h.sum()}
    boxes = (
        Box("x", "$x$", "source", (0, 0), "two"),
        Box("h", "$h$", "decoder", (0, 1), "two"),
        Box("y", "$y$", "output", (0, 2)),
    )
    stages = (Stage("From $x$ to $h$.", ("x", "h")), Stage("Then the sum.", ("h", "y")))
    return Diagram("Toy", boxes, arrows("x > h > y"), stages, "three boxes, one above"), tensors


def test_the_step_of_attention_is_drawn_as_it_is_computed():
    diagram, tensors, model, memory, state = additive()
    assert faults(diagram, tensors, SIZES) == []
    logits, after, weights = model.step(torch.tensor([4]), state, memory)
    torch.testing.assert_close(tensors["logits"], logits[0])
    torch.testing.assert_close(tensors["s"], after[0])
    torch.testing.assert_close(torch.stack([tensors[f"a{i}"] for i in range(1, 5)]), weights[0])


def test_the_overview_of_a_look_agrees_with_the_whole_step():
    _, tensors, *_ = additive()
    diagram = one_look(list("abcd"))
    parts = {box.name: tensors[box.name] for box in diagram.boxes if box.bound}
    assert faults(diagram, parts, SIZES) == []
    for wrong in (arrows("a1 > a2"), arrows("c > before"), arrows("h1 > before")):
        assert faults(dataclasses.replace(diagram, arrows=(*diagram.arrows, *wrong)), parts, SIZES)


def test_the_first_letters_agree_with_the_whole_step():
    whole, tensors, *_ = additive()
    tensors["p"] = tensors["logits"].softmax(dim=0)
    shapes = {box.name: box.shape for box in whole.boxes} | {"p": "vocab"}  # not drawn in 00
    diagram = first_letters(list("abcd"))
    boxes = (dataclasses.replace(b, shape=shapes.get(b.name, "")) for b in diagram.boxes)
    diagram = dataclasses.replace(diagram, boxes=tuple(boxes))
    parts = {box.name: tensors[box.name] for box in diagram.boxes if box.bound}
    assert faults(diagram, parts, SIZES) == []
    for place, arrow in enumerate(diagram.arrows):
        if {arrow.start, arrow.end} <= set(parts):
            rest = diagram.arrows[:place] + diagram.arrows[place + 1 :]
            turned = dataclasses.replace(arrow, start=arrow.end, end=arrow.start)
            wrong = dataclasses.replace(diagram, arrows=(*rest, turned))
            assert faults(wrong, parts, SIZES), arrow


def test_the_numbers_in_the_first_letters_are_those_of_the_whole_step():
    model = additive()[2]
    source, words = torch.tensor([3, 4, 5, 6]), ["<pad>", "<start>", "<end>", *"abcdefghij"]
    moments = follow_additive(model, source, words)
    found = follow_letters(model, source, words, 2)
    kept = {box.name for box in first_letters(list("abcd")).boxes}
    assert set(found.values) == {n for n in kept if n[0] in "heac"} | {"before", "s"}
    assert all(found.values[f"h{i}"] == moments[1].values[f"h{i}"] for i in range(1, 5))
    assert sum(found.values[f"a{i}"] for i in range(1, 5)) == pytest.approx(1)
    assert found.words["fed"].endswith(f" {moments[0].name}")
    assert found.words["word"].endswith(f" {moments[1].name}")
    assert f"T = {len(moments)}" in found.words["T"]
    assert picture(first_letters(list("abcd")), found)


def test_an_arrow_of_the_course_leads_to_a_notebook_that_says_on_what_it_builds():
    diagram = whole_course()
    titles = {}
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        titles[path.name[:2]] = "".join(cells[0]["source"])
    for arrow in diagram.arrows:
        builds_on = re.search(r"\*\*Builds on:\*\*.*", titles[arrow.end])
        assert builds_on and f"]({arrow.start}_" in builds_on[0], arrow
    assert {box.name for box in diagram.boxes if box.role != "word"} == set(titles) - {"00"}


def test_a_notebooks_minutes_are_those_of_its_core_sections(tmp_path):
    rows = "| **1 One.** Why? | core, class | 12 |", "| **2 Two.** How? | deeper | 30 |"
    table = "\n".join((*rows, "| **3 Three**: so | core | 8 + 5 |"))
    cells = [{"cell_type": "code", "source": []}, {"cell_type": "markdown", "source": [table]}]
    (tmp_path / "04_four.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    assert core_minutes("04", tmp_path) == 25
    with pytest.raises(FileNotFoundError, match="no notebook 05"):
        core_minutes("05", tmp_path)


def test_the_course_says_which_notebooks_are_half_filled(monkeypatch):
    shown = []
    monkeypatch.setattr(charts, "publish_display_data", shown.append)
    monkeypatch.setattr(charts, "png", lambda *_: b"")
    draw_course()
    assert "Those of 01 and 11 are half filled." in shown[0]["text/plain"]
    minutes = [box.label for box in whole_course().boxes if box.label.startswith("core: ")]
    assert len(minutes) == 13 and "core: 0 min" not in minutes


def test_the_encoder_that_reads_both_ways_is_drawn_as_it_is_computed():
    torch.manual_seed(0)
    encoder = AdditiveTranslator(11, SIZES["vocab"], embed=3, hidden=5).double().encoder
    source, diagram = torch.tensor([3, 4, 5, 6]), both_ways(list("abcd"))
    tensors = trace_both_ways(encoder, source)
    assert faults(diagram, tensors, SIZES) == []
    states, _ = encoder(source[None], torch.tensor([4]))
    torch.testing.assert_close(torch.stack([tensors[f"h{i}"] for i in range(1, 5)]), states[0])
    for place, arrow in enumerate(diagram.arrows):
        if "x" not in arrow.start:
            rest = diagram.arrows[:place] + diagram.arrows[place + 1 :]
            turned = dataclasses.replace(arrow, start=arrow.end, end=arrow.start)
            wrong = dataclasses.replace(diagram, arrows=(*rest, turned))
            assert faults(wrong, tensors, SIZES), arrow


def encoder_and_decoder():
    """The diagram over four words and five steps, its tensors, and the model."""
    torch.manual_seed(0)
    model = BottleneckTranslator(11, SIZES["vocab"], embed=3, hidden=5).double()
    fed = torch.tensor([1, 4, 5, 6, 7])
    tensors, logits = trace_encoder_decoder(model, torch.tensor([3, 4, 5, 6]), fed)
    diagram = encoder_decoder(list("abcd"), ["e", "f", "g", "h", "<end>"])
    return diagram, tensors, model, fed, logits


def test_encoder_and_decoder_are_drawn_as_they_are_computed():
    diagram, tensors, model, fed, logits = encoder_and_decoder()
    assert faults(diagram, tensors, SIZES) == []
    expected = model(torch.tensor([[3, 4, 5, 6]]), torch.tensor([4]), fed[None])[0]
    torch.testing.assert_close(torch.stack(logits), expected)


def tensor(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def recurrent_diagrams():
    torch.manual_seed(0)
    options = {"dtype": torch.float64}
    x, h = tensor(3), tensor(5)
    network = unrolled_network("Network", {1: "a", 2: "b"}, {2: "$y$", 4: "$z$"}, 4, weights=True)
    cell, output = nn.RNNCell(3, 5, **options), nn.Linear(5, 4, **options)
    inputs = [tensor(3).detach() for _ in range(3)]
    matrices = tensor(5, 3).detach(), tensor(5, 5).detach()
    return {
        "cell": (rnn_cell(), trace_rnn_cell(x, h, tensor(5, 3), tensor(5, 5), tensor(5))),
        "network": (network, trace_unrolled(network, cell, output)),
        "back": (back_through_time(3), trace_back_through_time(inputs, *matrices, tensor(5))),
        "gru": (gru_cell(), trace_gru_cell(nn.GRUCell(3, 5, **options), x, h)),
        "lstm": (lstm_cell(), trace_lstm_cell(nn.LSTMCell(3, 5, **options), x, h, tensor(5))),
    }


@pytest.mark.parametrize("name", ["cell", "network", "back", "gru", "lstm"])
def test_recurrent_layers_are_drawn_as_they_are_computed(name):
    diagram, tensors = recurrent_diagrams()[name]
    sizes = {"inputs": 3, "hidden": 5, "outputs": 4}
    assert faults(diagram, tensors, sizes) == []
    first = diagram.arrows[0]
    wrong = dataclasses.replace(first, start=first.end, end=first.start)
    assert faults(dataclasses.replace(diagram, arrows=(wrong, *diagram.arrows[1:])), tensors, sizes)


def test_the_traces_are_pytorchs_cells():
    torch.manual_seed(1)
    x, h, c = tensor(3), tensor(5), tensor(5)
    gru, lstm = nn.GRUCell(3, 5).double(), nn.LSTMCell(3, 5).double()
    torch.testing.assert_close(trace_gru_cell(gru, x, h)["h"], gru(x[None], h[None])[0])
    found, expected = trace_lstm_cell(lstm, x, h, c), lstm(x[None], (h[None], c[None]))
    torch.testing.assert_close((found["h"], found["c"]), (expected[0][0], expected[1][0]))


def test_the_way_back_gives_autograds_gradients():
    torch.manual_seed(2)
    inputs = [tensor(3) for _ in range(4)]
    parts = trace_back_through_time(inputs, tensor(5, 3), tensor(5, 5), tensor(5))
    for t in range(5):
        (gradient,) = torch.autograd.grad(parts["loss"], parts[f"h{t}"], retain_graph=True)
        torch.testing.assert_close(parts[f"g{t}"], gradient)


def test_a_box_shows_nothing_before_it_is_computed():
    diagram, _, model, *_ = encoder_and_decoder()
    words = ["<pad>", "<start>", "<end>", *"abcdefghij"]
    said, numbers = follow_encoder_decoder(model, torch.tensor([3, 4, 5, 6]), words, longest=5)
    known = diagram.computed(1)
    assert known == {"x1", "h1"} and len(diagram.computed(None)) == len(diagram.boxes)
    last = [t.get_text() for t in picture(diagram, numbers, len(diagram.stages)).axes[0].texts]
    assert said[0] in last
    assert said[0] not in [t.get_text() for t in picture(diagram, numbers, 1).axes[0].texts]


@pytest.mark.parametrize("make", [additive, encoder_and_decoder])
def test_any_arrow_left_out_or_turned_round_is_found(make):
    diagram, tensors, *_ = make()
    for place, arrow in enumerate(diagram.arrows):
        rest = diagram.arrows[:place] + diagram.arrows[place + 1 :]
        if arrow.choice or arrow.start.startswith("x") or arrow.start == "encoder":
            continue  # words are no tensors, and a state is where the gradients begin
        turned = dataclasses.replace(arrow, start=arrow.end, end=arrow.start)
        wrong = dataclasses.replace(diagram, arrows=(*rest, turned))
        assert faults(wrong, tensors, SIZES), arrow
        without = dataclasses.replace(diagram, arrows=rest)
        if without.reachable() != diagram.reachable():
            assert faults(without, tensors, SIZES), arrow


def test_an_arrow_that_nothing_flows_along_is_found():
    diagram, tensors, *_ = additive()
    wrong = dataclasses.replace(diagram, arrows=(*diagram.arrows, Arrow("h1", "e2")))
    assert faults(wrong, tensors, SIZES) == [
        "arrows lead from h1 to e2, which does not depend on it"
    ]


def test_a_wrong_shape_and_a_missing_tensor_are_found():
    diagram, tensors = toy()
    assert faults(diagram, tensors, {"two": 2}) == []
    assert "states the shape (two) = (3,)" in faults(diagram, tensors, {"two": 3})[0]
    assert "no size is given" in faults(diagram, tensors, {})[0]
    assert faults(diagram, {k: tensors[k] for k in "xh"}, {"two": 2}) == ["no tensor for box y"]
    assert "no bound box" in faults(diagram, tensors | {"z": tensors["x"]}, {"two": 2})[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arrows": arrows("x > z")}, r"used but not there: \['z'\]"),
        ({"stages": (Stage("Look.", ("q",)),)}, r"\['q'\]"),
        ({"boxes": (Box("x", "", "source", (0, 0)),) * 2}, r"named twice: \['x'\]"),
        ({"boxes": (Box("x", "", "cook", (0, 0)),), "arrows": (), "stages": ()}, "unknown roles"),
        ({"boxes": (), "arrows": (), "stages": ()}, "0 boxes"),
    ],
)
def test_a_diagram_that_contradicts_itself_is_refused(change, message):
    diagram, _ = toy()
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(diagram, **change)


def test_the_picture_holds_the_numbers_and_fades_what_is_not_spoken_of():
    diagram, _ = toy()
    numbers = Numbers("one", {"h": [1.0, -2.0]}, {"y": "chat"})
    fig = picture(diagram, numbers, stage=1)
    cells = [p for p in fig.axes[0].patches if isinstance(p, Rectangle)]
    assert len(cells) == 2
    texts = {text.get_text(): text.get_alpha() for text in fig.axes[0].texts}
    assert texts["chat"] < texts["$x$"] == 1.0
    with pytest.raises(ValueError, match="it has 1 to 2"):
        draw(diagram, stage=3)
    with pytest.raises(ValueError, match="does not have"):
        draw(diagram, Numbers("one", {"z": [1.0]}))


def test_arrows_touch_the_edges_of_their_boxes():
    low, high = Box("a", "", "source", (0, 0)), Box("b", "", "source", (0.2, 1), wide=3.0)
    tail, head = ends(low, high)
    assert tail[0] == head[0] == 0.0 and 0.25 < tail[1] < head[1] < 0.75
    beside = Box("c", "", "source", (2, 0.1))
    tail, head = ends(low, beside)
    assert tail[1] == head[1] and 0.39 < tail[0] < head[0] < 1.61


def test_the_translator_of_notebook_04_is_followed_as_the_courses_is():
    """It has the same layers, but all except the encoder's and U lie in its `decoder`."""

    class Parted(torch.nn.Module):
        def __init__(self, model):
            super().__init__()
            self.key, self.encode, self.start = model.key, model.encode, model.start
            self.decoder = torch.nn.Module()
            for name in ("query", "embedding", "cell", "output"):
                setattr(self.decoder, name, getattr(model, name))
            self.decoder.v = model.score.v

    model, words = additive()[2], ["<pad>", "<start>", "<end>", *"abcdefghij"]
    found = [follow_additive(m, torch.tensor([3, 4, 5]), words) for m in (model, Parted(model))]
    assert found[0] == found[1]


def test_a_translation_is_followed_to_its_end():
    _, _, model, *_ = additive()
    words = ["<pad>", "<start>", "<end>", *"abcdefghij"]
    source = torch.tensor([3, 4, 5, 6])
    found = follow_additive(model, source, words, longest=9)
    diagram = additive_step(list("abcd"))
    from helpers.decoding import greedy

    said, weights = greedy(model, source[None], torch.tensor([4]), 9)
    assert [n.name for n in found] == [words[i] for i in said[0].tolist()]
    for numbers, row in zip(found, weights[0], strict=True):
        assert [numbers.weights[f"a{i}"] for i in range(1, 5)] == pytest.approx(row.tolist())
        picture(diagram, numbers, stage=len(diagram.stages))
    assert found[0].words["y"] == "<start>"


def test_dark_figures_swap_greys_and_keep_shades(monkeypatch):
    shown = []
    monkeypatch.setattr(charts, "publish_display_data", shown.append)
    diagram, _ = toy()
    draw(diagram)
    html = shown[0]["text/html"]
    assert html.count("<img ") == 2 and html.count('alt="three boxes, one above"') == 2
    assert 'class="am-dark"' in html and "display:none" in html
    fig = picture(diagram, Numbers("one", {"h": [1.0, -2.0]}))
    cell = next(p for p in fig.axes[0].patches if isinstance(p, Rectangle))
    before = cell.get_facecolor()
    charts.darken_figure(fig)
    assert fig.get_facecolor()[:3] == pytest.approx((0.07,) * 3)
    assert fig.axes[0].title.get_color()[:3] == pytest.approx((0.95,) * 3)
    assert cell.get_facecolor() == before


def test_a_strip_of_few_numbers_holds_them_in_writing():
    diagram, _ = toy()
    texts = [
        [t.get_text() for t in picture(diagram, Numbers("", {"x": x})).axes[0].texts]
        for x in ([0.126, -2.0], [0.126, -2.0, 3.0, 4.0])
    ]
    assert {"0.13", "-2"} <= set(texts[0])  # whole numbers without a point
    assert not {"0.13", "-2"} & set(texts[1])  # four are too narrow to be read


def test_several_diagrams_stand_in_columns(monkeypatch):
    shown = []
    monkeypatch.setattr(
        "helpers.figures.diagrams.still.show", lambda *given: shown.append(given[0])
    )
    diagram, _ = toy()
    draw_all([diagram] * 3, "three times the same three boxes")
    places = [axes.get_subplotspec() for axes in shown[0].axes]
    assert [(place.rowspan.start, place.colspan.start) for place in places] == [
        (0, 0),
        (0, 1),
        (1, 0),
    ]
    assert [axes.get_title(loc="left") for axes in shown[0].axes] == ["Toy"] * 3
    with pytest.raises(ValueError, match="no diagrams"):
        draw_all([], "three times the same three boxes")


def test_a_drawing_holds_few_colours(monkeypatch):
    shown = []
    monkeypatch.setattr(charts, "publish_display_data", shown.append)
    fig, axes = charts.new_figure(3, 2)
    axes.imshow(torch.arange(300.0).view(15, 20))
    show_drawing(fig, "a map of many shades, which are a few in the picture")
    for data in re.findall('base64,([^"]+)', shown[0]["text/html"]):
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            assert len(image.getcolors()) <= COLOURS


def drawn_in(box, **numbers):
    """The cells of a box as (column, row, colour), and all texts, in a still picture."""
    given = Numbers("", {"x": numbers.pop("value")}, **numbers)
    axes = picture(Diagram("t", (box,), ()), given).axes[0]
    cells = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    found = [(round(c.get_x(), 3), round(c.get_y(), 3), c.get_facecolor()) for c in cells]
    return found, [text.get_text() for text in axes.texts]


def test_a_matrix_is_a_grid_with_the_words_of_its_rows_and_columns():
    box = Box("x", "$X$", "source", (0, 0), "source, 3", wide=2.4, tall=1.2)
    words = {"rows": {"x": ["the", "cats"]}, "columns": {"x": ["noun", "of many", "low"]}}
    cells, texts = drawn_in(box, value=torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, -6.0]]), **words)
    across, up = ([cell[axis] for cell in cells] for axis in (0, 1))
    assert len(set(across)) == 3 and len(set(up)) == 2
    assert across[:3] == across[3:] and up[0] == up[2] > up[3]
    assert {"the", "cats", "noun", "of many", "low", "0", "4", "-6"} <= set(texts)
    white, most = cells[0][2], cells[5][2]
    assert white == to_rgba(palette.shade(0.5, palette.SIGNED_RAMP))
    assert most == to_rgba(palette.shade(0, palette.SIGNED_RAMP))


def test_the_only_number_of_a_matrix_has_its_colour_and_a_number_alone_has_none():
    box = Box("x", "$X$", "source", (0, 0), "1, 1", wide=1.5)
    colours = [drawn_in(box, value=torch.tensor(v))[0][0][2] for v in ([[6.0]], [6.0])]
    expected = [palette.shade(place, palette.SIGNED_RAMP) for place in (1, 0.5)]
    assert colours == [to_rgba(colour) for colour in expected]


def test_boxes_that_are_compared_share_their_shades_and_decimals():
    """The smaller number looks smaller, which it does not where each box has its own shades."""
    boxes = tuple(Box(name, name, "source", (k, 0.0)) for k, name in enumerate("ab"))
    given = Numbers(values={"a": [0.5], "b": [0.001]})

    def seen(diagram: Diagram) -> list[tuple[str, str]]:
        axes = picture(diagram, given).axes[0]
        shades = [to_hex(p.get_facecolor()) for p in axes.patches if type(p) is Rectangle]
        return list(
            zip(shades, [t.get_text() for t in axes.texts if "." in t.get_text()], strict=True)
        )

    white = palette.shade(0.5, palette.SIGNED_RAMP)
    assert seen(Diagram("t", boxes, ())) == [(white, "0.50"), (white, "0.001")]
    orange, nearly_white = seen(Diagram("t", boxes, (), alike=frozenset("ab")))
    assert orange == (palette.ORANGE.lower(), "0.500")
    assert nearly_white == (palette.shade(0.501, palette.SIGNED_RAMP), "0.001")


@pytest.mark.parametrize(
    ("numbers", "wide", "expected"),
    [
        ([0.0025, 0.9951], 1.5, ["0.003", "0.995"]),
        ([0.0025, 0.9951], 0.68, ["0.00", "1.00"]),  # no room for more
        ([0.25, 1.0], 1.5, ["0.25", "1"]),
        ([-0.0001, 0.5], 1.5, ["0.000", "0.500"]),
    ],
)
def test_two_decimals_make_no_whole_number_of_a_broken_one(numbers, wide, expected):
    box = Box("x", "$X$", "source", (0, 0), "2", wide=wide)
    assert drawn_in(box, value=torch.tensor(numbers))[1][:2] == expected


def test_the_letter_of_a_size_stands_below():
    texts = drawn_in(Box("y", "$Y$", "source", (0, 0), "source, d_k"), value=[1.0])[1]
    assert texts == ["$Y$", "source, $d_{k}$"]
