"""Exercises of notebook 03, second part: losses by length, recall by distance, and reversing."""

from __future__ import annotations

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb03 import answers


def _real(written: torch.Tensor, steps: int) -> torch.Tensor:
    return torch.arange(steps) < written.unsqueeze(1)  # (B, T)


def _loss_case(
    dice: Dice, written: list[int], lengths: list[int], edges: list[tuple[int, int]]
) -> tuple:
    steps = max(written) + 1  # a last column of padding only
    losses = dice.normal(len(written), steps).abs()
    return losses, _real(torch.tensor(written), steps), torch.tensor(lengths), edges


def _loss_cases(dice: Dice) -> list[tuple]:
    return [
        _loss_case(dice, [1, 3, 2], [2, 5, 1], [(1, 2), (4, 5)]),
        _loss_case(dice, [2, 5, 3], [4, 6, 4], [(4, 4), (5, 6)]),
        _loss_case(dice, [6, 2, 5, 1, 4], [2, 3, 2, 7, 9], [(1, 2), (3, 6), (7, 9)]),
        _loss_case(dice, [4, 7, 2, 6, 3, 1], [3, 3, 8, 6, 5, 8], [(1, 3), (4, 8)]),
    ]


def _grouped(losses, real, lengths, edges, one) -> torch.Tensor:
    """`one` of the losses and the mask of each group's sentences."""
    means = []
    for low, high in edges:
        inside = (lengths >= low) & (lengths <= high)
        means.append(one(losses[inside], real[inside]))
    return torch.stack(means)


def _per_sentence(losses: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    return (losses * real).sum(dim=1) / real.sum(dim=1)


def _high_left_out(losses, real, lengths, edges) -> torch.Tensor:
    return _grouped(
        losses,
        real,
        lengths,
        [(low, high - 1) for low, high in edges],
        lambda some, mask: some[mask].mean(),
    )


loss_by_length = Exercise(
    name="nb03.loss_by_length",
    title="What a word costs in short and in long sentences",
    difficulty=3,
    minutes=15,
    core=False,
    reference=answers.loss_by_length,
    spec=answers.loss_by_length_spec,
    cases=_loss_cases,
    sizes=lambda losses, real, lengths, edges: {
        "B": losses.size(0),
        "T": losses.size(1),
        "N": len(edges),
    },
    returns={"means": "N"},
    shapes_hint="losses and real are (B, T); lengths is (B,). A condition on sentences needs a new "
    "axis, (B, 1), to meet a condition on words.",
    training_case=lambda: (
        torch.rand(3000, 30),
        _real(torch.arange(3000) % 25 + 5, 30),
        torch.arange(3000) % 21 + 4,
        [(4, 6), (7, 9), (10, 14), (15, 19), (20, 24)],
    ),
    wrong_answers=(
        Wrong(
            "padding_counted",
            lambda losses, real, lengths, edges: _grouped(
                losses, real, lengths, edges, lambda some, mask: some.mean()
            ),
            "Padding is counted. Whatever stands there was never asked for: only where real is "
            "True is there a word.",
        ),
        Wrong(
            "padding_as_zero",
            lambda losses, real, lengths, edges: _grouped(
                losses, real, lengths, edges, lambda some, mask: (some * mask).mean()
            ),
            "The losses on padding are set to 0, but still counted when dividing. Divide by the "
            "number of real words.",
        ),
        Wrong(
            "per_sentence",
            lambda losses, real, lengths, edges: _grouped(
                losses, real, lengths, edges, lambda some, mask: _per_sentence(some, mask).mean()
            ),
            "This is the mean of the sentences' means, in which a word of a short sentence weighs "
            "more. Asked for is the mean over all words of the group.",
        ),
        Wrong(
            "sum_per_sentence",
            lambda losses, real, lengths, edges: _grouped(
                losses,
                real,
                lengths,
                edges,
                lambda some, mask: (some * mask).sum() / some.size(0),
            ),
            "This is the loss of a whole sentence. Longer sentences have more words, so it grows "
            "with length even if each word costs the same: divide by words.",
        ),
        Wrong(
            "one_for_all",
            lambda losses, real, lengths, edges: losses[real].mean().expand(len(edges)),
            "Every group gets the mean over all sentences. Look at the lengths first: which "
            "sentences belong to the group?",
        ),
        Wrong(
            "high_left_out",
            _high_left_out,
            "The upper end of each group is left out. (4, 6) means 4, 5 and 6 words.",
        ),
        Wrong(
            "sums",
            lambda losses, real, lengths, edges: _grouped(
                losses, real, lengths, edges, lambda some, mask: some[mask].sum()
            ),
            "The losses are added up but not divided by the number of words.",
        ),
    ),
    hints=(
        "Which sentences belong to a group, and which of their columns are words? How do you join "
        "both conditions, one of shape (B,) and one of shape (B, T)?",
        "for each (low, high):\n"
        "  inside = sentences with low <= length <= high   (B,)\n"
        "  chosen = real, and the sentence inside          (B, T)\n"
        "  the mean of the losses where chosen",
        "inside = (lengths >= low) & (lengths <= high)\n"
        "losses[real & inside.unsqueeze(...)].mean()",
    ),
    why="indexing with a mask lays the chosen words in one row, so that each word weighs the same, "
    "whichever sentence it is from.",
)


def _recall_case(dice: Dice, lengths: list[int], columns: int) -> tuple:
    kept = torch.tensor(lengths)
    real = _real(kept, columns)
    words = dice.integers(1, 4, len(lengths), columns) * real
    slips = dice.integers(0, 2, len(lengths), columns) * real
    return words + slips, words, kept


def _recall_cases(dice: Dice) -> list[tuple]:
    return [
        (torch.tensor([[5, 6, 9, 0]]), torch.tensor([[5, 7, 9, 0]]), torch.tensor([3])),
        _recall_case(dice, [1, 3], 4),
        _recall_case(dice, [4, 2, 3], 4),
        _recall_case(dice, [2, 7, 5, 1, 3], 7),
        _recall_case(dice, [6, 3, 1, 4], 8),
    ]


def _all_distances(lengths: torch.Tensor) -> torch.Tensor:
    return torch.arange(int(lengths.max()))


def _from_the_start(said, words, lengths) -> torch.Tensor:
    places = _all_distances(lengths)
    there = places < lengths.unsqueeze(1)
    return ((said == words)[:, : len(places)] & there).sum(dim=0) / there.sum(dim=0)


def _from_the_last_column(said, words, lengths) -> torch.Tensor:
    return (said == words)[:, : int(lengths.max())].float().mean(dim=0).flip(0)


def _divided_by_batch(said, words, lengths) -> torch.Tensor:
    there = lengths.unsqueeze(1) - 1 - _all_distances(lengths) >= 0
    return answers.recall_by_distance(said, words, lengths) * there.sum(dim=0) / words.size(0)


def _one_too_far(said, words, lengths) -> torch.Tensor:
    places = (lengths.unsqueeze(1) - _all_distances(lengths)).clamp(max=words.size(1) - 1)
    there = lengths.unsqueeze(1) - 1 - _all_distances(lengths) >= 0
    right = (said == words).gather(1, places.clamp(min=0)) & there
    return right.sum(dim=0) / there.sum(dim=0)


recall_by_distance = Exercise(
    name="nb03.recall_by_distance",
    title="How much is read back, by distance from the end",
    difficulty=3,
    minutes=20,
    core=True,
    reference=answers.recall_by_distance,
    spec=answers.recall_by_distance_spec,
    cases=_recall_cases,
    sizes=lambda said, words, lengths: {"B": words.size(0), "S": words.size(1)},
    returns={"recall": "D"},
    shapes_hint="One place for each sentence and distance is a table (B, D): lengths.unsqueeze(1) "
    "against torch.arange(D). gather(1, places) then takes one column per entry of that table.",
    training_case=lambda: _recall_case(Dice(), [n % 20 + 1 for n in range(3000)], 20),
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
            "one_too_far",
            _one_too_far,
            "The places are one too far to the right: positions count from 0, so the last word of "
            "n stands at n - 1.",
        ),
        Wrong(
            "one_for_all",
            lambda said, words, lengths: (
                (said == words)[_real(lengths, words.size(1))]
                .float()
                .mean()
                .expand(int(lengths.max()))
            ),
            "Every distance gets the mean over all words. Then old and new cannot be told apart, "
            "which was the question.",
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
    return dice.integers(1, 99, len(lengths), columns) * _real(kept, columns), kept


def _reverse_cases(dice: Dice) -> list[tuple]:
    return [
        (torch.tensor([[7, 8, 9]]), torch.tensor([3])),
        _reverse_case(dice, [2, 4], 4),
        _reverse_case(dice, [3, 5, 1], 6),
        _reverse_case(dice, [4, 6, 2, 1, 3], 6),
        _reverse_case(dice, [7, 2, 5], 8),
    ]


def _last_word_stays(source: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    positions = torch.arange(source.size(1))
    mirrored = lengths.unsqueeze(1) - 2 - positions
    return source.gather(1, torch.where(mirrored >= 0, mirrored, positions))


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
