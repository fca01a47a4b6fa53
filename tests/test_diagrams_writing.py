"""The pictures of notebook 02, each held against the model that it draws."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from matplotlib.colors import to_hex
from torch import nn

from helpers import palette
from helpers.corpus import Pair
from helpers.decoding import greedy
from helpers.exercises.nb02.answers import clipped_matches
from helpers.figures import charts, loss_by_length
from helpers.figures.diagrams import Arrow, faults, picture
from helpers.figures.diagrams.links import crossing, draw_links, linked_words
from helpers.figures.diagrams.ngrams import matching
from helpers.figures.diagrams.padding import (
    follow_loss_mask,
    loss_mask,
    padded_batch,
    trace_loss_mask,
    trace_padded_batch,
)
from helpers.figures.diagrams.translation import as_drawn
from helpers.figures.diagrams.writing import (
    CANDIDATES,
    feeding,
    follow_greedy,
    greedy_step,
    trace_feeding,
    trace_greedy_step,
)
from helpers.models import BottleneckTranslator
from helpers.training import masked_loss

SIZES = {"embed": 3, "hidden": 6, "vocab": 13}
SOURCE, LENGTHS = torch.tensor([[3, 4, 0, 0], [5, 6, 7, 8]]), torch.tensor([2, 4])
WANTED = torch.tensor([[4, 5, 2, 0, 0], [6, 7, 8, 9, 2]])
WORDS = ["<pad>", "<start>", "<end>", *"abcdefghij"]


def translator() -> BottleneckTranslator:
    torch.manual_seed(0)
    return BottleneckTranslator(11, SIZES["vocab"], embed=3, hidden=6).double()


def drawn(name):
    model = translator()
    if name == "batch":
        tensors = trace_padded_batch(model.encoder, SOURCE, LENGTHS)
        return padded_batch(["ab", "abcd"]), tensors
    if name == "loss":
        logits = torch.randn(2, 5, 13, dtype=torch.float64, requires_grad=True)
        return loss_mask(["a", "b", "<end>"], [*"abcd", "<end>"]), trace_loss_mask(logits, WANTED)
    context = torch.randn(6, dtype=torch.float64, requires_grad=True)
    if name == "greedy":
        state = torch.randn(6, dtype=torch.float64, requires_grad=True)
        return greedy_step(13), trace_greedy_step(model, context, torch.tensor(1), state)[0]
    fed = torch.tensor([1, 4, 5])
    return feeding(list("abc"), list("abd"), name == "own"), trace_feeding(model, context, fed)


NAMES = ("batch", "loss", "greedy", "gold", "own")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_drawn_as_it_is_computed(name):
    diagram, tensors = drawn(name)
    assert faults(diagram, tensors, SIZES) == []


@pytest.mark.parametrize("name", NAMES)
def test_any_arrow_turned_round_is_found(name):
    diagram, tensors = drawn(name)
    bound = {box.name for box in diagram.boxes if box.bound}
    for place, arrow in enumerate(diagram.arrows):
        if arrow.choice or not {arrow.start, arrow.end} <= bound:
            continue  # words are no tensors
        turned = dataclasses.replace(arrow, start=arrow.end, end=arrow.start)
        rest = diagram.arrows[:place] + diagram.arrows[place + 1 :]
        wrong = dataclasses.replace(diagram, arrows=(*rest, turned))
        assert faults(wrong, tensors, SIZES), arrow


def test_padding_that_reaches_the_context_or_the_loss_is_found():
    for name, leak in (("batch", Arrow("h1,3", "c1")), ("loss", Arrow("l1,4", "L"))):
        diagram, tensors = drawn(name)
        wrong = dataclasses.replace(diagram, arrows=(*diagram.arrows, leak))
        assert faults(wrong, tensors, SIZES) == [
            f"arrows lead from {leak.start} to {leak.end}, which does not depend on it"
        ]


def test_the_batch_and_the_loss_are_the_models():
    model = translator()
    parts = trace_padded_batch(model.encoder, SOURCE, LENGTHS)
    found = torch.stack([parts["c1"], parts["c2"]])
    torch.testing.assert_close(found, model.encode(SOURCE, LENGTHS))
    assert padded_batch(["ab", "abcd"]).masked == {"h1,3", "h1,4"}
    logits = torch.randn(2, 5, 13)
    expected = masked_loss(logits, WANTED).item()
    assert follow_loss_mask(logits, WANTED).values["L"] == pytest.approx(expected)


def test_the_states_are_those_of_the_words_that_are_fed():
    model = translator()
    context = model.encode(SOURCE[1:], LENGTHS[1:])
    fed = torch.tensor([1, 4, 5])
    parts = trace_feeding(model, context[0], fed)
    states = torch.stack([parts[f"s{t}"] for t in (1, 2, 3)])
    expected = model(SOURCE[1:], LENGTHS[1:], fed[None])[0]
    torch.testing.assert_close(model.output(states), expected)


def test_only_free_running_feeds_the_words_that_were_said():
    gold, said = ["le", "chat", "<end>"], ["la", "chat", "<end>"]
    for own, word in ((False, "le"), (True, "la")):
        diagram = feeding(gold, said, own)
        assert diagram.box("y1").label == word
        back = [a for a in diagram.arrows if (a.start, a.end) == ("w1", "y1")]
        assert len(back) == own and all(arrow.choice for arrow in back)
        assert [diagram.box(f"w{t}").label for t in (1, 2, 3)] == ["la ✗", "chat", "<end>"]


def test_greedy_decoding_is_followed_to_its_end():
    model = translator()
    english = ["<pad>", "<start>", "<end>", *"qrstuvwx"]
    moments = follow_greedy(model, SOURCE[1], WORDS, english, longest=9)
    said, _ = greedy(model, SOURCE[1:], LENGTHS[1:], 9)
    assert [moment.name for moment in moments] == [WORDS[i] for i in said[0].tolist()]
    assert moments[0].words["y"] == "<start>"
    assert {moment.words["x"] for moment in moments} == {"s t u v"}
    for before, moment in zip(moments, moments[1:], strict=False):
        assert moment.words["y"] == before.words["said"] == before.words["z1"]
    chances = [moments[0].weights[f"p{k}"] for k in range(1, CANDIDATES + 1)]
    assert chances == sorted(chances, reverse=True) and 0 < sum(chances) < 1
    assert sum(chances) + moments[0].weights["prest"] == pytest.approx(1)
    assert moments[0].words["said"] in str(
        [text.get_text() for text in picture(greedy_step(13), moments[0], 5).axes[0].texts]
    )


class Own(nn.Module):
    """A translator that names its parts as notebook 02 does."""

    def __init__(self, model: BottleneckTranslator) -> None:
        super().__init__()
        self.encoder, self.decoder = model.encoder, nn.Module()
        self.decoder.embedding, self.decoder.gru = model.embedding, model.gru
        self.decoder.output = model.output


def test_a_learners_own_translator_is_drawn_and_no_random_number_is_taken_for_it():
    model = translator()
    before = torch.get_rng_state()
    copy = as_drawn(Own(model))
    assert torch.equal(torch.get_rng_state(), before)
    fed = torch.tensor([[1, 4, 5]])
    expected = model(SOURCE[1:], LENGTHS[1:], fed)
    torch.testing.assert_close(copy(SOURCE[1:], LENGTHS[1:], fed), expected)
    assert as_drawn(model) is model


PAIR = Pair(
    ("tired", "students", "cry"),
    ("les", "étudiants", "fatigués", "pleurent"),
    frozenset({(0, 2), (1, 1), (2, 3)}),
    frozenset({(0, 2), (1, 0), (1, 1), (2, 3)}),
    (),
)


def test_links_that_cross_are_dashed_and_have_another_colour(monkeypatch):
    assert crossing(PAIR.sure) == {(0, 2), (1, 1)}
    assert crossing({(0, 0), (1, 1), (1, 2)}) == set()
    lines = linked_words(PAIR).axes[0].lines
    looks = [(line.get_linestyle(), to_hex(line.get_color()).upper()) for line in lines]
    assert looks == [("--", palette.VERMILLION)] * 2 + [("-", palette.BLUE)]
    shown = []
    monkeypatch.setattr(charts, "publish_display_data", shown.append)
    monkeypatch.setattr(charts, "png", lambda *_: b"")
    draw_links(PAIR)
    alt = shown[0]["text/plain"]
    assert "cry and pleurent" in alt and alt.count("tired and fatigués") == 2


def test_the_loss_is_drawn_apart_for_short_and_long_sentences(monkeypatch):
    drawn = {}
    monkeypatch.setattr("helpers.figures.losses.lines", lambda curves, **_: drawn.update(curves))
    loss_by_length([4.0, 3.0, 2.0, 1.0], [9, 20, 20, 9], limit=18, start=5.0, every=2)
    assert drawn == {
        "over 18 words": ([0, 2, 4], [5.0, 3.0, 2.0]),
        "up to 18 words": ([0, 2, 4], [5.0, 4.0, 1.0]),
    }


@pytest.mark.parametrize(
    ("candidate", "reference", "n"),
    [
        ("le le le le", "le chat et le chien", 1),
        ("le petit chat dort .", "le petit chat noir dort .", 2),
        ("le chat le chat", "un chat le chat", 2),
        ("le", "le chat", 1),
    ],
)
def test_the_arrows_are_the_clipped_matches(candidate, reference, n):
    words = candidate.split(), reference.split()
    diagram = matching(*words, n)
    matches, total = clipped_matches(*words, n)
    assert len(diagram.arrows) == matches == len({arrow.start for arrow in diagram.arrows})
    assert len(diagram.masked) == total - matches
    for arrow in diagram.arrows:
        assert diagram.box(arrow.start).label == diagram.box(arrow.end).label


def test_too_few_words_for_an_ngram_are_refused():
    with pytest.raises(ValueError, match="1 words hold no 2-gram"):
        matching(["le"], ["le", "chat"], 2)
