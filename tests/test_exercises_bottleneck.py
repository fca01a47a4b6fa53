"""Notebook 03's exercises: other right ways are right, and slips in other words are known."""

from __future__ import annotations

import math

import pytest
import torch

from helpers.exercises import nb03
from helpers.exercises.engine import CORRECT, NOT_YET, SLOW
from tests.exercise_tools import unwrapped

named = {"ids": lambda value: getattr(value, "name", "answer")}


def note_by_note(numbers, values, vocabulary):
    def left(notes):
        return 0 if notes < vocabulary else 1 + left(notes // vocabulary)

    return left(values**numbers)


def masked_means(losses, real, lengths, edges):
    low, high = torch.tensor(edges).T[..., None]
    chosen = ((lengths >= low) & (lengths <= high))[..., None] & real  # (N, B, T)
    return (losses * chosen).sum((1, 2)) / chosen.sum((1, 2))


def distance_by_distance(said, words, lengths):
    shares = []
    for distance in range(int(lengths.max())):
        rows = (lengths > distance).nonzero()[:, 0]
        places = lengths[rows] - 1 - distance
        shares.append((said[rows, places] == words[rows, places]).float().mean())
    return torch.stack(shares)


def counted_by_distance(said, words, lengths):
    real = words != 0  # (B, S)
    distances = (lengths[:, None] - 1 - torch.arange(words.size(1)))[real]
    return torch.bincount(distances, (said == words)[real].float()) / torch.bincount(distances)


def padding_moved_back(source, lengths):
    turned = source.flip(1)
    return turned.gather(1, (turned == 0).int().argsort(dim=1, stable=True))


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        (nb03.words_that_fit, note_by_note),
        (nb03.null_curve, lambda p, n, ts: torch.exp(ts * torch.tensor(p).log() / n)),
        (nb03.null_curve, lambda p, n, ts: torch.tensor([(p ** (1 / n)) ** t for t in ts])),
        (nb03.loss_by_length, masked_means),
        (nb03.recall_by_distance, distance_by_distance),
        (nb03.recall_by_distance, counted_by_distance),
        (nb03.reverse_source, padding_moved_back),
        (
            nb03.reverse_source,
            lambda x, n: x.gather(1, (n[:, None] - 1 - torch.arange(x.size(1))) % x.size(1)),
        ),
    ],
    **named,
)
def test_other_right_ways_are_right(exercise, answer):
    assert exercise.verdict(answer).kind in (CORRECT, SLOW)


@pytest.mark.parametrize(
    "logarithm",
    [
        lambda n, v, words: math.floor(n * math.log(v) / math.log(words)),
        lambda n, v, words: int(n * math.log(v, words)),
        lambda n, v, words: int(math.log(v**n, words)),
        lambda n, v, words: int(math.log(v**n) // math.log(words)),
        lambda n, v, words: int(n * math.log2(v) / math.log2(words)),
        lambda n, v, words: int(math.log2(v**n) / math.log2(words)),
        lambda n, v, words: int(n * math.log10(v) / math.log10(words)),
        lambda n, v, words: int(math.log10(v**n) / math.log10(words)),
        lambda n, v, words: int(n * math.log(v) / math.log(words) + 1e-9),
    ],
)
def test_no_logarithm_of_floats_counts_notes_exactly(logarithm):
    assert nb03.words_that_fit.verdict(logarithm).misconception == "by_logarithm"


def looked_up_backwards(said, words, lengths):
    rows, right = torch.arange(len(lengths)), said == words
    return torch.stack(
        [right[rows, lengths - 1 - d].float().mean() for d in range(int(lengths.max()))]
    )


@pytest.mark.parametrize(
    ("exercise", "answer", "name"),
    [
        (nb03.words_that_fit, lambda n, v, w: int(n * math.log(w) / math.log(v)), "roles_swapped"),
        (nb03.words_that_fit, lambda n, v, w: n * int(math.log(v, w)), "number_by_number"),
        (nb03.null_curve, lambda p, n, lengths: p ** (lengths * 0 + 1 / n), "word_only"),
        (
            nb03.loss_by_length,
            lambda x, real, n, edges: nb03.loss_by_length.reference(
                x, torch.ones_like(real), n, edges
            ),
            "padding_counted",
        ),
        (nb03.recall_by_distance, looked_up_backwards, "padding_right"),
        (nb03.reverse_source, lambda x, n: x[:, range(x.size(1) - 1, -1, -1)], "whole_row"),
    ],
    **named,
)
def test_slip_in_other_words_is_known_too(exercise, answer, name):
    assert exercise.verdict(answer).misconception == name


def test_result_with_a_share_for_each_column_has_the_wrong_shape():
    verdict = nb03.recall_by_distance.verdict(lambda said, words, n: torch.zeros(words.size(1)))
    assert verdict.kind == NOT_YET
    assert unwrapped(verdict.message) == (
        "recall has the wrong shape: expected (D) = (3), yours is (S) = (4)."
    )
