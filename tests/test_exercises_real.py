"""Notebook 13: the exercises' answers are the course's own search, cache and loss."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from helpers.decoding import length_penalty
from helpers.exercises import nb13
from helpers.exercises.engine import CORRECT, NOT_YET, RAISED, SLOW
from helpers.models import sampled_softmax
from tests.exercise_tools import define, unwrapped

LOOPS = (nb13.sampled_loss, nb13.beam_step, nb13.cached_step)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_the_exercises_have_wrong_answers_to_be_told_from():
    assert all(len(exercise.wrong_answers) >= 7 for exercise in nb13.EXERCISES)


def test_sampled_loss_is_the_helpers():
    targets = torch.randint(0, 300, (12,))
    short = sampled_softmax.draw_words(targets, 300, frequent=20, drawn=60)
    logits = torch.randn(12, len(short.words), dtype=torch.float64)
    own = nb13.sampled_loss.reference(logits, short.places, short.drawn, short.rest)
    torch.testing.assert_close(own, sampled_softmax.sampled_loss(logits, short, 300, smoothing=0.0))


def test_length_scores_are_the_helpers():
    sums, lengths = -torch.rand(5), torch.randint(1, 30, (5,))
    own = nb13.length_scores.reference(sums, lengths, 0.7)
    torch.testing.assert_close(own, sums / length_penalty(lengths, 0.7))


def test_cached_steps_are_masked_self_attention():
    queries, keys, values = (torch.randn(2, 6, d, dtype=torch.float64) for d in (4, 4, 3))
    past, rows = (keys[:, :0], values[:, :0]), []
    for t in range(6):
        row, *past = nb13.cached_step.reference(queries[:, t], keys[:, t], values[:, t], *past)
        rows.append(row)
    expected = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
    torch.testing.assert_close(torch.stack(rows, dim=1), expected)
    torch.testing.assert_close(past[0], keys)


@pytest.mark.parametrize("exercise", LOOPS, ids=lambda exercise: exercise.name)
def test_a_loop_is_correct_but_slow(exercise):
    assert exercise.verdict(exercise.spec).kind == SLOW


def by_sorting(sums, gains):
    totals = (sums.unsqueeze(-1) + gains).reshape(len(sums), -1)
    values, indices = totals.sort(dim=-1, descending=True)
    best = indices[:, : sums.shape[1]]
    width = gains.shape[-1]
    parents = torch.div(best, width, rounding_mode="floor")
    return values[:, : sums.shape[1]], parents, best - parents * width


def by_kernel(query, key, value, past_keys, past_values):
    keys = torch.cat((past_keys, key[:, None]), 1)
    values = torch.cat((past_values, value[:, None]), 1)
    found = F.scaled_dot_product_attention(query[:, None], keys, values)
    return found[:, 0], keys, values


def by_counting(symbols, left, right, new):
    merged, k = [], 0
    while k < len(symbols):
        pair = symbols[k : k + 2] == [left, right]
        merged.append(new if pair else symbols[k])
        k += 1 + pair
    return merged


def by_exponentials(logits, places, drawn, rest):
    largest = logits.amax(1, keepdim=True)
    powers = (logits - largest).exp()
    z = powers[:, :-drawn].sum(1) + rest / drawn * powers[:, -drawn:].sum(1)
    return (z.log() + largest[:, 0] - logits[torch.arange(len(places)), places]).mean()


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        (nb13.beam_step, by_sorting),
        (nb13.cached_step, by_kernel),
        (nb13.merge_pair, by_counting),
        (nb13.sampled_loss, by_exponentials),
        (nb13.length_scores, lambda s, n, a: s * (6 / (5 + n)) ** a),
    ],
    ids=lambda value: getattr(value, "name", "answer"),
)
def test_other_right_ways_are_right(exercise, answer):
    assert exercise.verdict(answer).kind in (CORRECT, SLOW)


def greedy_each(sums, gains):
    values, words = (sums.unsqueeze(2) + gains).max(-1)
    return values, torch.arange(sums.size(1)).repeat(len(sums), 1), words


@pytest.mark.parametrize(
    ("exercise", "answer", "name"),
    [
        (nb13.beam_step, greedy_each, "one_of_each"),
        (
            nb13.cached_step,
            lambda q, k, v, pk, pv: (by_kernel(q, k, v, pk, pv)[0], pk, pv),
            "not_kept",
        ),
        (
            nb13.sampled_loss,
            lambda x, y, d, r: F.cross_entropy(x, y),
            "nothing_stands_for",
        ),
        (nb13.length_scores, lambda s, n, a: s / n, "plain_mean"),
        (nb13.merge_pair, lambda s, a, b, n: [n if x in (a, b) else x for x in s], "every_symbol"),
    ],
    ids=lambda value: getattr(value, "name", "answer"),
)
def test_slip_in_other_words_is_known_too(exercise, answer, name):
    assert exercise.verdict(answer).misconception == name


@pytest.mark.parametrize(
    ("exercise", "body", "kind", "said"),
    [
        (
            nb13.beam_step,
            "return (sums + gains).flatten(1).topk(sums.size(1), dim=1)",
            RAISED,
            "sums needs a third axis, (B, K, 1)",
        ),
        (
            nb13.cached_step,
            "return torch.cat([past_keys, key], dim=1)",
            RAISED,
            "query, key and value have no axis of words",
        ),
        (
            nb13.merge_pair,
            "symbols.append(new)\n    return symbols",
            NOT_YET,
            "",
        ),
    ],
    ids=lambda value: getattr(value, "name", "answer"),
)
def test_what_does_not_fit_is_said(exercise, body, kind, said):
    head = exercise.stub.partition('    raise NotImplementedError("your turn")')[0]
    verdict = exercise.verdict(define(exercise, f"{head}    {body}\n"))
    assert verdict.kind == kind
    assert said in unwrapped(verdict.message)
