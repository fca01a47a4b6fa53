"""Exercises of notebook 06, first part: links, their error, a baseline, and which of them cross."""

from __future__ import annotations

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
    minutes=15,
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
            "over_cells",
            lambda found, sure, possible: (found != sure).float().mean(),
            "This is the share of cells that differ. Nearly all cells are empty in both tables, so "
            "it is small for any map. Only links count.",
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
            "ends_pinned",
            _ahead(lambda t, target, source: round(t * (source - 1) / max(target - 1, 1))),
            "The first word is tied to the first and the last to the last, with the others in "
            "between. Asked for is the middle of each word: (t + 0.5) / T.",
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
    training_case=lambda: (torch.randint(0, 30, (400, 2)),),
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
