"""Exercises of notebook 07, second part: whether a word looks at what it speaks of."""

from __future__ import annotations

import torch
from torch.nn.functional import one_hot

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb07 import answers


def _look_cases(dice: Dice) -> list[tuple]:
    def case(t: int, s: int) -> tuple:
        cells = dice.integers(-1, s, t)
        cells[:3] = torch.tensor([0, -1, s - 1])
        scores = 2 * dice.normal(t, s) + 0.01 * torch.arange(s)  # so that no two are equal
        own = one_hot(cells % s, s)
        scores = scores + 4 * own * dice.integers(0, 2, t, 1)  # about half look at their cell
        return torch.softmax(scores, dim=-1), cells.tolist()

    return [
        (
            torch.tensor([[0.7, 0.1, 0.1, 0.1], [0.4, 0.3, 0.2, 0.1], [0.2, 0.1, 0.3, 0.4]]),
            [0, -1, 2],
        ),
        (
            torch.tensor([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3]]),
            [1, 0, -1, 1],
        ),
        case(*dice.sizes(2, 3, 9)),
        case(*dice.sizes(2, 3, 9)),
        case(*dice.sizes(2, 3, 9)),
        case(12, 7),
    ]


def _hits(weights: torch.Tensor, word_cells: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    cells = torch.tensor(word_cells)
    return weights.argmax(dim=-1) == cells, cells


def _of_those(weights, word_cells, first: int) -> torch.Tensor:
    hits, cells = _hits(weights, word_cells)
    return hits[cells >= first].float().mean()


def _own_weights(weights: torch.Tensor, word_cells: list[int]) -> torch.Tensor:
    cells = torch.tensor(word_cells)
    return weights[cells >= 0, cells[cells >= 0]]


def _by_cell(weights: torch.Tensor, word_cells: list[int]) -> torch.Tensor:
    cells = torch.tensor(word_cells)
    hits = weights.argmax(dim=0)[cells] == torch.arange(len(cells))
    return hits[cells >= 0].float().mean()


def _any_index(weights: torch.Tensor, word_cells: list[int]) -> torch.Tensor:
    own = weights[torch.arange(len(word_cells)), word_cells]
    return (own == weights.amax(dim=-1)).float().mean()


looked_at = Exercise(
    name="nb07.looked_at",
    title="Does it look at what it speaks of?",
    difficulty=2,
    minutes=10,
    core=False,
    reference=answers.looked_at,
    spec=answers.looked_at_spec,
    cases=_look_cases,
    sizes=lambda weights, word_cells: dict(zip("TS", weights.shape, strict=True)),
    returns={"share": ""},
    shapes_hint="weights (T, S) has a row for each word: its largest weight is found along the "
    "last axis, which leaves T cells to compare with the T of word_cells.",
    training_case=lambda: (torch.rand(4000, 16), (torch.arange(4000) % 17 - 1).tolist()),
    wrong_answers=(
        Wrong(
            "none_as_misses",
            lambda weights, word_cells: _hits(weights, word_cells)[0].float().mean(),
            "Words that speak of no cell count as misses. Nowhere they could look would be right: "
            "divide by the number of words that have a cell.",
        ),
        Wrong(
            "none_as_hits",
            lambda weights, word_cells: (
                ((hits := _hits(weights, word_cells))[0] | (hits[1] < 0)).float().mean()
            ),
            "Words that speak of no cell count as hits. There is nothing they could get wrong: "
            "leave them out, above and below.",
        ),
        Wrong(
            "last_cell",
            _any_index,
            "-1 was used as an index, and in Python that is the last cell. It marks words that "
            "speak of none: leave them out first.",
        ),
        Wrong(
            "cell_zero_left_out",
            lambda weights, word_cells: _of_those(weights, word_cells, 1),
            "Cell 0 is left out with the words that speak of none. It is the cell at the top left; "
            "only -1 means none.",
        ),
        Wrong(
            "mean_weight",
            lambda weights, word_cells: _own_weights(weights, word_cells).mean(),
            "This is the mean weight on the right cell. Asked for is how often that cell has the "
            "largest weight of its row, however large that is.",
        ),
        Wrong(
            "more_than_half",
            lambda weights, word_cells: (_own_weights(weights, word_cells) > 0.5).float().mean(),
            "A look counts here only where the weight is above one half. The largest of many "
            "weights can be smaller than that.",
        ),
        Wrong(
            "by_cell",
            _by_cell,
            "You asked which word looks most at a cell: the largest weight down the column. Each "
            "word's own weights stand in its row.",
        ),
        Wrong(
            "counted",
            lambda weights, word_cells: _hits(weights, word_cells)[0].float().sum(),
            "The hits are counted. Divide by the number of words that speak of a cell.",
        ),
        Wrong(
            "misses",
            lambda weights, word_cells: 1 - _of_those(weights, word_cells, 0),
            "This is the share of words that look elsewhere. Asked for are those that look at "
            "their cell.",
        ),
        Wrong(
            "divided_by_cells",
            lambda weights, word_cells: (
                (weights.argmax(dim=-1) == torch.tensor(word_cells)).float().sum() / weights.size(1)
            ),
            "The hits are divided by the number of cells. Asked for is a share of words: divide "
            "by the words that speak of a cell.",
        ),
    ),
    hints=(
        "Which cell does each word look at, and of which words can it be said that this is right "
        "or wrong?",
        "cells = word_cells as a tensor                          (T,)\n"
        "hits = where the largest weight's place equals cells    (T,)\n"
        "the mean of hits over the words whose cell is not -1",
        "cells = torch.tensor(word_cells)\nhits = weights.argmax(dim=...) == cells\n"
        "return hits[cells >= ...].float()...",
    ),
    why="a look that cannot be wrong would make the share say nothing. It still needs something "
    "beside it: how often a look at a random object would be right.",
)
