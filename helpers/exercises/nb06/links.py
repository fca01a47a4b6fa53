"""Exercises of notebook 06, first part: the error of a map's links, and a baseline."""

from __future__ import annotations

import math

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb06 import answers


def _tables(found: list, sure: list, possible: list) -> tuple[torch.Tensor, ...]:
    return tuple(torch.tensor(table).bool() for table in (found, sure, possible))


def _error_cases(dice: Dice) -> list[tuple]:
    def case(b: int, t: int, s: int) -> tuple:
        draw = dice.integers(0, 4, b, t, s)
        found = dice.integers(0, 2, b, t, s).bool()
        found[0, 0, 0] = True  # something must be found
        sure = draw == 0
        return found, sure, sure | (draw == 1)

    return [
        _tables(  # tea is hot, le thé est chaud
            [[[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0]]],
            [[[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]],
            [[[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]],
        ),
        # Two sentences that found one link and two: together is not the mean of the two.
        _tables(
            [[[1, 0, 0]], [[1, 1, 0]]],
            [[[0, 1, 0]], [[1, 0, 0]]],
            [[[1, 1, 0]], [[1, 0, 0]]],
        ),
        case(2, 3, 4),
        case(*dice.sizes(3)),
        case(*dice.sizes(3)),
        # Nothing found at all, in one of two sentences and in the only one.
        _tables(
            [[[0, 0, 0, 0]] * 3, [[1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]]],
            [[[1, 0, 0, 0]] * 3, [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]],
            [[[1, 1, 0, 0]] * 3, [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]],
        ),
        _tables([[[0, 0], [0, 0], [0, 0]]], [[[1, 0], [0, 0], [0, 0]]], [[[1, 0], [0, 1], [0, 0]]]),
    ]


def _error_training() -> tuple:
    draw = torch.randint(0, 20, (600, 30, 24))
    sure = draw == 0
    return torch.randint(0, 20, (600, 30, 24)) == 0, sure, sure | (draw == 1)


def _each_sentence(found, sure, possible) -> torch.Tensor:
    agreed = (found & sure).sum(dim=(1, 2)) + (found & possible).sum(dim=(1, 2))
    return (1 - agreed / (found.sum(dim=(1, 2)) + sure.sum(dim=(1, 2))).clamp(min=1)).mean()


alignment_error = Exercise(
    name="nb06.alignment_error",
    title="The alignment error rate",
    difficulty=2,
    minutes=10,
    core=True,
    reference=answers.alignment_error,
    spec=answers.alignment_error_spec,
    cases=_error_cases,
    sizes=lambda found, *gold: dict(zip("BTS", found.shape, strict=True)),
    returns={"error": ""},
    training_case=_error_training,
    shapes_hint="All three tables have the same shape, so & and .sum() need no axis.",
    wrong_answers=(
        Wrong(
            "agreement",
            lambda found, sure, possible: 1 - answers.alignment_error(found, sure, possible),
            "This is the agreement, which is best at 1. The error is 1 minus it.",
        ),
        Wrong(
            "mean_of_sentences",
            _each_sentence,
            "Each sentence's error was taken, and then the mean. Count the links of all sentences "
            "together and divide once, so that a long sentence weighs more than a short one.",
        ),
        Wrong(
            "sure_only",
            lambda found, sure, possible: 1 - 2 * (found & sure).sum() / (found.sum() + sure.sum()),
            "Only sure links count as right here, twice. A found link that is possible is no "
            "mistake: the second term asks for |A and P|.",
        ),
        Wrong(
            "possible_only",
            lambda found, sure, possible: (
                1 - 2 * (found & possible).sum() / (found.sum() + sure.sum())
            ),
            "Possible links are counted twice. Then sure links that were missed can be made up "
            "for by possible ones: the first term asks for |A and S|.",
        ),
        Wrong(
            "over_possible",
            lambda found, sure, possible: (
                1
                - ((found & sure).sum() + (found & possible).sum()) / (found.sum() + possible.sum())
            ),
            "Below stands |A| + |P|. Then a possible link that nobody looked at would count as a "
            "miss; only sure links must be found: |A| + |S|.",
        ),
        Wrong(
            "either_or",
            lambda found, sure, possible: (
                1 - (found & (sure | possible)).sum() / (found.sum() + sure.sum())
            ),
            "A link that is sure and possible was counted once. It counts in both terms, once for "
            "each: that is why |A| and |S| both stand below.",
        ),
        Wrong(
            "precision",
            lambda found, sure, possible: 1 - (found & possible).sum() / found.sum(),
            "This asks only how many of the found links are allowed. A map that finds a single "
            "sure link would be perfect; the sure links that were missed must cost something.",
        ),
        Wrong(
            "recall",
            lambda found, sure, possible: 1 - (found & sure).sum() / sure.sum(),
            "This asks only how many of the sure links were found. A map that draws every link "
            "there could be would be perfect; links that are not allowed must cost something.",
        ),
        Wrong(
            "mean_of_two_shares",
            lambda found, sure, possible: (
                1 - ((found & sure).sum() / sure.sum() + (found & possible).sum() / found.sum()) / 2
            ),
            "This is 1 minus the mean of two shares, |A and S| / |S| and |A and P| / |A|. The "
            "rate has one fraction: both counts above, and |A| + |S| below.",
        ),
        Wrong(
            "first_term_only",
            lambda found, sure, possible: 1 - (found & sure).sum() / (found.sum() + sure.sum()),
            "The second term, |A and P|, is missing above. |A| and |S| both stand below, so even a "
            "perfect map would have an error of a half.",
        ),
        Wrong(
            "union_below",
            lambda found, sure, possible: (
                1 - ((found & sure).sum() + (found & possible).sum()) / (found | sure).sum()
            ),
            "Below stands the number of links in A or S, where a link in both counts once. Above "
            "it counts in both terms, so the error falls below 0: add |A| and |S|.",
        ),
        Wrong(
            "divided_by_cells",
            lambda found, sure, possible: (
                1 - ((found & sure).sum() + (found & possible).sum()) / found.numel()
            ),
            "The agreement is divided by all cells of the tables, empty ones and padding too. Then "
            "the error depends on how long the sentences are: divide by the links, |A| + |S|.",
        ),
        Wrong(
            "over_cells",
            lambda found, sure, possible: (found != sure).float().mean(),
            "This is the share of cells that differ. Nearly all cells are empty in both tables, so "
            "it is small for any map. Only links count.",
        ),
        Wrong(
            "minus_forgotten",
            lambda found, sure, possible: (
                ((found & sure).sum() + (found & possible).sum()) / (found.sum() + sure.sum()) - 1
            ),
            "The sign is turned round: the error is 1 minus the agreement, and never negative.",
        ),
        Wrong(
            "half",
            lambda found, sure, possible: (
                1
                - 0.5
                * ((found & sure).sum() + (found & possible).sum())
                / (found.sum() + sure.sum())
            ),
            "The agreement is halved. Two terms stand above, and two counts below: a perfect map "
            "has an error of 0 already.",
        ),
    ),
    hints=(
        "Which four numbers does the formula need, and over what is each counted?",
        "agreed = links in found and sure, plus links in found and possible\n"
        "error = 1 - agreed / (links in found plus links in sure)",
        "agreed = (found & sure).sum() + ...\n1 - agreed / (found.sum() + ...)",
    ),
    why="& keeps the cells that are True in both tables, and counting over all sentences at once "
    "gives every link the same weight.",
)


def _ahead(place) -> object:
    """A wrong answer from a rule (t, T, S) -> place."""

    def links(target_length: int, source_length: int) -> list[int]:
        return [place(t, target_length, source_length) for t in range(target_length)]

    return links


diagonal_links = Exercise(
    name="nb06.diagonal_links",
    title="A baseline that looks straight ahead",
    difficulty=1,
    minutes=10,
    core=False,
    reference=answers.diagonal_links,
    spec=answers.diagonal_links_spec,
    cases=lambda dice: [(1, 2), (4, 3), (3, 5), (5, 4), (9, 7), (7, 12), (11, 23)],
    sizes=lambda target_length, source_length: {"T": target_length, "S": source_length},
    returns={"places": "T"},
    training_case=lambda: (30, 24),
    wrong_answers=(
        Wrong(
            "same_number",
            _ahead(lambda t, target, source: min(t, source - 1)),
            "Word t looks at source word t. If the sentences differ in length, that is not "
            "straight ahead: the last target word belongs to the last source word.",
        ),
        Wrong(
            "from_the_start",
            _ahead(lambda t, target, source: int(t * source / target)),
            "The place is taken from where word t begins, t / T. Its middle is at (t + 0.5) / T.",
        ),
        Wrong(
            "from_the_end",
            _ahead(lambda t, target, source: min(int((t + 1) * source / target), source - 1)),
            "The place is taken from where word t ends, (t + 1) / T. Its middle is at (t + 0.5) / "
            "T.",
        ),
        Wrong(
            "rounded",
            _ahead(lambda t, target, source: min(round((t + 0.5) * source / target), source - 1)),
            "The place is rounded to the nearest number. Source word i reaches from i to i + 1, so "
            "the place is rounded down.",
        ),
        Wrong(
            "rounded_up",
            _ahead(
                lambda t, target, source: min(math.ceil((t + 0.5) * source / target), source - 1)
            ),
            "The place is rounded up. Source word i reaches from i to i + 1, so a look at 2.3 "
            "falls on word 2: round down.",
        ),
        Wrong(
            "ends_pinned",
            _ahead(lambda t, target, source: round(t * (source - 1) / max(target - 1, 1))),
            "The first word is tied to the first and the last to the last, with the others in "
            "between. Asked for is the middle of each word: (t + 0.5) / T.",
        ),
        Wrong(
            "ends_pinned_and_cut",
            _ahead(lambda t, target, source: t * (source - 1) // max(target - 1, 1)),
            "The first word is tied to the first, the last to the last, and all others are rounded "
            "down: only the very last word reaches the end. Take the middle of each word: (t + "
            "0.5) / T.",
        ),
        Wrong(
            "half_added_late",
            _ahead(lambda t, target, source: min(int(t * source / target + 0.5), source - 1)),
            "The half is added to the place in the source. It is half a target word: add it to t, "
            "before t is divided by T and multiplied by S.",
        ),
        Wrong(
            "half_taken_back",
            _ahead(lambda t, target, source: max(int((t + 0.5) * source / target - 0.5), 0)),
            "Half a source word is taken off again. Source word i reaches from i to i + 1, so "
            "rounding down is all it takes.",
        ),
        Wrong(
            "one_for_each_source_word",
            lambda target_length, source_length: answers.diagonal_links(
                source_length, target_length
            ),
            "This gives each source word a place in the target. A row of a map is a target word: "
            "give each of the T target words a source place.",
        ),
        Wrong(
            "sizes_swapped",
            _ahead(lambda t, target, source: int((t + 0.5) * target / source)),
            "T and S have changed places: the share of the target is t over T, and it is then "
            "multiplied by S.",
        ),
        Wrong(
            "from_one",
            _ahead(lambda t, target, source: int((t + 0.5) * source / target) + 1),
            "The places are counted from 1. They are positions in a list, counted from 0.",
        ),
        Wrong(
            "share",
            lambda target_length, source_length: [
                int((t + 0.5) / target_length) for t in range(target_length)
            ],
            "This is the share of the target, rounded down: always 0. Multiply it by S before you "
            "round.",
        ),
    ),
    hints=(
        "Word t covers the stretch from t / T to (t + 1) / T of its sentence. Where is its middle, "
        "and which source word covers that place?",
        "for each t: share = (t + 0.5) / T, place = share * S, rounded down",
        "[int((t + 0.5) * ... / ...) for t in range(target_length)]",
    ),
    why="both sentences are stretched to the same length, and the middle of a word cannot fall "
    "behind the last source word.",
)
