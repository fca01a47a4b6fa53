"""What wrong results have in common is said in a sentence that is true of all of them."""

from __future__ import annotations

import pytest
import torch

from helpers.exercises import nb03, nb06, nb08, nb09, nb10, nb12, patterns
from helpers.exercises.engine import NOT_YET
from helpers.exercises.patterns import Failure
from tests.exercise_tools import unwrapped


def failures(change, *shapes):
    """Failures of a function that changes the expected numbers, drawn in several shapes."""
    drawn = [torch.softmax(torch.randn(*shape), dim=-1) for shape in shapes]
    return [
        Failure(expected, change(expected), dict(zip("BTS", expected.shape, strict=True)))
        for expected in drawn
    ]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda x: -x, "each number has the wrong sign"),
        (lambda x: x * x.size(0), "each number is B times what it should be"),
        (lambda x: x / x.size(2) ** 0.5, "each number is 1 / sqrt(S) times"),
        (lambda x: x + 0.25, "each number is too large by 0.25"),
        (lambda x: 0 * x, "every number is 0"),
        (lambda x: x.flip(1), "in the other order along T"),
        (lambda x: x.roll(1, 2), "one place too late along S"),
        (lambda x: x[:, :1].expand_as(x), "the same at every place along T"),
        (lambda x: x.flatten().flip(0).view_as(x), "they stand in other places"),
        (lambda x: x / x.sum(dim=1, keepdim=True), "sums to 1 along T, and it should along S"),
        (lambda x: x**3, "each row along S must sum to 1, and some of yours do not"),
        (lambda x: x**2, "the right result went through a square as well"),
        (lambda x: x.log(), "the right result is this one, through exp: is that missing?"),
        (lambda x: 1.4427 * x, "each number is 1.44 times what it should be"),
        (lambda x: torch.cat([x[:, :-1], x[:, -1:] ** 3], dim=1), "only the last place along T"),
        (lambda x: torch.cat([x[:, :1], x[:, 1:] ** 3], dim=1), "only the first place along T"),
        (lambda x: x.masked_fill(x < x.mean(), 0.0), "0 where there should be numbers"),
    ],
)
def test_pattern_of_numbers_is_said(change, text):
    torch.manual_seed(0)
    found = patterns.pattern(failures(change, (2, 3, 5), (3, 5, 6)), {"weights": "B T S"})
    assert text in found
    assert found.startswith("weights: ")


def test_pattern_must_be_true_of_every_failure():
    torch.manual_seed(0)
    one, other = failures(lambda x: 2 * x, (2, 3, 5)), failures(lambda x: 3 * x, (3, 4, 5))
    assert "2 times" in patterns.pattern(one, {"weights": "B T S"})
    assert "B times" in patterns.pattern(other, {"weights": "B T S"})
    assert "B times" in patterns.pattern([*one, *other], {"weights": "B T S"})
    alone = [failure._replace(sizes={}) for failure in (*one, *other)]
    assert "times" not in patterns.pattern(alone, {"weights": "B T S"})


def test_single_number_shows_no_pattern():
    failure = Failure(torch.tensor(2.0), torch.tensor(4.0), {"B": 2})
    assert patterns.pattern([failure], {"loss": ""}) == ""
    other = Failure(torch.tensor(5.0), torch.tensor(10.0), {"B": 3})
    assert patterns.pattern([failure, other], {"loss": ""}) == (
        "loss: each number is 2 times what it should be."
    )


@pytest.mark.parametrize(
    ("expected", "got", "text"),
    [
        ([4, 5, 6], [4, 5], "the last one is missing"),
        ([4, 5, 6], [5, 6], "the first one is missing"),
        ([4, 5], [4, 5, 2], "one too many, at the end"),
        ([4, 5], [1, 4, 5], "one too many, at the beginning"),
        ([4, 5, 7], [7, 5, 4], "in the other order"),
        ([4, 5, 7], [5, 6, 8], "each is one too large"),
        ([4, 5, 7], [3, 4, 6], "each is one too small"),
        ([4, 5, 7, 8], [4, 5], "it stops too early"),
        ([4, 5], [4, 5, 7, 8], "it goes on too long"),
        ([4, 5, 7], [5, 4, 7], "the right ones, in another order"),
    ],
)
def test_pattern_of_words_is_said(expected, got, text):
    assert text in patterns.pattern([Failure(expected, got, {})], {"words": ""})


def test_one_wrong_result_of_several_is_named():
    expected, got = (torch.ones(2, 3), 4), (torch.ones(2, 3), 5)
    returns = {"outputs": "B T", "count": ""}
    assert patterns.pattern([Failure(expected, got, {})] * 2, returns) == (
        "Only count is wrong: it is one too large."
    )
    both = Failure(expected, (torch.zeros(2, 3), 5), {})
    assert patterns.pattern([both, both], returns) == ""
    of_another_kind = Failure(expected, (torch.ones(2, 3), torch.ones(2)), {})
    assert patterns.pattern([of_another_kind] * 2, returns) == ""


@pytest.mark.parametrize(
    ("exercise", "answer", "text"),
    [
        (
            nb12.warm_up_rates,
            lambda *given: 2 * nb12.warm_up_rates.reference(*given),
            "rates: each number is 2 times what it should be.",
        ),
        (
            nb10.causal_mask,
            lambda length: torch.ones(length, length, dtype=torch.bool).tril().triu(-2),
            "some is False that must be True, and the rest is right.",
        ),
        (
            nb06.diagonal_links,
            lambda t, s: nb06.diagonal_links.reference(t, s)[::-1],
            "places: they stand in the other order.",
        ),
        (
            nb09.layers_to_meet,
            lambda d, k: (*nb09.layers_to_meet.reference(d, k)[:2], 2),
            "Only attention is wrong: it is one too large.",
        ),
        (
            nb03.words_that_fit,
            lambda n, v, w: nb03.words_that_fit.reference(n, v, w) * (n != 8),
            "right on 8 of the 9 inputs",
        ),
        (
            nb08.attention_outputs,
            lambda q, k, v: (nb08.attention_outputs.reference(q, k, v)[0] + 1, q @ k.mT),
            "none of the usual slips explains it",
        ),
    ],
    ids=lambda value: getattr(value, "name", "answer"),
)
def test_slip_without_a_name_is_told_by_its_pattern(exercise, answer, text):
    verdict = exercise.verdict(answer)
    assert (verdict.kind, verdict.misconception) == (NOT_YET, "")
    assert text in unwrapped(verdict.message)
    assert "The smallest input that shows it" in verdict.details


def test_size_that_tells_right_from_wrong_is_said():
    one, two, five = ({"T": n} for n in (1, 2, 5))
    wrong = [Failure(0, 1, size) for size in (two, five)]
    assert (
        patterns.where(wrong, [one], {"n": ""})
        == "n: of the inputs tried, right only where T is 1."
    )
    assert "right up to T=2, and wrong above" in patterns.where(
        [Failure(0, 1, five), Failure(0, 1, {"T": 6})], [one, two], {"n": ""}
    )
    assert "wrong only where T is 1" in patterns.where([Failure(0, 1, one)], [two, five], {"n": ""})
    assert "right from T=5 on, and wrong below" in patterns.where(
        [Failure(0, 1, one), Failure(0, 1, two)], [five, {"T": 6}], {"n": ""}
    )
    assert "right on 2 of the 3 inputs" in patterns.where(
        [Failure(0, 1, two)], [five, two], {"n": ""}
    )
    assert patterns.where(wrong, [], {"n": ""}) == ""


def test_size_is_not_blamed_where_another_one_tells_the_inputs_apart_as_well():
    wrong = [Failure(0, 1, {"T": t, "S": t + 1}) for t in (5, 6)]
    right = [{"T": t, "S": t + 1} for t in (2, 3)]
    assert patterns.where(wrong, right, {"n": ""}) == ""


def test_sentence_is_exact_if_it_says_how_to_make_the_right_result_of_a_wrong_one():
    exact = ("each number is too large by 1.", "it stands in the other order along T.")
    assert all(patterns.is_exact(f"scores: {sentence}") for sentence in exact)
    assert not patterns.is_exact("scores: it is right wherever it is not 0")
    assert not patterns.is_exact("")
