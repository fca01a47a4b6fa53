"""Exercises of notebook 04, first part: scores, weights, contexts."""

from __future__ import annotations

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb04 import answers

_NEVER = float("-inf")


def _additive_cases(dice: Dice) -> list[tuple]:
    def case(b: int, t: int, s: int, d: int) -> tuple:
        return dice.normal(b, t, d), dice.normal(b, s, d), dice.normal(d)

    batch_of_one = case(1, *dice.sizes(3, 2, 4))
    one_step, one_word = dice.sizes(3), dice.sizes(3)
    return [
        batch_of_one,
        case(one_step[0], 1, *one_step[1:]),
        case(*one_word[:2], 1, one_word[2]),
        case(*dice.sizes(4)),
        case(*dice.sizes(4)),
    ]


def _pairwise(queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    return queries.unsqueeze(2) + keys.unsqueeze(1)


additive_scores = Exercise(
    name="nb04.additive_scores",
    title="Score every source word for every target step",
    difficulty=3,
    minutes=10,
    core=True,
    reference=answers.additive_scores,
    spec=answers.additive_scores_spec,
    cases=_additive_cases,
    sizes=lambda queries, keys, v: {
        "B": queries.size(0),
        "T": queries.size(1),
        "S": keys.size(1),
        "D": v.size(0),
    },
    returns={"scores": "B T S"},
    gradients=("queries", "keys", "v"),
    shapes_hint="The shapes are (B, T, D) and (B, S, D): which axis must each get so that they "
    "broadcast to (B, T, S, D)?",
    training_case=lambda: (torch.randn(32, 16, 64), torch.randn(32, 24, 64), torch.randn(64)),
    wrong_answers=(
        Wrong(
            "no_tanh",
            lambda q, k, v: _pairwise(q, k) @ v,
            "There is no tanh. Without it the score is v.q + v.k: the query adds the same amount"
            " to every source word, softmax cancels it, and each target word looks at the same "
            "place.",
        ),
        Wrong(
            "tanh_outside",
            lambda q, k, v: torch.tanh(_pairwise(q, k) @ v),
            "The tanh comes after the product with v. It belongs inside, on each of the D "
            "numbers of q + k: outside, no score can leave -1..1, and every query ranks the "
            "source words alike.",
        ),
        Wrong(
            "tanh_each",
            lambda q, k, v: (torch.tanh(q).unsqueeze(2) + torch.tanh(k).unsqueeze(1)) @ v,
            "Query and key each go through a tanh of their own. They must meet inside one tanh, as "
            "tanh(q + k); apart, the query shifts all scores of its row alike and changes nothing.",
        ),
        Wrong(
            "transposed",
            lambda q, k, v: (torch.tanh(_pairwise(q, k)) @ v).transpose(1, 2),
            "Rows and columns have changed places. A row is a target step (a query), a column a "
            "source word (a key): softmax will run along the row, over the words to look at.",
        ),
        Wrong(
            "v_forgotten",
            lambda q, k, v: torch.tanh(_pairwise(q, k)).sum(dim=-1),
            "v has no part in it. It says how much each of the D features counts; a plain sum "
            "gives all of them weight 1, and v never learns.",
        ),
        Wrong(
            "sigmoid",
            lambda q, k, v: torch.sigmoid(_pairwise(q, k)) @ v,
            "This is a sigmoid, 0..1, where the paper has tanh, -1..1. The two are near "
            "relatives, tanh(x) = 2 sigmoid(2x) - 1, but the score asked for is the one with "
            "tanh.",
        ),
        Wrong(
            "relu",
            lambda q, k, v: torch.relu(_pairwise(q, k)) @ v,
            "This is a ReLU where the paper has tanh. A ReLU is flat below 0 and has no bound "
            "above, so one large feature can decide a score alone; tanh keeps each between -1 "
            "and 1.",
        ),
        Wrong(
            "product",
            lambda q, k, v: torch.tanh(q.unsqueeze(2) * k.unsqueeze(1)) @ v,
            "Query and key are multiplied. This score is the additive one, q + k; the product is"
            " what dot-product attention is built on, in notebook 05.",
        ),
        Wrong(
            "mean_over_features",
            lambda q, k, v: (torch.tanh(_pairwise(q, k)) * v).mean(dim=-1),
            "The D products are averaged. A dot product is their sum: with the mean all scores "
            "are D times too small, and softmax makes them nearly equal.",
        ),
        Wrong(
            "keys_subtracted",
            lambda q, k, v: torch.tanh(q.unsqueeze(2) - k.unsqueeze(1)) @ v,
            "The key is taken away from the query. The score is made of their sum, q + k.",
        ),
        Wrong(
            "v_inside",
            lambda q, k, v: torch.tanh(_pairwise(q, k) * v).sum(dim=-1),
            "v stands inside of the tanh. It weighs the D features after the tanh: v . tanh(q + "
            "k).",
        ),
        Wrong(
            "softmaxed",
            lambda q, k, v: torch.softmax(torch.tanh(_pairwise(q, k)) @ v, dim=-1),
            "The scores went through a softmax already. Asked for are the scores; the weights "
            "come in the next exercise.",
        ),
    ),
    hints=(
        "Each of T queries meets each of S keys, in D features. What shape holds all those sums at "
        "once, and where does each of the two tensors lack an axis?",
        "queries with a new axis: (B, T, 1, D). keys with a new axis: (B, 1, S, D).\n"
        "Their sum broadcasts to (B, T, S, D). tanh of it. Then one number from each D: times v,"
        " summed.",
        "sums = queries.unsqueeze(2) + keys.unsqueeze(...)\nthen torch.tanh(...) @ v",
    ),
    why="a new axis in each tensor lets broadcasting form all T x S sums at once; the product with "
    "v is a dot product over the last axis, so it takes D away. The loop does the same work in T "
    "x S steps of Python.",
)


def _mask_cases(dice: Dice) -> list[tuple]:
    """Masks of three shapes, empty rows, and scores beyond any finite 'minus infinity'."""

    def scores_and_lengths(b: int, t: int, s: int) -> tuple:
        words = torch.arange(s) < dice.lengths(b, s).unsqueeze(1)  # (B, S)
        return dice.normal(b, t, s), words.unsqueeze(1)

    def any_words(b: int, t: int, s: int) -> torch.Tensor:
        mask = torch.rand(b, t, s, generator=dice.generator) < 0.6
        mask[..., 0] |= ~mask.any(dim=-1)  # a word in each row, until the case says otherwise
        return mask

    one, two, three = (dice.sizes(3, 2, 5) for _ in range(3))
    empty_sentence = scores_and_lengths(*two)
    empty_sentence[1][0] = False
    empty_row = any_words(*three)
    empty_row[-1, 0] = False
    big, low = scores_and_lengths(2, 3, 4), scores_and_lengths(3, 2, 5)
    first = scores_and_lengths(1, *dice.sizes(2, 2, 3))
    loud_padding = torch.tensor([[[0.0, 200.0], [1.0, 200.0], [-1.0, 0.5]]])
    below_finite = torch.tensor([[[-2e9, -2e9, 1.0]], [[-2e9, -3e9, 0.5]]])
    return [
        first,
        (loud_padding, torch.tensor([True, False])),
        (below_finite, torch.tensor([True, True, False])),
        scores_and_lengths(one[0], 1, one[1]),
        empty_sentence,
        (dice.normal(*three), empty_row),
        (dice.normal(2, 4, 3), torch.tensor([True, True, False])),
        (1e4 * big[0], big[1]),
        (4e9 * (low[0] - 5), low[1]),
        (dice.normal(3, 2, 4), torch.ones(2, 4, dtype=torch.bool).tril(1)),  # one for all sentences
        # Scores that are all 0 share out equally.
        (torch.zeros(2, 4, 5), torch.arange(5) < torch.tensor([[[3]], [[5]]])),
    ]


def _over_queries(scores: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    weights = torch.softmax(scores.masked_fill(~mask, _NEVER), dim=1)
    return weights.masked_fill(~mask, 0.0)


def _in_place(scores: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    allowed = torch.broadcast_to(mask, scores.shape)
    right = answers.masked_softmax(scores, mask)
    scores.masked_fill_(~allowed, _NEVER)
    return right


def _padding_and_empty_rows(scores: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
    """Padding gets no weight at all; a row without a word, no gradient either."""
    return {"result": ~mask, "scores": ~mask.any(dim=-1, keepdim=True)}


def _renormalised(scores: torch.Tensor, mask: torch.Tensor, least: float) -> torch.Tensor:
    left = torch.softmax(scores, dim=-1) * mask
    return left / left.sum(dim=-1, keepdim=True).clamp(min=least)


def _finite(scores: torch.Tensor, mask: torch.Tensor, least: float = -1e9) -> torch.Tensor:
    return torch.softmax(scores.masked_fill(~mask, least), dim=-1)


def _raw_exponentials(scores: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    parts = torch.exp(scores) * mask
    return torch.nan_to_num(parts / parts.sum(dim=-1, keepdim=True), nan=0.0, posinf=0.0)


masked_softmax = Exercise(
    name="nb04.masked_softmax",
    title="Turn scores into weights that leave padding out",
    difficulty=3,
    minutes=15,
    core=False,
    reference=answers.masked_softmax,
    spec=answers.masked_softmax_spec,
    cases=_mask_cases,
    sizes=lambda scores, mask: dict(zip("BTS", scores.shape, strict=True)),
    returns={"weights": "B T S"},
    gradients=("scores",),
    exact_zeros=_padding_and_empty_rows,
    training_case=lambda: (torch.randn(32, 16, 24), torch.ones(32, 1, 24, dtype=torch.bool)),
    wrong_answers=(
        Wrong(
            "mask_after",
            lambda scores, mask: torch.softmax(scores, dim=-1) * mask,
            "The padding is removed after the softmax. By then it has taken its share, so the "
            "weights of the real words no longer sum to 1. Mask the scores, before the softmax.",
        ),
        Wrong(
            "finite",
            _finite,
            "A number such as -1e9 is no minus infinity. Where real scores are lower still, the "
            "padding wins; where no word is allowed, all get the same weight. Use float('-inf').",
            also=(
                lambda scores, mask: _finite(scores, mask, -1e4),
                lambda scores, mask: torch.softmax(scores - 1e4 * ~mask, dim=-1),
                lambda scores, mask: torch.softmax(scores - 1e9 * ~mask, dim=-1),
            ),
        ),
        Wrong(
            "empty_rows_shared",
            lambda scores, mask: _finite(scores, mask, torch.finfo(scores.dtype).min),
            "Where a row allows no word, its weight is shared out among all of them. Set the "
            "weights of the words that are not allowed to 0, behind the softmax. (With minus "
            "infinity such a row would be NaN; with the smallest of all floats it is shared out.)",
        ),
        Wrong(
            "small_number",
            lambda scores, mask: _finite(scores, mask, -1.0),
            "The padding's scores are set to a small number such as -1, and exp(-1) is more than "
            "a third, so padding still gets weight. The score whose exponential is 0 is minus "
            "infinity.",
            also=(
                lambda scores, mask: _finite(scores, mask, -10.0),
                lambda scores, mask: _finite(scores, mask, -100.0),
            ),
        ),
        Wrong(
            "finite_zeroed",
            lambda scores, mask: _finite(scores, mask) * mask,
            "A number such as -1e9 is no minus infinity. Where real scores are lower still, the "
            "padding takes all the weight, and once that is set to 0 the row has none. Use "
            "float('-inf').",
        ),
        Wrong(
            "renormalised",
            lambda scores, mask: _renormalised(scores, mask, 1e-9),
            "You softmax over everything and divide by what is left. If padding has a much larger "
            "score, nothing is left: 0/0. Hide the padding before the softmax.",
        ),
        Wrong(
            "renormalised_nan",
            lambda scores, mask: _renormalised(scores, mask, 0.0),
            "You softmax over everything and divide by what is left. Where padding has a much "
            "larger score, or no word is allowed, nothing is left, and 0/0 is NaN. Hide the "
            "padding before the softmax, and give an empty row harmless scores.",
        ),
        Wrong(
            "zero_scores",
            lambda scores, mask: torch.softmax(scores * mask, dim=-1),
            "The padding's scores are set to 0. exp(0) is 1, so it still gets weight, and more "
            "than a real word with a negative score. The score whose exponential is 0 is minus "
            "infinity.",
        ),
        Wrong(
            "nan_rows",
            lambda scores, mask: torch.softmax(scores.masked_fill(~mask, _NEVER), dim=-1),
            "A row with no allowed word becomes NaN: a softmax of nothing but minus infinity "
            "divides 0 by 0. Such a row looks nowhere: its weights are 0, and its gradients too.",
        ),
        Wrong(
            "nan_gradient",
            lambda scores, mask: torch.nan_to_num(
                torch.softmax(scores + torch.where(mask, 0.0, _NEVER), dim=-1)
            ),
            "The NaN of an empty row is painted over after the softmax. The weights look right, "
            "but the gradient still passes through the softmax and is NaN: give it a harmless "
            "row first.",
        ),
        Wrong(
            "in_place",
            _in_place,
            "The weights are right, but scores now holds minus infinities: masked_fill_ with the "
            "underscore changes the caller's tensor. Without it you get a new one.",
        ),
        Wrong(
            "over_queries",
            _over_queries,
            "The softmax runs over the target steps. Each step shares out its own attention among "
            "the source words, so each row sums to 1: the axis is the last, S.",
        ),
        Wrong(
            "inverted",
            lambda scores, mask: answers.masked_softmax(scores, ~mask),
            "The mask is read the wrong way round: True means that a word may be attended. Yours "
            "looks at the padding only.",
        ),
        Wrong(
            "raw_exponentials",
            _raw_exponentials,
            "exp of a large score overflows to infinity, exp of a very low one is 0, and the "
            "division has lost the row. Softmax subtracts the largest score first; torch.softmax"
            " does it.",
        ),
        Wrong(
            "over_the_batch",
            lambda scores, mask: torch.softmax(scores.masked_fill(~mask, _NEVER), dim=0),
            "The softmax runs over the sentences of the batch. Each step shares out its own "
            "attention among the source words: the axis is the last, S.",
            also=(
                lambda scores, mask: torch.softmax(
                    scores.masked_fill(~mask, _NEVER), dim=0
                ).masked_fill(~mask, 0.0),
            ),
        ),
        Wrong(
            "multiplied_by_the_mask",
            lambda scores, mask: (
                torch.softmax(scores, dim=-1) * mask / mask.sum(dim=-1, keepdim=True).clamp(min=1)
            ),
            "What is left is divided by the number of allowed words. Then the weights do not sum "
            "to 1: hide the padding before the softmax, which divides by itself.",
        ),
        Wrong(
            "no_mask",
            lambda scores, mask: torch.softmax(scores, dim=-1),
            "The mask has no part in it: padding gets weight like any word.",
        ),
    ),
    hints=(
        "Which score becomes a weight of exactly 0, whatever the other scores are? And what does a "
        "softmax make of a row that holds nothing else?",
        "hidden = scores with -inf where the mask is False\nempty = rows without an allowed word\n"
        "softmax of hidden, with the empty rows replaced by 0s\nthen 0 wherever the mask is False",
        "empty = ~mask.any(dim=-1, keepdim=True)\n"
        "weights = torch.softmax(hidden.masked_fill(empty, 0.0), dim=...)\n"
        "return weights.masked_fill(..., 0.0)",
    ),
    why="exp(-inf) is exactly 0, so padding takes no share. An empty row is made harmless before "
    "the softmax, not after: then no NaN is ever computed, forward or backward.",
)


def _context_cases(dice: Dice) -> list[tuple]:
    def case(b: int, t: int, s: int, c: int) -> tuple:
        return dice.weights(b, t, s), dice.normal(b, s, c)

    one_step, one_word = dice.sizes(3), dice.sizes(3)
    return [
        case(1, *dice.sizes(3, 2, 4)),
        case(one_step[0], 1, *one_step[1:]),
        case(*one_word[:2], 1, one_word[2]),
        case(*dice.sizes(4)),
        case(*dice.sizes(4)),
    ]


def _hard(weights: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    chosen = torch.zeros_like(weights).scatter(2, weights.argmax(dim=-1, keepdim=True), 1.0)
    return chosen @ values


context_vectors = Exercise(
    name="nb04.context_vectors",
    title="Blend the values by their weights",
    difficulty=2,
    minutes=5,
    core=False,
    reference=answers.context_vectors,
    spec=answers.context_vectors_spec,
    cases=_context_cases,
    sizes=lambda weights, values: {
        **dict(zip("BTS", weights.shape, strict=True)),
        "C": values.size(2),
    },
    returns={"context": "B T C"},
    gradients=("weights", "values"),
    shapes_hint="The shapes are (B, T, S) and (B, S, C): which product sums over S and leaves "
    "(B, T, C)?",
    training_case=lambda: (
        torch.softmax(torch.randn(32, 16, 24), dim=-1),
        torch.randn(32, 24, 128),
    ),
    wrong_answers=(
        Wrong(
            "mean",
            lambda weights, values: values.mean(dim=1, keepdim=True).expand(
                -1, weights.size(1), -1
            ),
            "Each context is the plain mean of the values, so the weights have no say: every "
            "target step gets the same vector, whatever it looks at.",
        ),
        Wrong(
            "hard",
            _hard,
            "Each step takes the one value with the largest weight. That is a hard choice: no "
            "gradient tells the weights how to improve. Every value counts, by its weight.",
        ),
        Wrong(
            "softmax_twice",
            lambda weights, values: torch.softmax(weights, dim=-1) @ values,
            "The weights go through a softmax again. They sum to 1 already; a second softmax "
            "flattens them until each word counts nearly the same.",
        ),
        Wrong(
            "summed_over_steps",
            lambda weights, values: (weights.unsqueeze(-1) * values.unsqueeze(1)).sum(dim=1),
            "The sum runs over the target steps and leaves one vector for each source word. It "
            "is the source words that are blended: one vector for each target step is left.",
        ),
        Wrong(
            "transposed",
            lambda weights, values: (weights @ values).transpose(1, 2),
            "The last two axes have changed places. A row is a target step, and along it lie the C "
            "numbers of its context.",
        ),
        Wrong(
            "first_step_for_all",
            lambda weights, values: (weights[:, :1] @ values).expand(-1, weights.size(1), -1),
            "All steps share the first step's context. A new context at each step is the whole "
            "point of attention.",
        ),
        Wrong(
            "detached",
            lambda weights, values: weights.detach() @ values,
            "The weights are cut off from the graph. Then the scores learn nothing: alignment is "
            "learnt only through the gradient of these weights.",
        ),
        Wrong(
            "unweighted_sum",
            lambda weights, values: values.sum(dim=1, keepdim=True).expand(-1, weights.size(1), -1),
            "The values are added up, and the weights have no say. Each value counts by its "
            "weight.",
        ),
    ),
    hints=(
        "For one sentence: T rows of S weights, and S rows of C values. Which operation takes two "
        "such tables to T rows of C numbers?",
        "for each step t: the sum over words i of weights[t, i] times values[i].\n"
        "That is row t of a matrix product; batches of matrices multiply at once.",
        "(B, T, S) @ (B, S, C)",
    ),
    why="a weighted sum for each row of weights is what a matrix product computes, and @ keeps the "
    "batch axis apart.",
)
