"""Exercises of notebook 03, third part: recall by distance from the end, and reversing."""

from __future__ import annotations

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb03 import answers
from helpers.exercises.nb03.losses import real_words


def _recall_case(dice: Dice, lengths: list[int], columns: int, last: int = 0) -> tuple:
    """Sentences of words 1 to 3, some misread; `last`: up to which id padding is filled."""
    kept = torch.tensor(lengths)
    real = real_words(kept, columns)
    words = dice.integers(1, 4, len(lengths), columns) * real
    slips = dice.integers(0, 2, len(lengths), columns) * real
    guesses = dice.integers(min(1, last), last + 1, len(lengths), columns) * ~real
    return words + slips + guesses, words, kept


def _recall_cases(dice: Dice) -> list[tuple]:
    return [
        (torch.tensor([[5, 6, 9, 0]]), torch.tensor([[5, 7, 9, 0]]), torch.tensor([3])),
        (
            torch.tensor([[4, 0, 0, 0], [6, 3, 9, 0]]),
            torch.tensor([[4, 0, 0, 0], [6, 7, 8, 0]]),
            torch.tensor([1, 3]),
        ),
        _recall_case(dice, [4, 2, 1], 5),
        _recall_case(dice, [6, 3, 1, 4], 8),
        _recall_case(dice, [2, 7, 5, 1, 3], 8, last=4),
    ]


def _all_distances(lengths: torch.Tensor) -> torch.Tensor:
    return torch.arange(int(lengths.max()))


def _there(lengths: torch.Tensor) -> torch.Tensor:
    return lengths.unsqueeze(1) > _all_distances(lengths)  # (B, D)


def _from_the_start(said, words, lengths) -> torch.Tensor:
    there = _there(lengths)  # of a row of positions the same entries are words
    return ((said == words)[:, : there.size(1)] & there).sum(dim=0) / there.sum(dim=0)


def _from_the_last_column(said, words, lengths) -> torch.Tensor:
    return (said == words)[:, : int(lengths.max())].float().mean(dim=0).flip(0)


def _padding_right(said, words, lengths) -> torch.Tensor:
    right = answers.reverse_source(said, lengths) == answers.reverse_source(words, lengths)
    return right[:, : int(lengths.max())].float().mean(dim=0)


def _first_word_again(said, words, lengths) -> torch.Tensor:
    places = (lengths.unsqueeze(1) - 1 - _all_distances(lengths)).clamp(min=0)
    return (said == words).gather(1, places).float().mean(dim=0)


def _divided_by_batch(said, words, lengths) -> torch.Tensor:
    shares = answers.recall_by_distance(said, words, lengths)
    return shares * _there(lengths).sum(dim=0) / words.size(0)


def _one_too_far(said, words, lengths) -> torch.Tensor:
    places = (lengths.unsqueeze(1) - _all_distances(lengths)).clamp(max=words.size(1) - 1)
    there = _there(lengths)
    right = (said == words).gather(1, places.clamp(min=0)) & there
    return right.sum(dim=0) / there.sum(dim=0)


def _divided_by_distances(said, words, lengths) -> torch.Tensor:
    hits = answers.recall_by_distance(said, words, lengths) * _there(lengths).sum(dim=0)
    return hits / int(lengths.max())


recall_by_distance = Exercise(
    name="nb03.recall_by_distance",
    title="How much is read back, by distance from the end",
    difficulty=3,
    minutes=20,
    core=False,
    reference=answers.recall_by_distance,
    spec=answers.recall_by_distance_spec,
    cases=_recall_cases,
    sizes=lambda said, words, lengths: {
        "B": words.size(0),
        "S": words.size(1),
        "D": int(lengths.max()),
    },
    returns={"recall": "D"},
    shapes_hint="One place for each sentence and distance is a table (B, D): lengths.unsqueeze(1) "
    "against torch.arange(D). gather(1, places) then takes one column per entry of that table.",
    # A loop over distances is slow with the notebook's 3,000 sentences too, but less plainly so.
    training_case=lambda: _recall_case(Dice(), [n % 20 + 1 for n in range(300)], 20),
    wrong_answers=(
        Wrong(
            "from_the_start",
            _from_the_start,
            "This counts from the beginning of the sentences. Distance 0 is each sentence's last "
            "word, the newest that the state has read.",
        ),
        Wrong(
            "from_the_last_column",
            _from_the_last_column,
            "This counts from the last column of the batch, which for a shorter sentence is "
            "padding. Its own last word stands at its length minus 1.",
        ),
        Wrong(
            "oldest_first",
            lambda said, words, lengths: answers.recall_by_distance(said, words, lengths).flip(0),
            "The oldest word comes first. Asked for is the newest first: distance 0, then 1.",
        ),
        Wrong(
            "divided_by_batch",
            _divided_by_batch,
            "Every distance is divided by all B sentences. A sentence of 3 words has no word at "
            "distance 3 and must not count there.",
        ),
        Wrong(
            "padding_right",
            _padding_right,
            "At a distance that a sentence is too short for, its padding is looked up and counted "
            "as if it were a word. Such a sentence has no part in that distance.",
        ),
        Wrong(
            "first_word_again",
            _first_word_again,
            "At a distance that a sentence is too short for, its first word is counted again. Such "
            "a sentence has no part in that distance.",
        ),
        Wrong(
            "above_one",
            lambda said, words, lengths: (
                _first_word_again(said, words, lengths) * words.size(0) / _there(lengths).sum(dim=0)
            ),
            "You divide by the sentences that are long enough, but those that are too short still "
            "count as right with their first word. Leave them out above the line too.",
        ),
        Wrong(
            "one_too_far",
            _one_too_far,
            "The places are one too far to the right: positions count from 0, so the last word of "
            "n stands at n - 1.",
        ),
        Wrong(
            "one_for_all",
            lambda said, words, lengths: (
                (said == words)[real_words(lengths, words.size(1))]
                .float()
                .mean()
                .expand(int(lengths.max()))
            ),
            "Every distance gets the mean over all words. Then old and new cannot be told apart, "
            "which was the question.",
        ),
        Wrong(
            "divided_by_distances",
            _divided_by_distances,
            "The hits are divided by the number of distances. Divide by how many sentences have "
            "a word at this distance.",
        ),
    ),
    hints=(
        "In a sentence of 5 words, at which position is the word at distance 0? At distance 4? "
        "Where is distance 5?",
        "places = length - 1 - distance, for each sentence and each distance   (B, D)\n"
        "there = where that is not negative\n"
        "right = said equals words, looked up at these places, and there\n"
        "per distance: how many right, divided by how many there",
        "places = lengths.unsqueeze(1) - 1 - torch.arange(...)\nthere = places >= 0\n"
        "right = (said == words).gather(1, places.clamp(min=0)) & there",
    ),
    why="one table of places, a row for each sentence, turns the ends of different sentences into "
    "the same column. Where a sentence has no such word it counts neither as right nor at all.",
)


def _reverse_case(dice: Dice, lengths: list[int], columns: int) -> tuple:
    kept = torch.tensor(lengths)
    return dice.integers(1, 99, len(lengths), columns) * real_words(kept, columns), kept


def _reverse_cases(dice: Dice) -> list[tuple]:
    return [
        (torch.tensor([[7, 8, 9]]), torch.tensor([3])),
        _reverse_case(dice, [2, 3], 4),
        _reverse_case(dice, [3, 5, 1], 6),
        _reverse_case(dice, [4, 6, 2, 1, 3], 6),
        _reverse_case(dice, [7, 2, 5], 8),
    ]


def _mirrored(lengths: torch.Tensor, columns: int) -> torch.Tensor:
    return lengths.unsqueeze(1) - 1 - torch.arange(columns)  # (B, S), negative on padding


def _last_word_stays(source: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    mirrored = _mirrored(lengths, source.size(1)) - 1
    return source.gather(1, torch.where(mirrored >= 0, mirrored, torch.arange(source.size(1))))


def _one_place_on(source: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    mirrored = _mirrored(lengths, source.size(1)) + 1
    return source.gather(1, torch.where(mirrored >= 0, mirrored, torch.arange(source.size(1))))


def _rolled(source: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    positions = torch.arange(source.size(1))
    before = (positions - 1) % lengths.unsqueeze(1)
    return source.gather(1, torch.where(positions < lengths.unsqueeze(1), before, positions))


reverse_source = Exercise(
    name="nb03.reverse_source",
    title="The source, backwards",
    difficulty=2,
    minutes=10,
    core=False,
    reference=answers.reverse_source,
    spec=answers.reverse_source_spec,
    cases=_reverse_cases,
    sizes=lambda source, lengths: {"B": source.size(0), "S": source.size(1)},
    returns={"turned": "B S"},
    training_case=lambda: _reverse_case(Dice(), [n % 24 + 1 for n in range(64)], 24),
    wrong_answers=(
        Wrong(
            "whole_row",
            lambda source, lengths: source.flip(1),
            "The padding has come to the front: the whole row was turned. Turn each sentence "
            "within its own length.",
        ),
        Wrong(
            "sentences_turned",
            lambda source, lengths: source.flip(0),
            "The order of the sentences was turned, not the order of the words.",
        ),
        Wrong(
            "by_the_longest",
            lambda source, lengths: torch.cat(
                [source[:, : int(lengths.max())].flip(1), source[:, int(lengths.max()) :]], dim=1
            ),
            "All sentences are turned by the length of the longest, so padding comes to the front "
            "of the shorter ones.",
        ),
        Wrong(
            "last_word_stays",
            _last_word_stays,
            "The last word has stayed in place. Position 0 gets the word at length - 1: counting "
            "from 0, that is the last one.",
        ),
        Wrong(
            "one_place_on",
            _one_place_on,
            "The first place gets what stands one place after the last word. Positions count from "
            "0, so the last of n words stands at n - 1.",
        ),
        Wrong(
            "rolled",
            _rolled,
            "The last word has come to the front, but the others still follow in their old order. "
            "The first word belongs at the end.",
        ),
        Wrong(
            "first_word_again",
            lambda source, lengths: source.gather(
                1, _mirrored(lengths, source.size(1)).clamp(min=0)
            ),
            "The words are turned, but the padding has become copies of the first word. Behind "
            "the sentence padding must stay padding.",
        ),
        Wrong(
            "round_again",
            lambda source, lengths: source.gather(
                1, _mirrored(lengths, source.size(1)) % lengths.unsqueeze(1)
            ),
            "The words are turned, but the sentence begins anew where its padding was. Behind the "
            "sentence padding must stay padding.",
        ),
        Wrong(
            "unchanged",
            lambda source, lengths: source.clone(),
            "Nothing is turned yet: the first place should hold each sentence's last word.",
        ),
        Wrong(
            "in_order_of_ids",
            lambda source, lengths: source.sort(dim=1, descending=True).values,
            "The word ids are sorted. They are names, not sizes; only the order of places counts.",
        ),
    ),
    hints=(
        "In a sentence of n words, which word does the first place get? And place p?",
        "for each sentence and each position p: take from place length - 1 - p\n"
        "where that is negative there is padding: leave it",
        "mirrored = lengths.unsqueeze(1) - 1 - torch.arange(...)\n"
        "source.gather(1, torch.where(mirrored >= 0, mirrored, ...))",
    ),
    why="gather takes, for each place of the result, the column you name. Naming a padding column "
    "for each padding place leaves the padding where it was.",
)
