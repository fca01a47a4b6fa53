"""Exercises of notebook 10, first part: the causal mask, padding on top of it, and the loss."""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb10 import answers


def _square(length: int) -> torch.Tensor:
    return torch.ones(length, length, dtype=torch.bool)


causal_mask = Exercise(
    name="nb10.causal_mask",
    title="No looking ahead",
    difficulty=1,
    minutes=5,
    core=True,
    reference=answers.causal_mask,
    spec=answers.causal_mask_spec,
    cases=lambda dice: [(1,), (2,), (3,), (5,), (dice.random.randint(6, 9),)],
    sizes=lambda length: {"T": length},
    returns={"mask": "T T"},
    training_case=lambda: (200,),
    wrong_answers=(
        Wrong(
            "not_itself",
            lambda length: _square(length).tril(-1),
            "A word may not look at itself, and the first word at nothing at all. The diagonal is "
            "True: position t predicts word t + 1, so word t is known there.",
        ),
        Wrong(
            "looking_ahead",
            lambda length: _square(length).triu(),
            "The other triangle: each word sees itself and what comes after it. Rows are the words "
            "that look, columns the words looked at.",
        ),
        Wrong(
            "inverted",
            lambda length: _square(length).triu(1),
            "True stands where looking is forbidden. In this course, and in PyTorch's "
            "scaled_dot_product_attention, True means that a word may be attended. "
            "(nn.MultiheadAttention reads it the other way round.)",
        ),
        Wrong(
            "numbers",
            lambda length: torch.ones(length, length).tril(),
            "The triangle is right, but it holds numbers. A float mask is added to the scores, and "
            "adding 0 and 1 forbids nothing: make it booleans.",
        ),
        Wrong(
            "added",
            lambda length: torch.zeros(length, length).masked_fill(
                ~_square(length).tril(), -torch.inf
            ),
            "This is the float form, 0 and minus infinity, to be added to the scores. It does the "
            "same; asked for are booleans.",
        ),
        Wrong(
            "last_row_for_all",
            _square,
            "Nothing is forbidden: every word sees the whole sentence, also the word that it is to "
            "predict.",
        ),
        Wrong(
            "only_itself",
            lambda length: torch.eye(length, dtype=torch.bool),
            "Each word sees itself alone. The words before it are known too.",
        ),
        Wrong(
            "anti_diagonal",
            lambda length: _square(length).tril().flip(1),
            "The triangle leans the other way. Row 0 may look at column 0 only, the last row at "
            "all columns.",
        ),
        Wrong(
            "one_ahead",
            lambda length: _square(length).tril(1),
            "Each word sees the next one too, and that is the word it is to predict. The diagonal "
            "is the last that may be seen: tril() and not tril(1).",
        ),
        Wrong(
            "previous_and_itself",
            lambda length: _square(length).tril().triu(-1),
            "Each word sees itself and the one before it. All the words before it are known.",
        ),
    ),
    hints=(
        "Draw it for three words. Which cells of row 0 are True, which of row 1, which of row 2?",
        "a square of True, T by T\nof which only the lower triangle stays, the diagonal included",
        "torch.ones(length, length, dtype=torch.bool).tril()   or   positions <= "
        "positions.unsqueeze(...)",
    ),
    why="row t has its first t + 1 cells True. One mask serves every sentence, and all T positions "
    "can be trained at once, each on its own past.",
)


def _length_cases(dice: Dice) -> list[tuple]:
    return [
        (torch.tensor([2]), 3),
        (torch.tensor([1, 4]), 4),
        (torch.tensor([3, 5, 2]), 5),
        (dice.lengths(4, 6), 6),
        (dice.lengths(5, 8), 9),
    ]


def _words(lengths: torch.Tensor, size: int) -> torch.Tensor:
    return torch.arange(size) < lengths.unsqueeze(1)


combine_masks = Exercise(
    name="nb10.combine_masks",
    title="Neither the future nor the padding",
    difficulty=2,
    minutes=10,
    core=False,
    reference=answers.combine_masks,
    spec=answers.combine_masks_spec,
    cases=_length_cases,
    sizes=lambda lengths, size: {"B": len(lengths), "T": size},
    returns={"mask": "B T T"},
    shapes_hint="The words of each sentence are (B, T); with an axis for the queries, (B, 1, T), "
    "they broadcast with the causal mask (T, T).",
    training_case=lambda: (torch.arange(64) % 40 + 1, 40),
    wrong_answers=(
        Wrong(
            "or",
            lambda lengths, size: _words(lengths, size).unsqueeze(1) | _square(size).tril(),
            "The masks are joined with or. A word may be looked at if it is no padding and no "
            "future: both must hold.",
        ),
        Wrong(
            "padding_only",
            lambda lengths, size: _words(lengths, size).unsqueeze(1).expand(-1, size, -1).clone(),
            "Padding is hidden, but the future is not.",
        ),
        Wrong(
            "causal_only",
            lambda lengths, size: _square(size).tril().expand(len(lengths), -1, -1).clone(),
            "The future is hidden, but the padding is not. On the right-hand side it does no harm "
            "to real words, but the rows of the padding look at it, and a padding on the left "
            "would be seen by all.",
        ),
        Wrong(
            "rows_of_padding",
            lambda lengths, size: _words(lengths, size).unsqueeze(2) & _square(size).tril(),
            "The rows of the padding are empty: nothing may be looked at from there. The lengths "
            "belong to the columns, (B, 1, T), as they say what may be looked at. Which rows are "
            "learnt from is the loss mask's task, and an empty row is a softmax of nothing.",
        ),
        Wrong(
            "not_itself",
            lambda lengths, size: _words(lengths, size).unsqueeze(1) & _square(size).tril(-1),
            "A word may not look at itself, and the first word at nothing at all.",
        ),
        Wrong(
            "one_word_more",
            lambda lengths, size: answers.combine_masks(lengths + 1, size),
            "One padding position counts as a word. A sentence of n words has the positions 0 to "
            "n - 1.",
        ),
        Wrong(
            "inverted",
            lambda lengths, size: ~answers.combine_masks(lengths, size),
            "True stands where looking is forbidden. Here True means that a word may be attended.",
        ),
        Wrong(
            "one_ahead",
            lambda lengths, size: _words(lengths, size).unsqueeze(1) & _square(size).tril(1),
            "Each word sees the next one too, and that is the word it is to predict: tril() and "
            "not tril(1).",
        ),
        Wrong(
            "no_query_axis",
            lambda lengths, size: _words(lengths, size) & _square(size).tril(),
            "The words of the sentences, (B, T), have no axis for the queries. Then broadcasting "
            "takes the sentences for the rows of the map: with unsqueeze(1) they are (B, 1, T).",
        ),
        Wrong(
            "looking_ahead",
            lambda lengths, size: _words(lengths, size).unsqueeze(1) & _square(size).triu(),
            "The other triangle: each word sees itself and what comes after it.",
        ),
    ),
    hints=(
        "One mask belongs to the batch's sentences, the other to every sentence alike. Which axes "
        "does each of them have, and which does it lack?",
        "words = positions below each length, with an axis for the queries    (B, 1, T)\n"
        "causal = the lower triangle                                          (T, T)\n"
        "both must allow it                                                   (B, T, T)",
        "words = torch.arange(size) < lengths.unsqueeze(1)\nreturn words.unsqueeze(...) & ...",
    ),
    why="the padding mask depends on the sentence and the key, the causal mask on query and key. "
    "Broadcasting lays the one over the other. The loss mask, which is about targets, is neither.",
)


def _loss_cases(dice: Dice) -> list[tuple]:
    def case(b: int, t: int, v: int, *lengths: int) -> tuple:
        words = dice.integers(3, v, b, t)
        words[:, 0] = 1
        for row, length in zip(words, lengths, strict=True):
            row[length - 1] = 2
            row[length:] = 0
        return dice.normal(b, t, v), words

    loud = case(2, 4, 6, 4, 3)
    junk = case(2, 6, 4, 3, 5)  # to be large on padding
    return [
        case(1, 3, 5, 3),
        case(2, 4, 5, 4, 2),
        case(3, 5, 6, 3, 5, 2),
        case(4, 6, 7, 6, 3, 4, 2),
        case(5, 8, 9, 8, 8, 5, 3, 2),
        (1e3 * loud[0], loud[1]),  # a probability is 0 in floats, its logarithm is a number
        (torch.where((junk[1] == 0).unsqueeze(-1), 1e4 * junk[0], junk[0]), junk[1]),
    ]


def _given(logits: torch.Tensor, targets: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    return cross_entropy(logits[real], targets[real])


def _by_sentence(logits: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
    sentences = zip(logits.split(1), words.split(1), strict=True)
    rows = [answers.language_model_loss(*row) for row in sentences]
    return torch.stack(rows).mean()


def _without_end(logits: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
    targets = words[:, 1:]
    losses = cross_entropy(logits[:, :-1].mT, targets, reduction="none")
    inside = targets > 2
    return (losses * inside).sum() / inside.sum().clamp(min=1)


def _not_learnt_from(logits: torch.Tensor, words: torch.Tensor) -> dict[str, torch.Tensor]:
    after = torch.cat([words[:, 1:], torch.zeros_like(words[:, :1])], dim=1)
    return {"logits": (after == 0).unsqueeze(-1)}


def _logarithm_of_softmax(logits: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
    targets = words[:, 1:]
    shares = torch.softmax(logits[:, :-1], dim=-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return -torch.log(shares[targets != 0]).mean()


language_model_loss = Exercise(
    name="nb10.language_model_loss",
    title="Every position predicts the next word",
    difficulty=3,
    minutes=15,
    core=True,
    reference=answers.language_model_loss,
    spec=answers.language_model_loss_spec,
    cases=_loss_cases,
    sizes=lambda logits, words: dict(zip("BTV", logits.shape, strict=True)),
    returns={"loss": ""},
    gradients=("logits",),
    exact_zeros=_not_learnt_from,
    shapes_hint="logits[real], with real of shape (B, T - 1), needs logits (B, T - 1, V) too: "
    "which position predicts nothing?",
    training_case=lambda: (torch.randn(32, 20, 200), torch.randint(3, 200, (32, 20))),
    wrong_answers=(
        Wrong(
            "not_shifted",
            lambda logits, words: _given(logits, words, words != 0),
            "Each position is asked for its own word, which it has just read. Nothing is to be "
            "learnt from that: the logits at t predict the word at t + 1.",
        ),
        Wrong(
            "looking_back",
            lambda logits, words: _given(logits[:, 1:], words[:, :-1], words[:, :-1] != 0),
            "Each position is asked for the word before it. Shift the other way: drop the last "
            "logits and the first word.",
        ),
        Wrong(
            "padding_counted",
            lambda logits, words: cross_entropy(
                logits[:, :-1].flatten(0, 1), words[:, 1:].flatten()
            ),
            "The padding counts as words to predict. A model then gets better by saying padding.",
        ),
        Wrong(
            "mask_of_inputs",
            lambda logits, words: _given(logits[:, :-1], words[:, 1:], words[:, :-1] != 0),
            "The mask asks whether the input is a word; it should ask whether the target is one. "
            "After <end>, which is a word, comes padding: it is not to be predicted. The padding "
            "mask and the loss mask are not the same.",
        ),
        Wrong(
            "divided_by_all",
            lambda logits, words: (
                cross_entropy(logits[:, :-1].mT, words[:, 1:], ignore_index=0, reduction="sum")
                / words[:, 1:].numel()
            ),
            "The padding's losses are left out, but its positions are counted: the sum is divided "
            "by all B * (T - 1). Divide by the number of real targets.",
        ),
        Wrong(
            "mean_of_means",
            _by_sentence,
            "Each sentence's mean counts the same, so a word of a short sentence counts more than "
            "one of a long sentence. The mean is over all words of the batch.",
        ),
        Wrong(
            "end_left_out",
            _without_end,
            "<end> is left out. It is predicted like any word: a model that never learns it cannot "
            "stop.",
        ),
        Wrong(
            "summed",
            lambda logits, words: cross_entropy(
                logits[:, :-1].mT, words[:, 1:], ignore_index=0, reduction="sum"
            ),
            "The losses are added up. Then a larger batch has a larger loss; take the mean over "
            "the real targets.",
        ),
        Wrong(
            "softmax_twice",
            lambda logits, words: answers.language_model_loss(logits.softmax(dim=-1), words),
            "The logits went through a softmax first. cross_entropy takes logits and has a softmax "
            "of its own.",
        ),
        Wrong(
            "overflow",
            _logarithm_of_softmax,
            "Right for small logits, but where they lie far apart the softmax of one is 0 in "
            "floats, and the logarithm of 0 is minus infinity. torch.log_softmax and cross_entropy "
            "take both steps in one, and never get there.",
        ),
        Wrong(
            "divided_by_sentences",
            lambda logits, words: (
                cross_entropy(logits[:, :-1].mT, words[:, 1:], ignore_index=0, reduction="sum")
                / len(words)
            ),
            "The sum is divided by the number of sentences. Then a long sentence weighs more, and "
            "the loss grows with its length: divide by the number of real targets.",
        ),
        Wrong(
            "minus_forgotten",
            lambda logits, words: -answers.language_model_loss(logits, words),
            "The sign is turned round. The loss is minus the logarithm of the probability: a sure "
            "and right model has a loss near 0, and no loss is negative.",
        ),
        Wrong(
            "raw_logits",
            lambda logits, words: torch.nn.functional.nll_loss(
                logits[:, :-1].flatten(0, 1), words[:, 1:].flatten(), ignore_index=0
            ),
            "nll_loss wants log-probabilities and was given something else. cross_entropy takes "
            "the logits as they are; or take log_softmax first.",
            also=(
                lambda logits, words: torch.nn.functional.nll_loss(
                    logits[:, :-1].softmax(dim=-1).flatten(0, 1),
                    words[:, 1:].flatten(),
                    ignore_index=0,
                ),
            ),
        ),
        Wrong(
            "two_ahead",
            lambda logits, words: _given(logits[:, :-2], words[:, 2:], words[:, 2:] != 0),
            "Each position is asked for the word after the next. The logits at t predict the word "
            "at t + 1.",
        ),
        Wrong(
            "start_predicted",
            lambda logits, words: _given(logits.roll(1, dims=1), words, words != 0),
            "<start> is among the targets, predicted from the last position. Nothing comes before "
            "<start>: it is never predicted.",
        ),
    ),
    hints=(
        "For the words <start> le chat <end>: what should position 0 predict, and position 3? "
        "Which word is nobody's target, and which position has no target?",
        "predictions = the logits of all positions but the last\n"
        "targets = all words but the first\n"
        "real = targets that are no padding\nmean cross-entropy over those",
        "predictions, targets = logits[:, :-1], words[:, ...]\nreal = ... != 0\n"
        "torch.nn.functional.cross_entropy(predictions[real], ...)",
    ),
    why="thanks to the causal mask, position t has not seen word t + 1. So one pass over a "
    "sentence gives as many predictions as it has words to predict, and the loss is their mean.",
)
