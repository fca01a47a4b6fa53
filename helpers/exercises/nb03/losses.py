"""Exercises of notebook 03, second part: the loss of a word, by the length of its sentence."""

from __future__ import annotations

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb03 import answers


def real_words(lengths: torch.Tensor, columns: int) -> torch.Tensor:
    """Return (B, columns): True on the words of sentences of `lengths` (B,), False on padding."""
    return torch.arange(columns) < lengths.unsqueeze(1)


def _loss_case(
    dice: Dice, written: list[int], lengths: list[int], edges: list[tuple[int, int]]
) -> tuple:
    steps = max(written) + 1  # a last column of padding only
    losses = dice.normal(len(written), steps).abs()
    return losses, real_words(torch.tensor(written), steps), torch.tensor(lengths), edges


def _loss_cases(dice: Dice) -> list[tuple]:
    losses, real, *rest = _loss_case(Dice(1), [3, 1, 4, 2], [5, 2, 3, 6], [(2, 4), (5, 6), (6, 6)])
    return [
        _loss_case(dice, [1, 3, 2], [2, 5, 1], [(1, 2), (4, 5)]),
        _loss_case(dice, [2, 5, 3], [4, 6, 4], [(4, 4), (5, 6)]),
        _loss_case(dice, [6, 2, 5, 1, 4], [2, 3, 2, 7, 9], [(1, 2), (3, 6), (7, 9)]),
        _loss_case(dice, [4, 7, 2, 6, 3, 1], [3, 3, 8, 6, 5, 8], [(1, 3), (4, 8)]),
        # Groups in any order, and some within others.
        _loss_case(dice, [5, 1, 4, 2], [6, 2, 3, 4], [(4, 9), (2, 2), (2, 6)]),
        (losses.masked_fill(~real, 1e30), real, *rest),
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
    edges = [(low, high - 1) for low, high in edges]
    return _grouped(losses, real, lengths, edges, lambda some, mask: some[mask].mean())


def _low_left_out(losses, real, lengths, edges) -> torch.Tensor:
    edges = [(low + 1, high) for low, high in edges]
    return _grouped(losses, real, lengths, edges, lambda some, mask: some[mask].mean())


def _by_source_words(losses, real, lengths, edges) -> torch.Tensor:
    sums = torch.where(real, losses, 0.0).sum(dim=1)
    groups = [(lengths >= low) & (lengths <= high) for low, high in edges]
    return torch.stack([sums[inside].sum() / lengths[inside].sum() for inside in groups])


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
        real_words(torch.arange(3000) % 25 + 5, 30),
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
            "low_left_out",
            _low_left_out,
            "The lower end of each group is left out. Both ends belong to it: (4, 6) means 4, 5 "
            "and 6 words.",
        ),
        Wrong(
            "by_target_length",
            lambda losses, real, lengths, edges: answers.loss_by_length(
                losses, real, real.sum(dim=1), edges
            ),
            "The sentences are grouped by how many words were to be written, the target's length. "
            "The question is about the length of the source, which `lengths` holds.",
        ),
        Wrong(
            "sums",
            lambda losses, real, lengths, edges: _grouped(
                losses, real, lengths, edges, lambda some, mask: some[mask].sum()
            ),
            "The losses are added up but not divided by the number of words.",
        ),
        Wrong(
            "summed_over_all",
            lambda losses, real, lengths, edges: _grouped(
                losses, real, lengths, edges, lambda some, mask: some[mask].sum() / real.sum()
            ),
            "Each group's sum is divided by the words of all groups. Divide by the words of the "
            "group itself.",
        ),
        Wrong(
            "by_source_words",
            _by_source_words,
            "The sum is divided by the words of the source. The losses belong to target words, "
            "so divide by how many of these are real.",
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
