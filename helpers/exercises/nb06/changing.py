"""Exercises of notebook 06, second part: take a state away, and check a map."""

from __future__ import annotations

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb06 import answers


def _weight_cases(dice: Dice) -> list[tuple]:
    return [
        (torch.tensor([[[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]]),),
        (torch.tensor([[[0.25, 0.375, 0.375], [0.0, 1.0, 0.0]]]),),  # equal ones, and a row of one
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


without_largest = Exercise(
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
            lambda weights: _rescaled(
                weights.scatter(
                    -1, weights.size(-1) - 1 - weights.flip(-1).argmax(dim=-1, keepdim=True), 0.0
                )
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
            lambda weights: _rescaled(
                weights.scatter(-1, weights.argmin(dim=-1, keepdim=True), 0.0)
            ),
            "The smallest weight was taken away, not the largest.",
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


def _map_cases(dice: Dice) -> list[tuple]:
    def case(b: int, t: int, s: int) -> tuple:
        # Any numbers from 0 to 1: a map to be checked may break every rule.
        weights = dice.weights(b, t, s) * (1 + dice.integers(-1, 2, b, t, 1) / 8)
        return weights, torch.arange(s) < dice.lengths(b, s)[:, None, None]

    slowly = torch.tensor([[[0.7, 0.3, 0.0], [0.6, 0.4, 0.0], [0.5, 0.5, 0.0], [0.4, 0.6, 0.0]]])
    short = torch.tensor([[[0.5, 0.25, 0.125], [0.5, 0.125, 0.25]]])  # sums below 1
    return [
        (short, torch.tensor([[[True, True, False]]])),
        (slowly, torch.tensor([[[True, True, False]]])),
        case(2, 3, 4),
        case(*dice.sizes(3)),
        case(*dice.sizes(3)),
    ]


def _parts(weights: torch.Tensor, mask: torch.Tensor, **changed) -> tuple:
    """The right three numbers, but for those that are given."""
    names = ("off", "on_padding", "apart")
    right = dict(zip(names, answers.check_map(weights, mask), strict=True))
    return tuple({**right, **changed}[name] for name in names)


check_map = Exercise(
    name="nb06.check_map",
    title="Tell a broken map by three numbers",
    difficulty=3,
    minutes=15,
    core=False,
    reference=answers.check_map,
    spec=answers.check_map_spec,
    cases=_map_cases,
    sizes=lambda weights, mask: dict(zip("BTS", weights.shape, strict=True)),
    returns={"off": "B", "on_padding": "B", "apart": "B"},
    training_case=lambda: (
        torch.softmax(torch.randn(200, 30, 24), dim=-1),
        torch.arange(24) < torch.randint(4, 25, (200, 1, 1)),
    ),
    shapes_hint="amax takes several axes at once: weights.amax(dim=(1, 2)) leaves (B,).",
    wrong_answers=(
        Wrong(
            "columns",
            lambda weights, mask: _parts(
                weights, mask, off=(weights.sum(dim=1) - 1).abs().amax(dim=-1)
            ),
            "The sums were taken down the columns. A row, one query, must sum to 1: add over the "
            "last axis.",
        ),
        Wrong(
            "signed",
            lambda weights, mask: _parts(weights, mask, off=(weights.sum(dim=-1) - 1).amax(dim=-1)),
            "The distance from 1 keeps its sign, so a row that sums to less than 1 goes unseen. "
            "Take the absolute value first.",
        ),
        Wrong(
            "mean_of_rows",
            lambda weights, mask: _parts(
                weights, mask, off=(weights.sum(dim=-1) - 1).abs().mean(dim=-1)
            ),
            "The distances of the rows were averaged. One bad row among many would be lost in the "
            "mean: take the largest.",
        ),
        Wrong(
            "mask_upside_down",
            lambda weights, mask: _parts(
                weights, mask, on_padding=weights.masked_fill(~mask, 0.0).amax(dim=(1, 2))
            ),
            "This is the largest weight on a word. The mask is True on words; what is asked for "
            "lies where it is False.",
        ),
        Wrong(
            "padding_added_up",
            lambda weights, mask: _parts(
                weights, mask, on_padding=weights.masked_fill(mask, 0.0).sum(dim=(1, 2))
            ),
            "The weights on padding were added up. Asked for is the largest single one.",
        ),
        Wrong(
            "neighbouring_rows",
            lambda weights, mask: _parts(
                weights,
                mask,
                apart=(weights[:, 1:] - weights[:, :-1]).abs().amax(dim=(1, 2))
                if weights.size(1) > 1
                else weights.new_zeros(len(weights)),
            ),
            "Only rows that follow each other are compared. Weights that change slowly lie far "
            "apart in the end: compare the largest of a column with its smallest.",
        ),
        Wrong(
            "along_the_row",
            lambda weights, mask: _parts(
                weights,
                mask,
                apart=(weights.amax(dim=-1) - weights.amin(dim=-1)).amax(dim=-1),
            ),
            "Compared are the weights of one row. A map that looks at the same word at every step "
            "would pass: compare the rows, column by column.",
        ),
        Wrong(
            "one_number",
            lambda weights, mask: tuple(
                part.amax().expand(len(weights)) for part in answers.check_map(weights, mask)
            ),
            "The largest was taken over the whole batch. Each sentence has a map of its own, and "
            "gets its own three numbers.",
        ),
    ),
    hints=(
        "For each of the three: over which axes is the largest taken, so that one number a "
        "sentence is left?",
        "off: sums over the last axis, minus 1, absolute, largest over the rows\n"
        "on_padding: weights with the words set to 0, largest over rows and columns\n"
        "apart: largest minus smallest of each column, largest over the columns",
        "off = (weights.sum(dim=-1) - 1).abs()....\n"
        "on_padding = weights.masked_fill(mask, 0.0)....\n"
        "apart = (weights.amax(dim=1) - ...).amax(dim=-1)",
    ),
    why="each number is 0 for one kind of soundness, and the largest lets no single bad row hide.",
)
