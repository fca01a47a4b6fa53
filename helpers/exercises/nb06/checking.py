"""Exercises of notebook 06, second part: which links cross, and what tells a broken map."""

from __future__ import annotations

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb06 import answers


def _links(*pairs: tuple[int, int]) -> tuple[torch.Tensor]:
    return (torch.tensor(pairs),)


def _crossing_cases(dice: Dice) -> list[tuple]:
    def case(count: int, places: int) -> tuple:
        return (dice.integers(0, places, count, 2),)

    return [
        _links((0, 0), (1, 2), (2, 1)),  # the black cat
        _links((0, 1), (0, 2), (1, 2)),  # they share words, and none crosses
        _links((2, 3), (0, 1), (1, 0), (4, 4)),  # not in order
        _links((0, 4), (1, 1), (2, 2), (3, 3), (4, 5)),  # one long link crosses three
        case(6, 5),
        case(7, 9),
        _links((3, 2)),  # alone
        _links((0, 1), (0, 0), (4, 4)),  # one source word, listed from right to left
        _links((2, 1), (1, 1), (0, 1), (2, 0)),  # one target word, and one crossing beside it
        _links((1, 0), (1, 0), (0, 0)),  # a link that is listed twice
    ]


def _pairs(links: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    apart = links.unsqueeze(1) - links.unsqueeze(0)
    return apart[..., 0], apart[..., 1]


def _sharing_counts(links: torch.Tensor) -> torch.Tensor:
    source, target = _pairs(links)
    other = ~torch.eye(len(links), dtype=torch.bool)
    return ((source * target <= 0) & other).any(dim=1)


def _neighbours(links: torch.Tensor) -> torch.Tensor:
    steps = links[1:] - links[:-1]
    turned = steps[:, 0] * steps[:, 1] < 0
    no = turned.new_zeros(1)
    return torch.cat([no, turned]) | torch.cat([turned, no])


def _neighbours_in_order(links: torch.Tensor) -> torch.Tensor:
    """As `_neighbours`, with the links in the order of their source words."""
    order = links[:, 0].argsort()
    marks = torch.zeros(len(links), dtype=torch.bool)
    marks[order] = _neighbours(links[order])
    return marks


def _earlier_only(links: torch.Tensor) -> torch.Tensor:
    source, target = _pairs(links)
    return ((source > 0) & (target < 0)).any(dim=1)


def _in_the_list(links: torch.Tensor) -> torch.Tensor:
    source, target = _pairs(links)
    return (source * target < 0).tril().any(dim=1)


crossing = Exercise(
    name="nb06.crossing",
    title="Which links cross another",
    difficulty=3,
    minutes=15,
    core=False,
    reference=answers.crossing,
    spec=answers.crossing_spec,
    cases=_crossing_cases,
    sizes=lambda links: {"N": links.size(0), "columns": 2},
    returns={"marks": "N"},
    training_case=lambda: (torch.arange(12).unsqueeze(1).repeat(1, 2),),  # of one sentence
    shapes_hint="links.unsqueeze(1) - links.unsqueeze(0) holds all differences, (N, N, 2).",
    wrong_answers=(
        Wrong(
            "off_the_diagonal",
            lambda links: links[:, 0] != links[:, 1],
            "A link is marked where its two places differ. That is a shift, not a crossing: "
            "whether a link crosses depends on the others.",
        ),
        Wrong(
            "sharing_counts",
            _sharing_counts,
            "Links that share a word are marked as well. Their product is 0; only below 0 is the "
            "order turned round.",
        ),
        Wrong(
            "neighbours",
            _neighbours,
            "Only links that follow each other in the list are compared. A long link can cross "
            "many others, and the list need not be in order.",
            also=(_neighbours_in_order,),
        ),
        Wrong(
            "one_of_two",
            _earlier_only,
            "Of two links that cross, only the one with the later source word is marked. Both "
            "cross the other one.",
        ),
        Wrong(
            "earlier_in_the_list",
            _in_the_list,
            "Each link is compared only with those before it in the list. Then the first of two "
            "that cross is never marked.",
        ),
        Wrong(
            "other_of_two",
            lambda links: ((p := _pairs(links))[0].lt(0) & p[1].gt(0)).any(dim=1),
            "Of two links that cross, only the one with the earlier source word is marked. Both "
            "cross the other one.",
        ),
        Wrong(
            "later_in_the_list",
            lambda links: (((p := _pairs(links))[0] * p[1]) < 0).triu().any(dim=1),
            "Each link is compared only with those behind it in the list. Then the last of two "
            "that cross is never marked.",
        ),
        Wrong(
            "same_order",
            lambda links: (((p := _pairs(links))[0] * p[1]) > 0).any(dim=1),
            "These are the links that keep their order with another one. Where the order is turned "
            "round the two differences have opposite signs, and the product is below 0.",
        ),
        Wrong(
            "one_for_all",
            lambda links: (((p := _pairs(links))[0] * p[1]) < 0).any().expand(len(links)),
            "If any two links cross, all are marked. Asked for is an answer for each link: any "
            "over one axis only.",
        ),
        Wrong(
            "any_difference",
            lambda links: ((s := _pairs(links))[0] != s[1]).any(dim=1),
            "Two links are taken to cross if their distances in source and target differ. They "
            "cross if the distances have opposite signs.",
        ),
        Wrong(
            "all_others",
            lambda links: (((p := _pairs(links))[0] * p[1]) < 0).sum(dim=1) >= len(links) - 1,
            "A link is marked only if it crosses all the others. One is enough.",
        ),
        Wrong(
            "counted",
            lambda links: (((p := _pairs(links))[0] * p[1]) < 0).sum(dim=1),
            "This counts how many links each one crosses. Asked for is whether there is any: True "
            "or False.",
        ),
        Wrong(
            "at_most_0",
            lambda links: (lambda apart: (apart[..., 0] * apart[..., 1] <= 0).any(dim=1))(
                links.unsqueeze(1) - links.unsqueeze(0)
            ),
            "Links that share a word count as crossing, and each link shares its words with "
            "itself. The product must be below 0, not 0.",
        ),
    ),
    hints=(
        "Of two links you know i - j and t - u. Which signs do they have when the links cross?",
        "apart = every link minus every link   (N, N, 2)\n"
        "two links cross where the product of the two differences is below 0\n"
        "any over the second axis",
        "apart = links.unsqueeze(1) - links.unsqueeze(0)\n(apart[..., 0] * ... < 0).any(dim=1)",
    ),
    why="a product of two differences is below 0 exactly if one of the orders is turned round, and "
    "the difference of a link with itself is 0.",
)


def _map_cases(dice: Dice) -> list[tuple]:
    def case(b: int, t: int, s: int) -> tuple:
        # Any numbers from 0 to 1: a map to be checked may break every rule.
        weights = dice.weights(b, t, s) * (1 + dice.integers(-1, 2, b, t, 1) / 8)
        return weights, torch.arange(s) < dice.lengths(b, s)[:, None, None]

    slowly = torch.tensor([[[0.7, 0.3, 0.0], [0.6, 0.4, 0.0], [0.5, 0.5, 0.0], [0.4, 0.6, 0.0]]])
    short = torch.tensor([[[0.5, 0.25, 0.125], [0.5, 0.125, 0.25]]])  # sums below 1
    over = torch.tensor([[[0.75, 0.375, 0.0], [0.5, 0.5, 0.0]]])  # sums of 1 and above alone
    return [
        (short, torch.tensor([[[True, True, False]]])),
        (over, torch.tensor([[[True, True, False]]])),
        (slowly, torch.tensor([[[True, True, False]]])),
        case(2, 3, 4),
        case(*dice.sizes(3)),
        case(*dice.sizes(3)),
        (dice.weights(2, 1, 3), torch.ones(2, 1, 3, dtype=torch.bool)),  # one row, no padding
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
            "first_row_only",
            lambda weights, mask: _parts(weights, mask, off=(weights[:, 0].sum(dim=-1) - 1).abs()),
            "Only the first row of each map was added up. Any row may be the broken one: take the "
            "largest distance of all.",
        ),
        Wrong(
            "whole_map",
            lambda weights, mask: _parts(
                weights, mask, off=(weights.sum(dim=(1, 2)) - weights.size(1)).abs()
            ),
            "The weights of the whole map were added up. A row that sums to too much and one that "
            "sums to too little then cancel out: each row must sum to 1.",
        ),
        Wrong(
            "words_only",
            lambda weights, mask: _parts(
                weights,
                mask,
                off=(weights.masked_fill(~mask, 0.0).sum(dim=-1) - 1).abs().amax(dim=-1),
            ),
            "Only the weights on words were added up for the first number. Weight on padding is "
            "what the second one tells; the first is about whole rows.",
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
            "padding_averaged",
            lambda weights, mask: _parts(
                weights,
                mask,
                on_padding=weights.masked_fill(mask, 0.0).sum(dim=(1, 2))
                / ((~mask).sum(dim=(1, 2)) * weights.size(1)).clamp(min=1),
            ),
            "The weights on padding were averaged. One leak among many zeros would hardly be seen: "
            "take the largest.",
        ),
        Wrong(
            "mask_unused",
            lambda weights, mask: _parts(weights, mask, on_padding=weights.amax(dim=(1, 2))),
            "The mask is not used: this is the largest weight of all. Set the words to 0 first, so "
            "that only padding is left.",
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
            "from_the_first_row",
            lambda weights, mask: _parts(
                weights, mask, apart=(weights - weights[:, :1]).abs().amax(dim=(1, 2))
            ),
            "All rows are compared with the first one only. Two other rows can lie further apart: "
            "compare the largest of a column with its smallest.",
        ),
        Wrong(
            "columns_averaged",
            lambda weights, mask: _parts(
                weights, mask, apart=(weights.amax(dim=1) - weights.amin(dim=1)).mean(dim=-1)
            ),
            "The distances of the columns were averaged. In a long sentence most columns hardly "
            "change: take the largest.",
        ),
        Wrong(
            "standard_deviations",
            lambda weights, mask: _parts(
                weights, mask, apart=weights.std(dim=1, correction=0).amax(dim=-1)
            ),
            "The third number is a standard deviation, which says how far the rows lie from their "
            "mean. Asked for is how far apart they lie at most: the largest minus the smallest.",
            also=(
                lambda weights, mask: _parts(
                    weights, mask, apart=weights.std(dim=1, correction=1).amax(dim=-1)
                ),
            ),
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
        Wrong(
            "sums_themselves",
            lambda weights, mask: _parts(weights, mask, off=weights.sum(dim=-1).amax(dim=-1)),
            "These are the largest sums. Asked for is how far a sum is from 1, up or down.",
        ),
        Wrong(
            "number_of_leaks",
            lambda weights, mask: _parts(
                weights,
                mask,
                on_padding=(weights.masked_fill(mask, 0.0) > 0).sum(dim=(1, 2)).float(),
            ),
            "The weights on padding were counted. Asked for is the largest of them.",
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
