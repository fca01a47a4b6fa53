"""Exercises of notebook 06, third part: take the most attended state away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb06 import answers
from helpers.exercises.running import Outcome


class _FreeWhereNothingIsLeft(Exercise):
    """In a row with nothing left, one finite gradient is as good as another; NaN is not."""

    def _run(self, function: Callable, case: tuple, **how: Any) -> Outcome:
        outcome = super()._run(function, case, **how)
        gradient = outcome.gradients.get("weights")
        if gradient is not None:
            empty = answers.without_largest(case[0]).sum(dim=-1, keepdim=True) == 0
            outcome.gradients["weights"] = gradient.masked_fill(empty & gradient.isfinite(), 0.0)
        return outcome


def _weight_cases(dice: Dice) -> list[tuple]:
    return [
        (torch.tensor([[[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]]),),
        (torch.tensor([[[0.25, 0.375, 0.375], [0.0, 1.0, 0.0]]]),),  # equal ones, and a row of one
        # Nearly nothing left beside the largest, and a 0 as on padding.
        (torch.tensor([[[0.99997, 2e-5, 1e-5, 0.0]], [[0.4, 0.3, 0.2, 0.1]]]),),
        (dice.weights(2, 1, 4),),
        (dice.weights(*dice.sizes(3)),),
        (dice.weights(*dice.sizes(3)),),
    ]


def _rescaled(rest: torch.Tensor) -> torch.Tensor:
    total = rest.sum(dim=-1, keepdim=True)
    return rest / torch.where(total > 0, total, 1.0)


def _in_place(weights: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        weights.scatter_(-1, weights.argmax(dim=-1, keepdim=True), 0.0)
    return _rescaled(weights)


def _rest(weights: torch.Tensor) -> torch.Tensor:
    return weights.scatter(-1, weights.argmax(dim=-1, keepdim=True), 0.0)


def _softmax_again(weights: torch.Tensor) -> torch.Tensor:
    largest = weights.argmax(dim=-1, keepdim=True)
    return torch.softmax(weights.scatter(-1, largest, -torch.inf), dim=-1)


def _one_for_the_sentence(weights: torch.Tensor) -> torch.Tensor:
    best = weights.sum(dim=1, keepdim=True).argmax(dim=-1, keepdim=True)  # (B, 1, 1)
    return _rescaled(weights.scatter(-1, best.expand(-1, weights.size(1), -1), 0.0))


def _one_of_the_map(weights: torch.Tensor) -> torch.Tensor:
    top = weights.amax(dim=(1, 2), keepdim=True)
    return _rescaled(torch.where(weights == top, 0.0, weights))


def _one_place(weights: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """Without each row's weight at `place`, (B, T, 1)."""
    return _rescaled(weights.scatter(-1, place, 0.0))


def _from_one(weights: torch.Tensor) -> torch.Tensor:
    left = 1 - weights.amax(dim=-1, keepdim=True)
    return _rest(weights) / torch.where(left > 0, left, 1.0)


def _where_after(weights: torch.Tensor) -> torch.Tensor:
    rest = _rest(weights)
    total = rest.sum(dim=-1, keepdim=True)
    return torch.where(total > 0, rest / total, 0.0)


def _through_logarithms(weights: torch.Tensor) -> torch.Tensor:
    scores = weights.log().scatter(-1, weights.argmax(dim=-1, keepdim=True), -torch.inf)
    return torch.softmax(scores, dim=-1).nan_to_num(0.0)


def _shared_out(weights: torch.Tensor) -> torch.Tensor:
    share = weights.amax(dim=-1, keepdim=True) / max(weights.size(-1) - 1, 1)
    return (weights + share).scatter(-1, weights.argmax(dim=-1, keepdim=True), 0.0)


without_largest = _FreeWhereNothingIsLeft(
    name="nb06.without_largest",
    title="Take the most attended state away",
    difficulty=3,
    minutes=15,
    core=True,
    reference=answers.without_largest,
    spec=answers.without_largest_spec,
    cases=_weight_cases,
    sizes=lambda weights: dict(zip("BTS", weights.shape, strict=True)),
    returns={"rest": "B T S"},
    gradients=("weights",),
    training_case=lambda: (torch.softmax(torch.randn(200, 30, 24), dim=-1),),
    shapes_hint="argmax(dim=-1, keepdim=True) gives (B, T, 1), which scatter takes as the place.",
    wrong_answers=(
        Wrong(
            "not_rescaled",
            _rest,
            "The largest weight is gone, but the rest of the row no longer sums to 1. Masked "
            "before the softmax, the others would share what is free.",
        ),
        Wrong(
            "softmax_again",
            _softmax_again,
            "A softmax was taken of the weights that are left. They are not scores: it would make "
            "them nearly equal. Divide by their sum.",
        ),
        Wrong(
            "all_equal_ones",
            lambda weights: _rescaled(
                torch.where(weights == weights.amax(dim=-1, keepdim=True), 0.0, weights)
            ),
            "Where two weights are the largest, both were taken away. One state is masked: the "
            "first of them.",
        ),
        Wrong(
            "last_of_equals",
            lambda weights: _one_place(
                weights, weights.size(-1) - 1 - weights.flip(-1).argmax(dim=-1, keepdim=True)
            ),
            "Of equal largest weights the last was taken. Take the first, as argmax does.",
        ),
        Wrong(
            "one_for_all_rows",
            _one_for_the_sentence,
            "The same state was taken from all rows of a sentence. Each row has its own most "
            "attended state.",
        ),
        Wrong(
            "one_of_the_map",
            _one_of_the_map,
            "Only the largest weight of the whole map was taken away. Each row, a target word, "
            "loses its own largest.",
        ),
        Wrong(
            "nothing_left",
            lambda weights: (rest := _rest(weights)) / rest.sum(dim=-1, keepdim=True),
            "A row whose largest weight was 1 has nothing left, and 0 / 0 is NaN. Such a row gives "
            "zeros.",
        ),
        Wrong(
            "in_place",
            _in_place,
            "The weights that were given are changed. The caller still needs them: make a new "
            "tensor, as scatter without the underscore does.",
        ),
        Wrong(
            "smallest",
            lambda weights: _one_place(weights, weights.argmin(dim=-1, keepdim=True)),
            "The smallest weight was taken away, not the largest.",
        ),
        Wrong(
            "softmax_with_the_zero",
            lambda weights: torch.softmax(_rest(weights), dim=-1),
            "A softmax was taken over the zero as well. The softmax of 0 is not 0, so the state "
            "that was taken away gets weight again. Divide by the sum.",
        ),
        Wrong(
            "minus_infinity",
            lambda weights: (
                (rest := weights.scatter(-1, weights.argmax(dim=-1, keepdim=True), -torch.inf))
                / rest.sum(dim=-1, keepdim=True)
            ),
            "The largest weight was set to minus infinity. That is for scores, before the softmax; "
            "a weight that is gone is 0.",
        ),
        Wrong(
            "by_columns",
            lambda weights: _rescaled(weights.scatter(1, weights.argmax(dim=1, keepdim=True), 0.0)),
            "Each column has lost its largest weight, so a row can lose several or none. A query "
            "is a row: look along the last axis.",
        ),
        Wrong(
            "shared_out",
            _shared_out,
            "What the largest had is shared out in equal parts. A softmax without that state keeps "
            "the ratios of the others: one with twice the weight gets twice as much of it.",
        ),
        Wrong(
            "from_one",
            _from_one,
            "The rest is divided by 1 minus the largest weight. On paper that is its sum, but "
            "where the largest is near 1 most digits of the difference are lost to rounding. Add "
            "up what is left.",
        ),
        Wrong(
            "nan_in_the_gradient",
            _where_after,
            "The numbers are right, but the division by 0 still takes place before torch.where "
            "leaves it out, and its gradient is NaN. Replace the sum of 0 before you divide.",
        ),
        Wrong(
            "through_logarithms",
            _through_logarithms,
            "The way back to scores by a logarithm gives the right numbers, but the logarithm of a "
            "weight of 0, as on padding, has a gradient of NaN. Dividing by the sum needs none.",
        ),
        Wrong(
            "divided_by_the_largest",
            lambda weights: _rest(weights) / weights.amax(dim=-1, keepdim=True),
            "The rest is divided by the weight that was taken away. Divide it by its own sum, so "
            "that the row sums to 1 again.",
        ),
    ),
    hints=(
        "Softmax with one score at minus infinity: what happens to the ratios of the other "
        "weights?",
        "largest = place of the largest weight of each row     (B, T, 1)\n"
        "rest = the weights with 0 at that place, in a new tensor\n"
        "divide each row by its sum, unless the sum is 0",
        "largest = weights.argmax(dim=-1, keepdim=True)\nrest = weights.scatter(-1, largest, 0.0)\n"
        "total = rest.sum(...)\nrest / torch.where(total > 0, total, 1.0)",
    ),
    why="a mask before the softmax leaves the ratios of the other weights as they are, so dividing "
    "by what is left gives the same.",
)
