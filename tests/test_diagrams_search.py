"""Pictures of a beam and of merges show what was found, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from helpers.figures.diagrams import picture
from helpers.figures.diagrams.search import Way, beam_tree, follow_beam, merging

WORDS = ["<pad>", "<start>", "<end>", "le", "un", "chat"]


def step(previous, state):
    """After <start>: le .6, un .4; after le: chat .3; after un: chat .9; the rest is <end>."""
    table = torch.full((6, 6), 1e-6)
    table[1, 3], table[1, 4] = 0.6, 0.4
    table[3, 5], table[3, 4], table[3, 2] = 0.3, 0.3, 0.4
    table[4, 5], table[4, 3] = 0.9, 0.1
    table[5, 2] = 1.0
    return table.log()[previous], state + 1


def test_the_beam_keeps_what_is_likeliest_as_a_whole():
    levels = follow_beam(step, torch.zeros(1, 2, 1), WORDS, 3)
    first, second = levels[:2]
    assert [way.word for way in first[:2]] == ["le", "un"]
    assert (second[0].word, second[0].parent) == ("chat", 1)  # un chat, though le was likelier
    assert second[0].chance == pytest.approx(0.36)
    assert [way.kept for way in second] == [True, True, False, False]
    assert len(levels) == 2  # le <end> is kept, so a hypothesis has ended


def test_only_what_is_kept_goes_on_in_the_tree():
    levels = follow_beam(step, torch.zeros(1, 2, 1), WORDS, 3)
    tree = beam_tree(levels)
    starts = {arrow.start.partition(" out")[0] for arrow in tree.arrows}
    assert not starts & tree.masked
    assert len(tree.masked) == 4
    assert ("w1_1 out 0", "w2_0 in") in {(arrow.start, arrow.end) for arrow in tree.arrows}
    assert picture(tree).get_size_inches()[0] > 2


def test_a_tree_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no steps"):
        beam_tree([])
    assert beam_tree([[Way(-1, "le", 0.6, True)]]).masked == frozenset()


def test_arrows_lead_from_the_letters_into_their_piece():
    found = merging([list("est_"), ["es", "t", "_"], ["es", "t_"]])
    pairs = {(arrow.start, arrow.end) for arrow in found.arrows}
    assert {("p0_0", "p1_0"), ("p0_1", "p1_0"), ("p1_1", "p2_1"), ("p1_2", "p2_1")} <= pairs
    assert ("p0_2", "p1_0") not in pairs
    with pytest.raises(ValueError, match="spell the same word"):
        merging([["e", "s"], ["et"]])


def test_arrows_from_one_word_begin_apart():
    tree = beam_tree([[Way(-1, "le", 0.6, True), Way(-1, "un", 0.4, True)]])
    first, second = (tree.box(arrow.start).at for arrow in tree.arrows)
    assert first[0] == second[0] and first[1] > second[1]


def test_a_number_that_is_kept_looks_larger_than_one_that_is_lost():
    ways = [Way(-1, "le", 0.00081, True), Way(-1, "un", 0.00079, False)]
    labels = [box.label for box in beam_tree([ways]).boxes if box.label]
    assert labels[1:] == ["le\n0.00081", "un ✗\n0.00079"]
    plain = beam_tree([[Way(-1, "le", 0.6, True), Way(-1, "un", 0.4, True)]])
    assert [box.label for box in plain.boxes if box.label][1:] == ["le\n0.60", "un\n0.40"]
    both = beam_tree([[Way(-1, "le", 0.6, True)], [replace(way, parent=0) for way in ways]])
    labels = [box.label for box in both.boxes if box.label]
    assert labels[1:] == ["le\n0.60000", "le\n0.00081", "un ✗\n0.00079"]  # in both columns
