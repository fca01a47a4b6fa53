"""Notebook 06's exercises: other right ways are right, and slips in other words are known."""

from __future__ import annotations

import pytest
import torch

from helpers import metrics
from helpers.analysis import alignment
from helpers.attention import masked_softmax
from helpers.exercises import nb06
from helpers.exercises.engine import CORRECT, NOT_YET, SLOW
from helpers.exercises.inputs import Dice
from tests.exercise_tools import unwrapped

named = {"ids": lambda value: getattr(value, "name", "answer")}


def counted_as_floats(found, sure, possible):
    a, s, p = (table.float() for table in (found, sure, possible))
    return 1 - (a * s + a * p).sum() / (a + s).sum()


def as_sets(found, sure, possible):
    a, s, p = ({tuple(cell) for cell in t.nonzero().tolist()} for t in (found, sure, possible))
    return torch.tensor(1 - (len(a & s) + len(a & p)) / (len(a) + len(s)))


def pair_by_pair(links):
    marks = torch.zeros(len(links), dtype=torch.bool)
    for a, (i, t) in enumerate(links.tolist()):
        for b, (j, u) in enumerate(links.tolist()[:a]):
            if (i - j) * (t - u) < 0:
                marks[a] = marks[b] = True
    return marks


def by_signs(links):
    signs = torch.sign(links[:, None] - links)  # (N, N, 2)
    return (signs.prod(dim=-1) == -1).any(dim=0)


def row_by_row(weights):
    rest = torch.zeros_like(weights)
    for b in range(weights.size(0)):
        for t in range(weights.size(1)):
            row = weights[b, t].clone()
            row[row.argmax()] = 0
            if row.sum() > 0:
                rest[b, t] = row / row.sum()
    return rest


def masked_by_one_hot(weights):
    taken = torch.nn.functional.one_hot(weights.argmax(dim=-1), weights.size(-1)).bool()
    rest = weights.masked_fill(taken, 0.0)
    return rest / rest.sum(dim=-1, keepdim=True).clamp(min=1e-12)


def zeros_in_the_gradient_too(weights):
    rest = weights.scatter(-1, weights.max(dim=-1, keepdim=True).indices, 0.0)
    total = rest.sum(dim=-1, keepdim=True)
    empty = total == 0
    return (rest / total.masked_fill(empty, 1.0)).masked_fill(empty, 0.0)


def all_pairs_of_rows(weights, mask):
    padding = torch.where(mask.expand_as(weights), 0.0, weights)
    apart = (weights[:, :, None] - weights[:, None]).abs()  # (B, T, T, S)
    return [
        torch.max(torch.abs(1 - weights.sum(-1)), dim=-1).values,
        padding.flatten(1).max(dim=-1).values,
        apart.flatten(1).max(dim=-1).values,
    ]


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        (nb06.alignment_error, counted_as_floats),
        (nb06.alignment_error, as_sets),
        (
            nb06.diagonal_links,
            lambda target, source: [(2 * t + 1) * source // (2 * target) for t in range(target)],
        ),
        (
            nb06.diagonal_links,
            lambda target, source: ((torch.arange(target) + 0.5) / target * source).int().tolist(),
        ),
        (nb06.crossing, pair_by_pair),
        (nb06.crossing, by_signs),
        (nb06.without_largest, row_by_row),
        (nb06.without_largest, masked_by_one_hot),
        (nb06.without_largest, zeros_in_the_gradient_too),
        (nb06.check_map, all_pairs_of_rows),
    ],
    **named,
)
def test_other_right_ways_are_right(exercise, answer):
    assert exercise.verdict(answer).kind in (CORRECT, SLOW)


def sentence_by_sentence(found, sure, possible):
    errors = [counted_as_floats(*tables) for tables in zip(found, sure, possible, strict=True)]
    return torch.stack(errors).mean()


def both_sorted(links):
    order = (100 * links[:, 0] + links[:, 1]).argsort()  # links of one word do not cross
    behind = torch.zeros(len(links), dtype=torch.bool)
    most = -1
    for place in order.tolist():
        behind[place] = links[place, 1] < most
        most = max(most, int(links[place, 1]))
    return behind


def every_largest_masked(weights):
    top = weights.max(dim=-1, keepdim=True).values
    rest = weights.masked_fill(weights == top, 0.0)
    return rest / rest.sum(dim=-1, keepdim=True).clamp(min=1e-12)


def changed_in_the_callers_tensor(weights):
    for row in weights.detach().flatten(0, 1):
        row[row.argmax()] = 0
    return weights / weights.sum(dim=-1, keepdim=True).clamp(min=1e-12)


def step_to_step(weights, mask):
    off, on_padding, _ = nb06.check_map.reference(weights, mask)
    change = torch.cat([weights[:, :1] * 0, weights.diff(dim=1).abs()], dim=1)
    return off, on_padding, change.amax(dim=(1, 2))


@pytest.mark.parametrize(
    ("exercise", "answer", "name"),
    [
        (nb06.alignment_error, sentence_by_sentence, "mean_of_sentences"),
        (
            nb06.alignment_error,
            lambda a, s, p: 1 - 2 * (a & (s | p)).sum() / (a.sum() + s.sum()),
            "possible_only",
        ),
        (nb06.alignment_error, lambda a, s, p: (a ^ s).float().mean(), "over_cells"),
        (
            nb06.diagonal_links,
            lambda target, source: [t * source // target for t in range(target)],
            "from_the_start",
        ),
        (nb06.diagonal_links, lambda target, source: [0] * target, "share"),
        (nb06.crossing, lambda links: (links[:, 0] - links[:, 1]).bool(), "off_the_diagonal"),
        (nb06.without_largest, every_largest_masked, "all_equal_ones"),
        (nb06.without_largest, changed_in_the_callers_tensor, "in_place"),
        (nb06.check_map, step_to_step, "neighbouring_rows"),
    ],
    **named,
)
def test_slip_in_other_words_is_known_too(exercise, answer, name):
    assert exercise.verdict(answer).misconception == name


def test_links_behind_a_longer_one_are_only_half_of_those_that_cross():
    assert nb06.crossing.verdict(both_sorted).misconception == "one_of_two"


@pytest.mark.parametrize(
    ("exercise", "name", "shown"),
    [
        (nb06.alignment_error, "sure_only", "expected: 0.4\n  got: 0.6"),
        (nb06.diagonal_links, "sizes_swapped", "target_length = 1\n  source_length = 2"),
        (nb06.without_largest, "nothing_left", "[0, 1, 0]"),
        (nb06.without_largest, "all_equal_ones", "[0.25, 0.375, 0.375]"),
        (nb06.check_map, "signed", "[0.5, 0.25, 0.125]"),
        (nb06.check_map, "neighbouring_rows", "expected apart: [0.3]\n  got apart: [0.1]"),
    ],
)
def test_input_shown_fits_the_words(exercise, name, shown):
    (wrong,) = (wrong for wrong in exercise.wrong_answers if wrong.name == name)
    assert shown in exercise.verdict(wrong.function).details


def test_a_gradient_that_is_wrong_elsewhere_is_found():
    def cut_off(weights):
        right = nb06.without_largest.reference(weights)
        return right.detach() + 0.5 * (right - right.detach())

    verdict = nb06.without_largest.verdict(cut_off)
    assert verdict.kind == NOT_YET
    assert "the gradient that reaches weights is not" in unwrapped(verdict.message)


def test_the_answers_are_what_helpers_compute():
    dice = Dice(3)
    for target, source in ((4, 7), (24, 5), (9, 9)):
        places = nb06.diagonal_links.reference(target, source)
        assert {(i, t) for t, i in enumerate(places)} == alignment.diagonal_links(target, source)
    links = torch.unique(dice.integers(0, 12, 20, 2), dim=0)
    marked = links[nb06.crossing.reference(links)]
    assert {tuple(link) for link in marked.tolist()} == alignment.crossing_links(
        map(tuple, links.tolist())
    )
    found, draw = dice.integers(0, 2, 3, 5, 6).bool(), dice.integers(0, 4, 3, 5, 6)
    tables = found, draw == 0, draw <= 1
    sets = [[{tuple(cell) for cell in one.T.nonzero().tolist()} for one in t] for t in tables]
    error = metrics.alignment_error_rate(*sets)
    assert float(nb06.alignment_error.reference(*tables)) == pytest.approx(error, abs=1e-6)


def test_taking_a_weight_away_is_masking_its_score():
    scores = Dice(4).normal(3, 4, 6).double()
    weights = torch.softmax(scores, dim=-1)
    kept = torch.ones_like(weights).bool().scatter(-1, weights.argmax(-1, keepdim=True), False)
    expected = masked_softmax(scores, kept)
    torch.testing.assert_close(nb06.without_largest.reference(weights), expected)
