"""The warm-up exercise of notebook 00: `from helpers.exercises import nb00 as ex`."""

from __future__ import annotations

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice


def softmax(scores: torch.Tensor) -> torch.Tensor:
    """Return weights (S,) that are positive and sum to 1: exp of each score over their sum.

    scores: (S,), any numbers, large ones too.
    """
    powers = torch.exp(scores - scores.max())
    return powers / powers.sum()


_reference = softmax  # its text, under the learner's name, is the solution


def _spec(scores: torch.Tensor) -> torch.Tensor:
    weights = torch.zeros_like(scores)
    largest = max(float(score) for score in scores)
    total = sum(torch.exp(score - largest) for score in scores)
    for i in range(len(scores)):
        weights[i] = torch.exp(scores[i] - largest) / total
    return weights


def _cases(dice: Dice) -> list[tuple]:
    sizes = dice.sizes(3)
    negative, large = torch.tensor([-1.0, 2.0]), torch.tensor([1000.0, 1001.0, 999.0])
    wide = torch.tensor([-1000.0, 1000.0, 0.0, 1000.0])  # taking the smallest away does not help
    low = torch.tensor([-1001.0, -1000.0, -999.0])  # nor does taking the largest size away
    normal = [(dice.normal(size),) for size in (1, *sizes)]
    return [(negative,), *normal, (large,), (wide,), (low,)]


softmax = Exercise(
    name="nb00.softmax",
    title="Turn any numbers into weights",
    difficulty=1,
    minutes=5,
    core=True,
    reference=_reference,
    spec=_spec,
    cases=_cases,
    sizes=lambda scores: {"S": scores.size(0)},
    returns={"weights": "S"},
    training_case=lambda: (torch.randn(2000),),
    wrong_answers=(
        Wrong(
            "no_sum",
            lambda scores: torch.exp(scores),
            "The powers are there, but they do not sum to 1 yet: divide each by the sum of all.",
        ),
        Wrong(
            "no_exp",
            lambda scores: scores / scores.sum(),
            "The scores are divided by their sum without exp. Scores can be negative; weights "
            "cannot, and exp is what makes every one of them positive.",
        ),
        Wrong(
            "overflow",
            lambda scores: torch.exp(scores) / torch.exp(scores).sum(),
            "Right for small scores, but exp(1000) is infinity, and infinity over infinity is no "
            "number. Subtract the largest score first: it changes no weight.",
        ),
        Wrong(
            "hard_max",
            lambda scores: (scores == scores.max()).float(),
            "All the weight is on the largest score. Softmax is softer: the others keep a share.",
        ),
        Wrong(
            "sigmoids",
            torch.sigmoid,
            "A sigmoid of each score looks at that score alone. Weights are shares of one "
            "whole, so each of them must depend on all the scores.",
        ),
        Wrong(
            "max_in_one_place",
            lambda scores: torch.exp(scores - scores.max()) / torch.exp(scores).sum(),
            "The largest score is taken away above the line of the fraction only. Take it away "
            "below as well, because otherwise the weights change.",
        ),
        Wrong(
            "softer",
            lambda scores: torch.softmax(scores / len(scores) ** 0.5, dim=0),
            "The scores are divided before exp. Here they are taken as they are; a division "
            "belongs to dot products, whose size grows with their width.",
        ),
        Wrong(
            "divided_before_exp",
            lambda scores: torch.exp(scores / scores.sum()),
            "The scores are divided by their sum before exp. Take exp first, and divide the powers "
            "by their own sum, because it is the weights that must add up to 1.",
        ),
        Wrong(
            "divided_by_largest",
            lambda scores: torch.softmax(scores / scores.max(), dim=0),
            "The scores are divided by the largest one, which changes the weights. Subtract it: "
            "then every power is divided by the same number, and each share stays as it is.",
        ),
        Wrong(
            "smallest_first",
            lambda scores: torch.softmax(-scores, dim=0),
            "The smallest score gets the largest weight: there is a minus too many before exp.",
        ),
        Wrong(
            "logarithms",
            lambda scores: torch.log_softmax(scores, dim=0),
            "These are the logarithms of the weights: log_softmax where softmax belongs.",
        ),
    ),
    hints=(
        "Two facts help. If you add the same number to all scores, no weight changes, because each "
        "power, and so their sum, is multiplied by the same factor. And exp(1000) is inf, and "
        "inf / inf is nan (not a number). So what can you take away from all scores before exp?",
        "Take exp of each score, then divide by the sum. For scores near 1000, what does exp give?",
        "powers = torch.exp(scores - scores.max()); then divide powers by their sum.",
    ),
    why="exp makes every number positive and dividing by the sum makes them add up to 1. Taking "
    "away the largest score divides above and below by the same power, so no weight changes, and "
    "no power can overflow.",
)

EXERCISES = (softmax,)
