"""Exercises of notebook 12, first part: layer norm, the MLP, and what enters the first block."""

from __future__ import annotations

from collections.abc import Callable

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb12 import answers


def _norm_cases(dice: Dice) -> list[tuple]:
    def case(b: int, t: int, d: int, eps: float) -> tuple:
        return dice.normal(b, t, d), dice.normal(d), dice.normal(d), eps

    # One row has nearly no variance. With none, a right answer by torch.std has no gradient.
    level = torch.tensor([[[2.0, 2.0, 2.25], [1.0, 2.0, 4.0]]])
    return [
        (level, torch.ones(3), torch.tensor([0.0, 0.5, 1.0]), 0.25),
        case(1, 3, 2, 0.1),
        case(3, 1, 4, 0.5),
        case(2, 4, 3, 0.01),
        case(*dice.sizes(3), 0.2),
        case(*dice.sizes(3), 0.1),
    ]


def _normed(
    states: torch.Tensor,
    gain: torch.Tensor,
    bias: torch.Tensor,
    eps: float,
    over: tuple[int, ...] = (-1,),
    correction: int = 0,
    divisor: Callable[..., torch.Tensor] = lambda variance, eps: torch.sqrt(variance + eps),
    centred: bool = True,
) -> torch.Tensor:
    """Layer norm with one thing changed."""
    mean = states.mean(dim=over, keepdim=True) if centred else torch.zeros(())
    variance = (states - mean).square().mean(dim=over, keepdim=True)
    variance = variance * states.size(-1) / (states.size(-1) - correction)
    return gain * (states - mean) / divisor(variance, eps) + bias


def _with(**change: object) -> Callable[..., torch.Tensor]:
    return lambda *given: _normed(*given, **change)


def _constants(states, gain, bias, eps) -> torch.Tensor:
    mean = states.mean(dim=-1, keepdim=True).detach()
    variance = states.var(dim=-1, correction=0, keepdim=True).detach()
    return gain * (states - mean) / torch.sqrt(variance + eps) + bias


def _by_std(axis: int) -> Callable[..., torch.Tensor]:
    def normed(states, gain, bias, eps) -> torch.Tensor:
        mean = states.mean(dim=axis, keepdim=True)
        return gain * (states - mean) / (states.std(dim=axis, keepdim=True) + eps) + bias

    return normed


def _mean_square_norm(states, gain, bias, eps) -> torch.Tensor:
    return gain * states / torch.sqrt(states.square().mean(dim=-1, keepdim=True) + eps)


def _to_length_one(states, gain, bias, eps) -> torch.Tensor:
    centred = states - states.mean(dim=-1, keepdim=True)
    return gain * torch.nn.functional.normalize(centred, dim=-1) + bias


layer_norm = Exercise(
    name="nb12.layer_norm",
    title="Every vector to the same size",
    difficulty=2,
    minutes=15,
    core=False,
    reference=answers.layer_norm,
    spec=answers.layer_norm_spec,
    cases=_norm_cases,
    sizes=lambda states, gain, bias, eps: dict(zip("BTD", states.shape, strict=True)),
    returns={"normal": "B T D"},
    gradients=("states", "gain", "bias"),
    shapes_hint="The mean of each vector needs to keep an axis, (B, T, 1), to be taken from "
    "(B, T, D): keepdim=True.",
    training_case=lambda: (torch.randn(64, 24, 64), torch.randn(64), torch.randn(64), 1e-5),
    wrong_answers=(
        Wrong(
            "over_words",
            _with(over=(1,)),
            "Mean and variance are taken over the words of the sentence. Each word's vector is "
            "brought to size on its own: the last axis.",
        ),
        Wrong(
            "over_sentence",
            _with(over=(1, 2)),
            "One mean and one variance serve the whole sentence. Each position has its own: the "
            "last axis only. Otherwise a later word would change an earlier one.",
        ),
        Wrong(
            "batch_norm",
            _with(over=(0, 1)),
            "Mean and variance are taken over all words of the batch, for each of the D numbers. "
            "That is batch norm: what a sentence becomes depends on its neighbours. Layer norm "
            "looks at one vector, along the last axis.",
        ),
        Wrong(
            "unbiased",
            _with(correction=1),
            "The variance is divided by D - 1, as var and std do unless told otherwise. That "
            "estimates the variance of numbers not seen; here all D are there: divide by D.",
        ),
        Wrong(
            "eps_outside",
            _with(divisor=lambda variance, eps: torch.sqrt(variance) + eps),
            "eps is added to the standard deviation. It belongs under the root, to the variance; "
            "outside, the root's slope at a variance of 0 has no end.",
        ),
        Wrong(
            "std_and_eps",
            _with(correction=1, divisor=lambda variance, eps: torch.sqrt(variance) + eps),
            "std divides by D - 1, and eps stands outside the root. A well-known tutorial has it "
            "so; the paper and PyTorch take the mean square, and add eps under the root.",
        ),
        Wrong(
            "no_eps",
            _with(divisor=lambda variance, eps: torch.sqrt(variance)),
            "eps has no part in it. A vector whose numbers are all equal has a variance of 0, and "
            "0 / 0 is no number.",
        ),
        Wrong(
            "by_variance",
            _with(divisor=lambda variance, eps: variance + eps),
            "The vector is divided by its variance. Its numbers then have a variance of one over "
            "that, not of 1: take the root.",
        ),
        Wrong(
            "not_centred",
            _with(centred=False),
            "The mean is not taken away; the vector is divided by its root mean square. That is "
            "RMSNorm (Zhang and Sennrich 2019). Layer norm centres first.",
        ),
        Wrong(
            "bias_inside",
            lambda states, gain, bias, eps: gain * (answers.layer_norm(states, 1.0, bias, eps)),
            "The gain multiplies the bias too. Gain first, then add the bias.",
        ),
        Wrong(
            "gain_forgotten",
            lambda states, gain, bias, eps: answers.layer_norm(states, 1.0, bias, eps),
            "The gain has no part in it. It lets the model make some of the D numbers larger "
            "again.",
        ),
        Wrong(
            "constants",
            _constants,
            "The numbers are right, but mean and variance are cut off from the graph. They depend "
            "on the vector, and the gradient must know it: a change of all D numbers alike changes "
            "nothing.",
        ),
        Wrong(
            "no_gain_no_bias",
            lambda states, gain, bias, eps: answers.layer_norm(states, 1.0, 0.0, eps),
            "Neither gain nor bias has a part in it. With them the model can undo the norm where "
            "it needs to: gain times, plus bias.",
        ),
        Wrong(
            "bias_forgotten",
            lambda states, gain, bias, eps: answers.layer_norm(states, gain, 0.0, eps),
            "The bias has no part in it: it is added last.",
        ),
        Wrong(
            "over_the_batch",
            _with(over=(0,)),
            "Mean and variance are taken over the sentences of the batch. Each word's vector is "
            "brought to size on its own: the last axis.",
        ),
        Wrong(
            "not_divided",
            lambda states, gain, bias, eps: (
                gain * (states - states.mean(dim=-1, keepdim=True)) + bias
            ),
            "The vectors are centred and not divided by their spread: the variance is not 1 yet.",
        ),
        Wrong(
            "over_words_by_std",
            _by_std(1),
            "Mean and spread are taken over the words of the sentence, and std divides by one "
            "less than their number. Each word's vector is brought to size on its own: the last "
            "axis.",
            also=(_by_std(0),),
        ),
        Wrong(
            "mean_square_norm",
            _mean_square_norm,
            "This is RMSNorm (Zhang and Sennrich, 2019): it takes no mean away and adds no "
            "bias. Layer norm does both.",
        ),
        Wrong(
            "to_length_one",
            _to_length_one,
            "The vector is brought to length 1. Its variance must be 1, so its length is the "
            "root of D.",
        ),
        Wrong(
            "gain_counted_from_one",
            lambda states, gain, bias, eps: answers.layer_norm(states, 1 + gain, bias, eps),
            "1 is added to the gain. Some libraries store it so; here the gain is used as it is.",
        ),
    ),
    hints=(
        "Which numbers share one mean: those of one word, of one sentence, or of one batch? What "
        "must the mean's shape be, to be taken from (B, T, D)?",
        "centred = states minus the mean of each vector      (B, T, D)\n"
        "variance = the mean of centred squared              (B, T, 1)\n"
        "gain times centred over the root of variance plus eps, plus bias",
        "centred = states - states.mean(dim=-1, keepdim=True)\n"
        "variance = centred.square().mean(...)\ngain * centred / torch.sqrt(...) + bias",
    ),
    why="with its own mean and variance each vector is brought to the same size, whatever its "
    "neighbours are, in training and in translation alike. eps keeps a vector of equal numbers "
    "from a division by 0.",
)


def _mlp_cases(dice: Dice) -> list[tuple]:
    def case(b: int, t: int, d: int, m: int) -> tuple:
        inner, outer = dice.normal(d, m) / 2, dice.normal(m, d) / 2
        # The products are multiples of 0.005: with this bias none is 0, where a ReLU has two slopes
        # and rounding would choose between them.
        bias = dice.normal(m) + 0.0025
        return dice.normal(b, t, d), inner, bias, outer, dice.normal(d)

    return [case(1, 3, 2, 4), case(3, 1, 4, 2), case(*dice.sizes(4)), case(*dice.sizes(4, 2, 9))]


def _mlp(states, w_1, b_1, w_2, b_2, bend=torch.relu) -> torch.Tensor:
    return bend(states @ w_1 + b_1) @ w_2 + b_2


def _by_sentence(states, w_1, b_1, w_2, b_2) -> torch.Tensor:
    mean = states.mean(dim=1, keepdim=True)
    return _mlp(mean, w_1, b_1, w_2, b_2).expand_as(states).clone()


feed_forward = Exercise(
    name="nb12.feed_forward",
    title="The MLP that every position has in common",
    difficulty=1,
    minutes=5,
    core=False,
    reference=answers.feed_forward,
    spec=answers.feed_forward_spec,
    cases=_mlp_cases,
    sizes=lambda states, inner_weight, *rest: {
        **dict(zip("BTD", states.shape, strict=True)),
        "M": inner_weight.size(1),
    },
    returns={"results": "B T D"},
    gradients=("states", "inner_weight", "inner_bias", "outer_weight", "outer_bias"),
    shapes_hint="states is (B, T, D) and W_1 (D, M): states @ W_1 is (B, T, M), and W_2 (M, D) "
    "leads back.",
    training_case=lambda: (
        torch.randn(64, 24, 64),
        torch.randn(64, 256) / 8,
        torch.randn(256),
        torch.randn(256, 64) / 16,
        torch.randn(64),
    ),
    wrong_answers=(
        Wrong(
            "no_relu",
            lambda *given: _mlp(*given, bend=lambda x: x),
            "The ReLU is missing. Two matrices in a row are one matrix: the layer could do no more "
            "than a single linear one.",
        ),
        Wrong(
            "relu_last",
            lambda *given: torch.relu(_mlp(*given, bend=lambda x: x)),
            "The ReLU stands behind the second matrix. It belongs between the two; behind them it "
            "also keeps the block from ever taking anything away from the stream.",
        ),
        Wrong(
            "relu_twice",
            lambda *given: torch.relu(_mlp(*given)),
            "There is a ReLU at the end too. The result is added to the stream, and must be able "
            "to take something away from it.",
        ),
        Wrong(
            "relu_first",
            lambda states, *rest: _mlp(torch.relu(states), *rest, bend=lambda x: x),
            "The ReLU is applied to what comes in. It belongs behind the first matrix, where there "
            "are M numbers to switch on and off.",
        ),
        Wrong(
            "gelu",
            lambda *given: _mlp(*given, bend=torch.nn.functional.gelu),
            "That is a GELU, which later models use. The paper's equation has max(0, ...), a ReLU.",
        ),
        Wrong(
            "inner_bias_forgotten",
            lambda states, w_1, b_1, w_2, b_2: torch.relu(states @ w_1) @ w_2 + b_2,
            "b_1 is missing. It decides from where on each of the M numbers is switched on.",
        ),
        Wrong(
            "outer_bias_forgotten",
            lambda states, w_1, b_1, w_2, b_2: torch.relu(states @ w_1 + b_1) @ w_2,
            "b_2 is missing.",
        ),
        Wrong(
            "no_biases",
            lambda states, w_1, b_1, w_2, b_2: torch.relu(states @ w_1) @ w_2,
            "Both biases are missing.",
        ),
        Wrong(
            "residual_inside",
            lambda states, *rest: states + _mlp(states, *rest),
            "states is added already. The block adds it, around every sub-layer; the MLP gives the "
            "change alone.",
        ),
        Wrong(
            "by_sentence",
            _by_sentence,
            "All positions get the same result, made from their mean. The MLP is applied to each "
            "position on its own.",
        ),
        Wrong(
            "biases_exchanged",
            lambda states, w_1, b_1, w_2, b_2: (torch.relu(states @ w_1) + b_1) @ w_2 + b_2,
            "b_1 is added behind the ReLU. It belongs before it, where it decides from where on a "
            "number is switched on.",
        ),
        Wrong(
            "sigmoid",
            lambda *given: _mlp(*given, bend=torch.sigmoid),
            "That is a sigmoid. The paper's equation has max(0, ...), a ReLU.",
            also=(lambda *given: _mlp(*given, bend=torch.tanh),),
        ),
    ),
    hints=(
        "What would two matrices in a row, with nothing between them, be able to do that one "
        "cannot?",
        "inner = states times W_1, plus b_1, negatives set to 0    (B, T, M)\n"
        "inner times W_2, plus b_2                                 (B, T, D)",
        "inner = torch.relu(states @ ... + ...)\ninner @ ... + ...",
    ),
    why="@ applies the same two matrices to every position, and mixes none of them. Attention "
    "moves numbers between positions, the MLP works on them where they are.",
)


def _words_cases(dice: Dice) -> list[tuple]:
    def case(b: int, t: int, v: int, d: int, n: int) -> tuple:
        return dice.integers(0, v, b, t), dice.normal(v, d) / 2, dice.normal(n, d)

    return [
        case(1, 2, 3, 4, 5),
        case(2, 3, 4, 6, 5),
        case(3, 1, 5, 2, 6),
        case(4, 6, 3, 2, 7),
        case(2, 4, 6, 3, 8),
    ]


def _embedded(words, table, positions, scale=None, placed=None) -> torch.Tensor:
    factor = table.size(1) ** 0.5 if scale is None else scale(table)
    placed = positions[: words.size(1)] if placed is None else placed(words, positions)
    return table[words] * factor + placed


embed_words = Exercise(
    name="nb12.embed_words",
    title="Words and positions, in one scale",
    difficulty=1,
    minutes=10,
    core=False,
    reference=answers.embed_words,
    spec=answers.embed_words_spec,
    cases=_words_cases,
    sizes=lambda words, table, positions: {
        **dict(zip("BT", words.shape, strict=True)),
        **dict(zip("VD", table.shape, strict=True)),
        "N": positions.size(0),
    },
    returns={"states": "B T D"},
    gradients=("table", "positions"),
    shapes_hint="positions has N rows, more than the T that this batch needs: take the first T.",
    training_case=lambda: (torch.randint(200, (64, 24)), torch.randn(200, 64), torch.randn(64, 64)),
    wrong_answers=(
        Wrong(
            "not_scaled",
            lambda *given: _embedded(*given, scale=lambda table: 1.0),
            "The rows are not multiplied by sqrt(D). A table that is also the output layer has "
            "small numbers, about 1/sqrt(D), and the positions would drown them.",
        ),
        Wrong(
            "divided",
            lambda *given: _embedded(*given, scale=lambda table: table.size(1) ** -0.5),
            "The rows are divided by sqrt(D). Scores are divided by a root; here the small rows of "
            "the table are made as large as the positions: multiply.",
        ),
        Wrong(
            "by_width",
            lambda *given: _embedded(*given, scale=lambda table: table.size(1)),
            "The rows are multiplied by D. Its root is enough to bring numbers of about 1/sqrt(D) "
            "to about 1.",
        ),
        Wrong(
            "by_vocabulary",
            lambda *given: _embedded(*given, scale=lambda table: table.size(0) ** 0.5),
            "The rows are multiplied by the root of the number of words. D is the width of a row.",
        ),
        Wrong(
            "sum_scaled",
            lambda words, table, positions: (
                (table[words] + positions[: words.size(1)]) * table.size(1) ** 0.5
            ),
            "The positions are multiplied by sqrt(D) too. Their numbers are of size 1 already: "
            "scale the words first, then add.",
        ),
        Wrong(
            "no_positions",
            lambda *given: _embedded(*given, placed=lambda words, positions: 0.0),
            "The positions are missing. Without them a sentence is a bag of words to every block "
            "of the encoder (notebook 09).",
        ),
        Wrong(
            "position_of_word",
            lambda *given: _embedded(*given, placed=lambda words, positions: positions[words]),
            "The position is looked up with the word's id. It depends on where the word stands: "
            "row t for the word at t.",
        ),
        Wrong(
            "counted_from_one",
            lambda *given: _embedded(
                *given, placed=lambda words, positions: positions[1 : words.size(1) + 1]
            ),
            "The first word gets the second row of positions. They are counted from 0.",
        ),
        Wrong(
            "last_positions",
            lambda *given: _embedded(
                *given, placed=lambda words, positions: positions[-words.size(1) :]
            ),
            "The last T rows of positions are used. A sentence starts at position 0, so that a "
            "word's row does not depend on how long the table is.",
        ),
        Wrong(
            "concatenated",
            lambda words, table, positions: torch.cat(
                [
                    table[words] * table.size(1) ** 0.5,
                    positions[: words.size(1)].expand(words.size(0), -1, -1),
                ],
                dim=-1,
            ),
            "Words and positions stand side by side, 2 D numbers. The paper adds them, and the "
            "width stays D.",
        ),
        Wrong(
            "half_power",
            lambda *given: _embedded(*given, scale=lambda table: table.size(1) / 2),
            "`D ** 1/2` is no root: Python takes the power first and then divides by 2. Write D "
            "** 0.5.",
        ),
        Wrong(
            "positions_by_sentence",
            lambda words, table, positions: (
                table[words] * table.size(1) ** 0.5 + positions[: len(words)].unsqueeze(1)
            ),
            "Each sentence gets one row of positions for all its words. The rows belong to the "
            "places in a sentence: the first T, the same for every sentence.",
        ),
        Wrong(
            "by_length",
            lambda words, table, positions: (
                table[words] * words.size(1) ** 0.5 + positions[: words.size(1)]
            ),
            "The rows are multiplied by the root of the sentence's length. It is the width D of a "
            "row whose root is needed.",
        ),
    ),
    hints=(
        "How large are the numbers of the table, about 1/sqrt(D), beside the sines and cosines of "
        "the positions? What brings them to the same size?",
        "states = the table's rows for the words, times the root of D    (B, T, D)\n"
        "add the first T rows of positions",
        "states = table[words] * table.size(1) ** ...\nstates + positions[: ...]",
    ),
    why="the root brings the words' rows to the size of the positions, so that neither drowns the "
    "other, and leaves the table small enough to serve as the output layer too.",
)
