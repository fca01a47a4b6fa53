"""Exercises of notebook 08, first part: the soft dictionary, many queries at once, and padding."""

from __future__ import annotations

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb08 import answers


def _lookup_cases(dice: Dice) -> list[tuple]:
    def case(k: int, s: int, v: int, temperature: float) -> tuple:
        return dice.normal(k), dice.normal(s, k), dice.normal(s, v), temperature

    return [
        (
            torch.tensor([1.0, 0.0]),
            torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]),
            torch.tensor([[1.0], [2.0], [4.0]]),
            0.5,
        ),
        case(3, 2, 4, 0.5),
        case(4, 3, 2, 2.0),
        case(*dice.sizes(3), 0.1),
        case(*dice.sizes(3), 0.7),
        case(*dice.sizes(3), 3.0),
        case(5, 4, 3, 1e-3),  # scores in the thousands
    ]


def _fit(query: torch.Tensor, keys: torch.Tensor, temperature: float) -> torch.Tensor:
    return torch.softmax(keys @ query / temperature, dim=0)


def _by_raw_exponentials(query, keys, values, temperature) -> torch.Tensor:
    powers = torch.exp(keys @ query / temperature)
    return powers / powers.sum() @ values


soft_lookup = Exercise(
    name="nb08.soft_lookup",
    title="A dictionary that never says KeyError",
    difficulty=1,
    minutes=10,
    core=True,
    reference=answers.soft_lookup,
    spec=answers.soft_lookup_spec,
    cases=_lookup_cases,
    sizes=lambda query, keys, values, temperature: {
        "d_k": query.numel(),
        "S": keys.size(0),
        "d_v": values.size(1),
    },
    returns={"result": "d_v"},
    gradients=("query", "keys", "values"),
    shapes_hint="keys (S, d_k) times query (d_k,) gives one score for each entry, (S,); weights "
    "(S,) times values (S, d_v) gives (d_v,).",
    training_case=lambda: (torch.randn(128), torch.randn(4000, 128), torch.randn(4000, 96), 11.0),
    wrong_answers=(
        Wrong(
            "hard",
            lambda query, keys, values, temperature: values[(keys @ query).argmax()],
            "This gives back the one value whose key fits best. It is what the soft look-up "
            "becomes at temperature 0; above it, every entry has a share.",
        ),
        Wrong(
            "times_temperature",
            lambda query, keys, values, temperature: _fit(query, keys, 1 / temperature) @ values,
            "The scores are multiplied by the temperature. Divide: a low temperature makes the "
            "differences larger and the look-up harder.",
        ),
        Wrong(
            "no_temperature",
            lambda query, keys, values, temperature: _fit(query, keys, 1.0) @ values,
            "The temperature has no part in it.",
        ),
        Wrong(
            "temperature_after",
            lambda query, keys, values, temperature: _fit(query, keys, 1.0) @ values / temperature,
            "The temperature divides the result, not the scores. Behind the softmax it only makes "
            "the answer longer or shorter.",
        ),
        Wrong(
            "no_softmax",
            lambda query, keys, values, temperature: (keys @ query / temperature) @ values,
            "The scores are used as weights as they are. They can be negative and sum to "
            "anything; the softmax turns them into shares.",
        ),
        Wrong(
            "keys_blended",
            lambda query, keys, values, temperature: _fit(query, keys, temperature) @ keys,
            "The keys are blended. A key is what an entry is found by; what is given back is its "
            "value.",
        ),
        Wrong(
            "mean",
            lambda query, keys, values, temperature: values.mean(dim=0),
            "This is the mean of all values, whatever the query asks for.",
        ),
        Wrong(
            "divided_by_the_sum",
            lambda query, keys, values, temperature: (
                (scores := keys @ query / temperature) / scores.sum() @ values
            ),
            "The scores are divided by their sum. They then sum to 1, but can be negative, and a "
            "sum near 0 makes them huge. The softmax takes the exponentials first.",
        ),
        Wrong(
            "overflow",
            _by_raw_exponentials,
            "Right for small scores, but the exponential of a large one is infinity, and infinity "
            "over infinity is no number. Take the largest score away first, as "
            "torch.softmax does: it changes no weight.",
        ),
        Wrong(
            "scaled_too",
            lambda query, keys, values, temperature: (
                _fit(query, keys, temperature * len(query) ** 0.5) @ values
            ),
            "The scores are divided by sqrt(d_k) too. Here the temperature alone divides them.",
        ),
        Wrong(
            "over_the_keys",
            lambda query, keys, values, temperature: (
                (keys * query / temperature).softmax(dim=0).mean(dim=1) @ values
            ),
            "The products are not summed before the softmax. A score is one number for each "
            "entry: the sum over the d_k products of query and key.",
        ),
        Wrong(
            "summed",
            lambda query, keys, values, temperature: values.sum(dim=0),
            "The values are added up. Each counts by its weight, the softmax of its score.",
        ),
    ),
    hints=(
        "A Python dictionary compares your key with each of its keys: equal or not. What could "
        "say how well two vectors agree, and how do S such numbers become shares?",
        "scores = each key . query, divided by the temperature    (S,)\n"
        "weights = softmax of the scores over the entries\n"
        "result = the values, blended by their weights            (d_v,)",
        "weights = torch.softmax(keys @ query / ..., dim=0)\nreturn weights @ ...",
    ),
    why="keys @ query is all S comparisons in one product, and weights @ values all S additions. "
    "Every step has a gradient, so a dictionary like this can be learnt.",
)


def _attention_cases(dice: Dice) -> list[tuple]:
    def case(b: int, t: int, s: int, k: int, v: int) -> tuple:
        return dice.normal(b, t, k), dice.normal(b, s, k), dice.normal(b, s, v)

    return [
        case(1, 2, 3, 4, 5),
        case(2, 1, 3, 5, 4),
        case(3, 4, 1, 5, 2),
        case(*dice.sizes(5)),
        case(*dice.sizes(5)),
        case(*dice.sizes(5, 2, 9)),
        _loud(dice, 2, 3, 5, 4, 6),
    ]


def _loud(dice: Dice, b: int, t: int, s: int, k: int, v: int) -> tuple:
    """Scores in the thousands. Whole numbers, so that they are exact in any order of adding."""
    queries, keys = (10.0 * dice.integers(-9, 10, b, n, k) for n in (t, s))
    return queries, keys, dice.normal(b, s, v)


def _weights(queries, keys, divisor: float, dim: int = -1) -> torch.Tensor:
    return torch.softmax(queries @ keys.transpose(-2, -1) / divisor, dim=dim)


def _with_outputs(weights: torch.Tensor, values: torch.Tensor) -> tuple:
    return weights @ values, weights


def _hard(queries, keys, values) -> tuple:
    _, weights = answers.attention_outputs(queries, keys, values)
    chosen = torch.zeros_like(weights).scatter(2, weights.argmax(dim=-1, keepdim=True), 1.0)
    return _with_outputs(chosen, values)


def _attention_by_raw_exponentials(queries, keys, values) -> tuple:
    powers = torch.exp(queries @ keys.mT / queries.size(-1) ** 0.5)
    return _with_outputs(powers / powers.sum(dim=-1, keepdim=True), values)


attention_outputs = Exercise(
    name="nb08.attention_outputs",
    title="All queries at once: E, A and Y",
    difficulty=2,
    minutes=15,
    core=True,
    reference=answers.attention_outputs,
    spec=answers.attention_outputs_spec,
    cases=_attention_cases,
    sizes=lambda queries, keys, values: {
        **dict(zip(("B", "T", "d_k"), queries.shape, strict=True)),
        "S": keys.size(1),
        "d_v": values.size(2),
    },
    returns={"outputs": "B T d_v", "weights": "B T S"},
    gradients=("queries", "keys", "values"),
    shapes_hint="queries (B, T, d_k) meet keys with their last two axes transposed, (B, d_k, S): "
    "that gives (B, T, S). Those weights meet values (B, S, d_v).",
    training_case=lambda: (
        torch.randn(32, 24, 64),
        torch.randn(32, 25, 64),
        torch.randn(32, 25, 96),
    ),
    wrong_answers=(
        Wrong(
            "not_scaled",
            lambda q, k, v: _with_outputs(_weights(q, k, 1.0), v),
            "The scores are not divided by sqrt(d_k), d_k being the width of queries and keys. "
            "With wide vectors the softmax then picks one key, and stops learning.",
        ),
        Wrong(
            "by_width",
            lambda q, k, v: _with_outputs(_weights(q, k, q.size(-1)), v),
            "The scores are divided by the width d_k. A sum of d_k independent products spreads "
            "like sqrt(d_k): dividing by d_k makes all keys look alike.",
        ),
        Wrong(
            "by_value_width",
            lambda q, k, v: _with_outputs(_weights(q, k, v.size(-1) ** 0.5), v),
            "The scores are divided by the root of the values' width. A score sums over the d_k "
            "numbers of a query and a key; the values have no part in it.",
        ),
        Wrong(
            "by_words",
            lambda q, k, v: _with_outputs(_weights(q, k, k.size(1) ** 0.5), v),
            "The scores are divided by the root of the number of keys. A score sums over the d_k "
            "numbers of one query and one key, however many keys there are.",
        ),
        Wrong(
            "over_queries",
            lambda q, k, v: _with_outputs(_weights(q, k, q.size(-1) ** 0.5, dim=1), v),
            "The softmax runs down the columns, over the queries. Each query shares out its own "
            "attention among the keys: each row sums to 1, so the axis is the last.",
        ),
        Wrong(
            "over_the_batch",
            lambda q, k, v: _with_outputs(_weights(q, k, q.size(-1) ** 0.5, dim=0), v),
            "The softmax runs over the sentences of the batch, which have nothing to do with each "
            "other. Each query shares out its attention among the keys: the last axis.",
        ),
        Wrong(
            "scaled_afterwards",
            lambda q, k, v: _with_outputs(_weights(q, k, 1.0) / q.size(-1) ** 0.5, v),
            "The root divides the weights, after the softmax. There it only makes all of them too "
            "small; it belongs to the scores, before.",
        ),
        Wrong(
            "keys_blended",
            lambda q, k, v: _with_outputs(_weights(q, k, q.size(-1) ** 0.5), k),
            "The keys are blended. They decide how much each position counts; what is handed on "
            "are the values. That they may differ is the point of having both.",
        ),
        Wrong(
            "hard",
            _hard,
            "Each query takes the value of its best key alone. No gradient tells a hard choice "
            "how to improve.",
        ),
        Wrong(
            "scores_returned",
            lambda q, k, v: (
                answers.attention_outputs(q, k, v)[0],
                q @ k.transpose(-2, -1) / q.size(-1) ** 0.5,
            ),
            "The outputs are right, but what you return beside them are the scores E. The weights "
            "A are their softmax.",
        ),
        Wrong(
            "other_order",
            lambda q, k, v: answers.attention_outputs(q, k, v)[::-1],
            "The two results are there, in the other order: first the outputs, then the weights.",
        ),
        Wrong(
            "overflow",
            _attention_by_raw_exponentials,
            "Right for small scores, but the exponential of a large one is infinity, and infinity "
            "over infinity is no number. Take the largest score of the row away first, as "
            "torch.softmax does: it changes no weight.",
        ),
        Wrong(
            "half_power",
            lambda q, k, v: _with_outputs(_weights(q, k, 2 * q.size(-1)), v),
            "`/ d_k ** 1/2` is no root: Python takes the power first, so it divides by d_k and "
            "then by 2. Write d_k ** 0.5.",
            also=(lambda q, k, v: _with_outputs(_weights(q, k, q.size(-1) / 2), v),),
        ),
        Wrong(
            "no_softmax",
            lambda q, k, v: _with_outputs(q @ k.mT / q.size(-1) ** 0.5, v),
            "There is no softmax: the scores themselves are used as weights. They can be "
            "negative, and do not sum to 1.",
        ),
        Wrong(
            "times_the_root",
            lambda q, k, v: _with_outputs(_weights(q, k, q.size(-1) ** -0.5), v),
            "The scores are multiplied by sqrt(d_k). Divide by it: a sum over d_k products grows "
            "with sqrt(d_k).",
        ),
    ),
    hints=(
        "For one sentence, Q is a table of T rows and K one of S rows. What table holds each "
        "row's dot product with each other row?",
        "E = Q times K transposed, divided by the root of d_k          (B, T, S)\n"
        "A = softmax along each row of E\n"
        "Y = A times V                                                 (B, T, d_v)",
        "scores = queries @ keys.transpose(-2, -1) / ...\n"
        "weights = torch.softmax(scores, dim=...)\nreturn weights @ ..., weights",
    ),
    why="a matrix product is a table of dot products, and another one a table of weighted sums. "
    "So T look-ups in B dictionaries cost two products and a softmax.",
)


def _padded_cases(dice: Dice) -> list[tuple]:
    def case(b: int, t: int, s: int, v: int, *lengths: int) -> tuple:
        own = torch.tensor(lengths) if lengths else dice.lengths(b, s)
        return dice.normal(b, t, s), dice.normal(b, s, v), own

    loud = case(2, 3, 4, 5, 2, 3)
    loud[0][..., 3] += 200.0  # the padding's score is far above all others
    far, low = case(3, 4, 5, 2, 3, 0, 4), case(2, 3, 5, 4, 3, 4)
    return [
        case(1, 2, 3, 4, 2),
        case(2, 1, 3, 4, 0, 2),
        loud,
        case(3, 2, 5, 4, 5, 0, 1),
        case(*dice.sizes(4)),
        case(*dice.sizes(4)),
        (1e4 * far[0], far[1].masked_fill(~_mask(far[0], far[2]).mT, -1e30), far[2]),
        (4e9 * (low[0] - 5), *low[1:]),  # lower than any finite 'minus infinity'
    ]


def _mask(scores: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    return (torch.arange(scores.size(-1)) < lengths.unsqueeze(1)).unsqueeze(1)


def _filled(scores, values, mask, number: float) -> torch.Tensor:
    return torch.softmax(scores.masked_fill(~mask, number), dim=-1) @ values


def _beyond_words(scores, values, lengths) -> dict[str, torch.Tensor]:
    mask = _mask(scores, lengths)
    return {"result": lengths.view(-1, 1, 1) == 0, "scores": ~mask, "values": ~mask.mT}


def _rows_of_queries(scores, values, lengths, number: float = -1e4) -> torch.Tensor:
    rows = torch.arange(scores.size(1)) < lengths.unsqueeze(1)  # (B, T)
    return torch.softmax(scores.masked_fill(~rows.unsqueeze(2), number), dim=-1) @ values


masked_outputs = Exercise(
    name="nb08.masked_outputs",
    title="Leave the padding out of every look-up",
    difficulty=3,
    minutes=15,
    core=False,
    reference=answers.masked_outputs,
    spec=answers.masked_outputs_spec,
    cases=_padded_cases,
    sizes=lambda scores, values, lengths: {
        **dict(zip("BTS", scores.shape, strict=True)),
        "d_v": values.size(2),
    },
    returns={"outputs": "B T d_v"},
    gradients=("scores", "values"),
    exact_zeros=_beyond_words,
    shapes_hint="lengths (B,) becomes a mask (B, 1, S): arange(S) < lengths.unsqueeze(1) is "
    "(B, S), and the axis of size 1 lets it serve all T queries.",
    training_case=lambda: (
        torch.randn(32, 24, 25),
        torch.randn(32, 25, 96),
        torch.arange(32) % 25 + 1,
    ),
    wrong_answers=(
        Wrong(
            "no_mask",
            lambda scores, values, lengths: torch.softmax(scores, dim=-1) @ values,
            "The lengths have no part in it: the padding is blended in like any word.",
        ),
        Wrong(
            "mask_after",
            lambda scores, values, lengths: (
                torch.softmax(scores, dim=-1) * _mask(scores, lengths) @ values
            ),
            "The padding is removed after the softmax. By then it has taken its share, and what "
            "is left no longer sums to 1. Hide its scores, before the softmax.",
        ),
        Wrong(
            "nan_rows",
            lambda scores, values, lengths: _filled(
                scores, values, _mask(scores, lengths), float("-inf")
            ),
            "A sentence of no words becomes NaN: a softmax of nothing but minus infinity divides "
            "0 by 0. It has nothing to look at, so its outputs are zeros.",
        ),
        Wrong(
            "nan_gradient",
            lambda scores, values, lengths: (
                torch.nan_to_num(
                    torch.softmax(
                        scores + torch.where(_mask(scores, lengths), 0.0, float("-inf")), dim=-1
                    )
                )
                @ values
            ),
            "The outputs are right, but the NaN of an empty sentence is painted over after the "
            "softmax, and its gradient is NaN. Give such a row harmless scores first.",
        ),
        Wrong(
            "finite",
            lambda scores, values, lengths: _filled(scores, values, _mask(scores, lengths), -1e9),
            "-1e9 is no minus infinity. In a sentence of no words all scores are then equal, and "
            "its output is the mean of the padding. Use float('-inf'), and zeros for such a row.",
        ),
        Wrong(
            "zero_scores",
            lambda scores, values, lengths: (
                torch.softmax(scores * _mask(scores, lengths), dim=-1) @ values
            ),
            "The padding's scores are set to 0. exp(0) is 1: it still gets a share.",
        ),
        Wrong(
            "one_too_many",
            lambda scores, values, lengths: answers.masked_outputs(
                scores, values, (lengths + 1).clamp(max=scores.size(-1))
            ),
            "The mask is one word too long. Counted from 0, a sentence of n words has the "
            "positions 0 to n - 1: position n is padding already.",
        ),
        Wrong(
            "inverted",
            lambda scores, values, lengths: torch.nan_to_num(
                _filled(scores, values, ~_mask(scores, lengths), float("-inf"))
            ),
            "The words are hidden and the padding is blended. masked_fill fills where its mask is "
            "True: there it needs the padding.",
        ),
        Wrong(
            "rows_of_queries",
            _rows_of_queries,
            "The mask lies along the rows, over the queries: (B, T, 1). The lengths say which "
            "source words are there, so the mask lies along the columns: (B, 1, S).",
        ),
        Wrong(
            "no_query_axis",
            lambda scores, values, lengths: (
                torch.softmax(
                    scores.masked_fill(~_mask(scores, lengths).squeeze(1), float("-inf")), dim=-1
                )
                @ values
            ),
            "The words of the sentences, (B, S), have no axis for the queries. Then broadcasting "
            "takes the sentences for queries: with unsqueeze(1) they are (B, 1, S).",
            also=(
                lambda scores, values, lengths: (
                    torch.nan_to_num(
                        torch.softmax(
                            scores.masked_fill(~_mask(scores, lengths).squeeze(1), float("-inf")),
                            dim=-1,
                        )
                    )
                    @ values
                ),
            ),
        ),
    ),
    hints=(
        "Which of the three axes (B, T, S) does padding lie along, and for how many queries does "
        "one mask serve?",
        "words = positions 0, 1, ... S - 1 compared with each length    (B, S)\n"
        "mask = words with an axis for the queries                      (B, 1, S)\n"
        "the scores with -inf where there is no word; 0 instead in a sentence of no words\n"
        "softmax, 0 on padding, times the values",
        "words = torch.arange(scores.size(-1)) < lengths.unsqueeze(1)\n"
        "mask = words.unsqueeze(...)\nthen as in masked_softmax of notebook 04, and @ values",
    ),
    why="the mask is made from the lengths of the keys' sentence, and the T queries share it. It "
    "is 04's masked softmax: -inf before the softmax, and a harmless row where there is no word.",
)
