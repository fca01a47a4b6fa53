"""The word before: its lines, its model with positions and without, and how it is scored."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import nn

from helpers.corpus.vocabulary import Vocabulary
from helpers.models.attention_layer import AttentionLayer
from helpers.models.positions import sinusoidal_positions
from helpers.tasks.previous_word import (
    LONGEST,
    PLACES,
    POSITION_KINDS,
    SHORTEST,
    Lines,
    PreviousWordModel,
    ShiftedLoss,
    accuracy_by_place,
    chance_level,
    previous_word_loss,
    previous_words,
)
from helpers.training import fit

V = 40


def model(positions, seed=0, width=16):
    torch.manual_seed(seed)
    return PreviousWordModel(V, positions, width)


class Told(nn.Module):
    """Says what `rule` makes of the words, certain of it, and notes the places it was given."""

    def __init__(self, rule):
        super().__init__()
        self.rule, self.places = rule, []

    def forward(self, words, first=0):
        self.places.append(first)
        return 50.0 * nn.functional.one_hot(self.rule(words), V).float(), None


def test_lines_hold_different_words_and_no_specials():
    words = Lines(V, seed=1).draw(200, 12)
    assert words.shape == (200, 12)
    assert all(len(set(line)) == 12 for line in words.tolist())
    assert set(words.unique().tolist()) == set(range(Vocabulary.end + 1, V))
    # No word prefers a place: each of 37 stands first about as often.
    first = Lines(V, seed=2).draw(3700, 5)[:, 0].bincount(minlength=V)[Vocabulary.end + 1 :]
    assert int(first.min()) > 60 and int(first.max()) < 145


def test_batches_have_one_length_each_and_all_trained_lengths_come():
    batches = [batch.shape for batch, _ in zip(Lines(V, 7, seed=0), range(300), strict=False)]
    assert {count for count, _ in batches} == {7}
    assert {length for _, length in batches} == set(range(SHORTEST, LONGEST + 1))


def test_lines_follow_their_seed(monkeypatch):
    one, same, other = (Lines(V, seed=seed).draw(5, 9) for seed in (3, 3, 4))
    assert torch.equal(one, same) and not torch.equal(one, other)
    monkeypatch.setenv("COURSE_SEED", "3")
    assert torch.equal(Lines(V).draw(5, 9), one)


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match=r"vocabulary is 26; expected 27 or more"):
        Lines(26)
    lines = Lines(V)
    for count, length in ((1, 38), (1, 1), (0, 9)):
        with pytest.raises(ValueError, match=f"{count} lines of {length} words .* 2 to 37 words"):
            lines.draw(count, length)
    assert lines.draw(1, 37).shape == (1, 37)


def test_the_word_before():
    words = torch.tensor([[5, 9, 7], [8, 3, 4]])
    assert previous_words(words).tolist() == [[0, 5, 9], [0, 8, 3]]
    assert words.tolist() == [[5, 9, 7], [8, 3, 4]]


@pytest.mark.parametrize("positions", POSITION_KINDS)
def test_model_shapes_and_rows_that_sum_to_one(positions):
    words = Lines(V, seed=0).draw(3, 11)
    logits, weights = model(positions)(words, need_weights=True)
    assert logits.shape == (3, 11, V) and weights.shape == (3, 1, 11, 11)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(3, 1, 11))
    fused, none = model(positions)(words)
    assert none is None
    torch.testing.assert_close(fused, logits)


@pytest.mark.parametrize("positions", POSITION_KINDS)
def test_only_without_positions_a_shuffle_moves_the_outputs_along(positions):
    one, words = model(positions).double(), Lines(V, seed=0).draw(2, 9)
    order = torch.tensor([4, 0, 7, 2, 8, 1, 3, 6, 5])
    off = (one(words[:, order])[0] - one(words)[0][:, order]).abs().max().item()
    assert off < 1e-10 if positions == "none" else off > 1e-3


def test_the_model_is_words_plus_positions_through_one_layer():
    one, words = model("sinusoidal"), Lines(V, seed=0).draw(2, 9)
    states = one.embedding(words) + sinusoidal_positions(30, 16)[20:29]
    assert isinstance(one.layer, AttentionLayer) and one.layer.heads == 1
    torch.testing.assert_close(one(words, first=20)[0], one.output(one.layer(states)[0]))
    sizes = {kind: sum(p.numel() for p in model(kind).parameters()) for kind in POSITION_KINDS}
    assert sizes["none"] == sizes["sinusoidal"] == sizes["learned"] - PLACES * 16


def test_learned_positions_end_and_the_others_do_not():
    words = Lines(V, seed=0).draw(2, 10)
    one = model("learned")
    torch.testing.assert_close(one.place(10, first=5), one.positions.table[5:15])
    one(words, first=PLACES - 10)
    with pytest.raises(ValueError, match=f"{PLACES + 1} positions .* only {PLACES} were learnt"):
        one(words, first=PLACES - 9)
    assert model("sinusoidal")(words, first=500)[0].isfinite().all()
    assert model("none").place(10) is None
    with pytest.raises(ValueError, match=r"'rotary'; expected one of none, sinusoidal, learned"):
        PreviousWordModel(V, "rotary")


def test_the_loss_counts_each_place_but_the_first():
    words = Lines(V, seed=0).draw(4, 9)
    assert previous_word_loss(Told(previous_words), words).item() < 1e-6
    wrong_at_first = Told(lambda w: previous_words(w).index_fill(1, torch.tensor([0]), 6))
    assert previous_word_loss(wrong_at_first, words).item() < 1e-6
    assert previous_word_loss(Told(lambda w: w), words).item() == pytest.approx(50, abs=1e-3)
    even = Told(previous_words)
    even.forward = lambda words: (torch.zeros(*words.shape, V), None)
    assert previous_word_loss(even, words).item() == pytest.approx(log(V), abs=1e-5)


def test_lines_that_begin_anywhere():
    told, words = Told(previous_words), Lines(V, seed=0).draw(2, 9)
    loss = ShiftedLoss(latest=5, seed=0)
    assert all(loss(told, words).item() < 1e-6 for _ in range(100))
    assert set(told.places) == set(range(6))
    again, same = Told(previous_words), ShiftedLoss(latest=5, seed=0)
    for _ in range(100):
        same(again, words)
    assert again.places == told.places
    with pytest.raises(ValueError, match="latest is -1; expected a place, 0 or more"):
        ShiftedLoss(-1)


def test_right_by_place_counts_place_by_place():
    lines = Lines(V, seed=5)
    assert accuracy_by_place(Told(previous_words), lines, 6, 50).tolist() == [1.0] * 5
    assert accuracy_by_place(Told(lambda w: w), lines, 6, 50).tolist() == [0.0] * 5
    third = Told(lambda w: torch.where(torch.arange(6) == 3, previous_words(w), w))
    assert accuracy_by_place(third, lines, 6, 50).tolist() == [0.0, 0.0, 1.0, 0.0, 0.0]
    placed = Told(previous_words)
    accuracy_by_place(placed, lines, 6, 50, first=17)
    assert placed.places == [17]


def test_the_guess_is_what_a_bag_allows():
    first = Told(lambda w: w[:, :1].expand_as(w))  # the same one for all: right once in a line
    share = accuracy_by_place(first, Lines(V, seed=0), 9, 20).mean().item()
    assert share == pytest.approx(chance_level(9)) and chance_level(9) == 1 / 8


@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
def test_the_order_is_learnt_with_positions_only(positions):
    def trained(kind):
        one = model(kind, width=32)
        fit(one, Lines(V, 32, seed=0), steps=500, lr=1e-2, loss=previous_word_loss)
        return accuracy_by_place(one, Lines(V, seed=9), LONGEST, 200).mean().item()

    assert trained(positions) > 0.95
    if positions == "sinusoidal":
        assert abs(trained("none") - chance_level(LONGEST)) < 0.02
