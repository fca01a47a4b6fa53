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


def filled_in(step, state, words):
    said = torch.empty_like(words)
    for t in range(words.size(1)):
        scores, state = step(words[:, t], state)
        said[:, t] = scores.softmax(dim=1).max(dim=1).indices
    return said


def columns_joined(step, state, words):
    said = []
    for previous in words.T:
        scores, state = step(previous, state)
        said.append(scores.argmax(dim=-1, keepdim=True))
    return torch.cat(said, dim=1)


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        (nb03.words_when_fed, filled_in),
        (nb03.words_when_fed, columns_joined),
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


def greedy_from_the_first_word(step, state, words):
    said = [words[:, 0]]
    for _ in range(words.size(1)):
        scores, state = step(said[-1], state)
        said.append(scores.argmax(dim=-1))
    return torch.stack(said[1:], dim=1)


def one_step_short(step, state, words):
    said = []
    for t in range(words.size(1) - 1):
        scores, state = step(words[:, t], state)
        said.append(scores.argmax(dim=-1))
    return torch.stack(said, dim=1) if said else words[:, :0]


def one_id_a_step(step, state, words):
    said = []
    for previous in words.unbind(dim=1):
        scores, state = step(previous, state)
        said.append(int(scores.argmax()))
    return torch.tensor([said])


@pytest.mark.parametrize(
    ("exercise", "answer", "name"),
    [
        (nb03.words_when_fed, greedy_from_the_first_word, "own_word"),
        (nb03.words_when_fed, one_step_short, "last_missing"),
        (nb03.words_when_fed, one_id_a_step, "one_for_all"),
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


def sentence_by_sentence(step, state, words):
    rows = []
    for row in words:
        said, now = [], state
        for word in row:
            scores, now = step(word, now)
            said.append(scores.argmax(dim=-1))
        rows.append(torch.stack(said))
    return torch.stack(rows)


def columns_of_one(step, state, words):
    return nb03.words_when_fed.reference(lambda word, now: step(word[:, None], now), state, words)


def unknown_words(step, state, words):
    return nb03.words_when_fed.reference(lambda word, now: step(word + 100, now), state, words)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (sentence_by_sentence, "step was given words of shape (); it expects (B,) = (2,)"),
        (columns_of_one, "step was given words of shape (2, 1); it expects (B,) = (2,)"),
        (unknown_words, "step was given words that it does not have; its ids are 0 to 4."),
    ],
)
def test_step_says_what_it_needs(answer, reason):
    verdict = nb03.words_when_fed.verdict(answer)
    assert verdict.kind == NOT_YET
    assert reason in unwrapped(verdict.message)


def test_one_call_of_step_for_each_column_is_enough():
    def called_twice(step, state, words):
        said = nb03.words_when_fed.reference(step, state, words)
        step(words[:, 0], state)
        return said

    verdict = nb03.words_when_fed.verdict(called_twice)
    assert verdict.kind == NOT_YET
    assert "not the number of calls: step 4. Needed: step 3." in unwrapped(verdict.message)
